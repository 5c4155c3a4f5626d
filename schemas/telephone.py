"""Telephone numbers as the one number that their sender meant, or none.

A number is read as its region's and, if it lacks `+` and a trunk zero, as an international one as
well: messengers and exports leave the `+` out, spreadsheets the zero. Only a valid number counts;
of two valid readings none is guessed. What a spreadsheet made of a number is undone where no digit
was lost. Nothing here knows who is behind a number.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberType

WHOLE_FLOAT = re.compile(r"([^.,]*[0-9])[.,]0+")
"""A number that went through a column of floats; its digits are before the point."""
DECIMAL = re.compile(r"\+?[1-9][0-9]*[.,][0-9]{1,2}")
EXPONENT = re.compile(r"\+?[0-9]+([.,][0-9]*)?[eE][+-]?[0-9]+")
"""The rest of a number whose digits are lost."""
BARE = re.compile(r"[1-9][0-9]*+([ \u00a0]++(\(0\))?+[ \u00a0]*+[0-9]++)*+")
"""Digits in groups, as an international number without its `+` has them. Brackets and dashes are
how a country writes its own numbers. Possessive: runs of blanks could be divided in a number of
ways that grows exponentially with the groups."""
LABEL = re.compile(r"(tel|telefon|telephone|phone|fon|mobile?|handy|[ptm])[.:]+\s*", re.IGNORECASE)
COMMENT = re.compile(r"\s*\([^0-9()+]*\)$")
AROUND = " \t\r\n\u00a0\"'`=;,."
"""What files and their formulas leave around a number, as in `="4915112345678"`."""
BEGINNING = re.compile(r"[+(]*[0-9]")
LENGTHS_OF_A_CLOSED_PLAN = 3
"""A closed numbering plan has few lengths of numbers."""
MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


class NoTelephoneNumber(ValueError):
    """There is no such number; the message says why, without quoting it."""


class AmbiguousTelephoneNumber(NoTelephoneNumber):
    """The digits are two numbers: one of the region, and one of another country."""


def read_number(written: str, region: str) -> str:
    """The number in E.164 form; `region` (ISO 3166) is that of a number without a country.

    Raises:
        NoTelephoneNumber: not a valid number.
        AmbiguousTelephoneNumber: two valid numbers.
    """
    text = _without_surroundings(_ascii_digits(written))
    if EXPONENT.fullmatch(text):
        raise NoTelephoneNumber("its last digits were lost in a floating-point number")
    whole = WHOLE_FLOAT.fullmatch(text)
    if whole:
        text = whole[1]
    elif DECIMAL.fullmatch(text):
        raise NoTelephoneNumber("a number with decimals")
    if not BEGINNING.match(text):
        raise NoTelephoneNumber("does not begin with a digit, a plus or a bracket")
    return phonenumbers.format_number(_choose(text, region), phonenumbers.PhoneNumberFormat.E164)


def _without_surroundings(text: str) -> str:
    return COMMENT.sub("", LABEL.sub("", text.strip(AROUND), count=1).strip(AROUND))


def _ascii_digits(text: str) -> str:
    """The text with digits of all scripts as ASCII ones, full-width signs as usual ones, without
    marks that show nothing, as clipboards set them around numbers."""
    visible = "".join(one for one in text if unicodedata.category(one) != "Cf")
    plain = unicodedata.normalize("NFKC", visible)
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in plain)


def _choose(text: str, region: str) -> PhoneNumber:
    national = _valid(text, region)
    is_bare = BARE.fullmatch(text) is not None
    international = _parsed(f"+{text}", region) if is_bare else None
    if international is None or national == international:
        if national is None:
            raise NoTelephoneNumber(f"not a valid telephone number of region {region}")
        return national
    is_valid = phonenumbers.is_valid_number(international)
    if national is None:
        if not is_valid:
            raise NoTelephoneNumber(f"not a valid number, in region {region} or with +")
        return international
    if not is_valid and not (_is_loose(national, region) and _is_possible(international)):
        return national
    own = international.country_code == phonenumbers.country_code_for_region(region)
    if is_valid and own and _is_mobile(international):
        return international  # no landline of the region has so many digits after its area code
    raise AmbiguousTelephoneNumber(f"a number of region {region}, or of another country without +")


def _is_loose(number: PhoneNumber, region: str) -> bool:
    """Whether nearly any digits would be such a number: a landline of a region where they have many
    lengths, as in Germany and Austria."""
    metadata = PhoneMetadata.metadata_for_region(region)
    landlines = metadata.fixed_line if metadata else None
    lengths = landlines.possible_length if landlines else ()
    return len(lengths) > LENGTHS_OF_A_CLOSED_PLAN and not _is_mobile(number)


def _is_possible(number: PhoneNumber) -> bool:
    reason = phonenumbers.is_possible_number_with_reason(number)
    return bool(reason == phonenumbers.ValidationResult.IS_POSSIBLE)


def _is_mobile(number: PhoneNumber) -> bool:
    return phonenumbers.number_type(number) in MOBILE


def _valid(text: str, region: str) -> PhoneNumber | None:
    number = _parsed(text, region)
    return number if number is not None and phonenumbers.is_valid_number(number) else None


def _parsed(text: str, region: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if any(one.isalpha() for one in text) and not number.extension:
        return None  # the digits are part of something else
    return number

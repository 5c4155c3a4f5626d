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
from phonenumbers import PhoneNumber, PhoneNumberType

WHOLE_FLOAT = re.compile(r"(\+?[1-9][0-9]*)[.,]0+")
"""A number that went through a column of floats; its digits are before the point."""
EXPONENT = re.compile(r"\+?[0-9]+([.,][0-9]*)?[eE][+-]?[0-9]+")
"""The rest of a number whose digits are lost."""
BARE = re.compile(r"[1-9][0-9]*([ \u00a0]+(\(0\))?[ \u00a0]*[0-9]+)*")
"""Digits in groups, as an international number without its `+` has them. Brackets and dashes are
how a country writes its own numbers."""
URI = re.compile(r"tel:", re.IGNORECASE)
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
    text = URI.sub("", _ascii_digits(written).strip(), count=1)
    if EXPONENT.fullmatch(text):
        raise NoTelephoneNumber("its last digits were lost in a floating-point number")
    whole = WHOLE_FLOAT.fullmatch(text)
    number = _choose(whole[1] if whole else text, region)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _ascii_digits(text: str) -> str:
    """The text with digits of all scripts as ASCII ones, and full-width signs as usual ones."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in plain)


def _choose(text: str, region: str) -> PhoneNumber:
    national = _valid(text, region)
    international = _valid(f"+{text}", region) if BARE.fullmatch(text) else None
    if national is None or international is None or national == international:
        number = national or international
        if number is None:
            raise NoTelephoneNumber(f"not a valid telephone number, in region {region} or with +")
        return number
    own = international.country_code == phonenumbers.country_code_for_region(region)
    if own and phonenumbers.number_type(international) in MOBILE:
        return international  # no landline of the region has so many digits after its area code
    raise AmbiguousTelephoneNumber(f"a number of region {region}, or of another country without +")


def _valid(text: str, region: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if any(one.isalpha() for one in text) and not number.extension:
        return None  # the digits are part of something else
    return number if phonenumbers.is_valid_number(number) else None

"""Attributes of customers by type: the one written form of a value, or that it has none.

A value is brought into its form only where it means one thing: `04.12.1971` is a day, `04/12/1971`
may be two. Nothing is refused and nothing guessed here; what has no form stays as it was given.
Pure: no clock, no look-up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from schemas.codes import country_code, language_code
from schemas.identifiers import (
    REMEMBERED_CHARACTERS_MAX,
    InvalidIdentifier,
    normalise_email,
    normalise_phone,
)

GENDERS = {
    word: gender
    for gender, words in (
        ("female", "f w female woman weiblich frau femme"),
        ("male", "m male man männlich maennlich mann herr homme"),
        ("diverse", "d x diverse divers nonbinary non-binary enby"),
    )
    for word in words.split()
}
"""Codes as 1 and 2 are not among them: systems do not agree on what they mean."""
ZONES = timedelta(hours=14)
"""How far the calendar of a place may be ahead of UTC."""
FIRST_YEAR, LAST_YEAR = 1880, 2099
NO_DATES = frozenset({date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1)})
"""What spreadsheets and databases write for no date at all."""
YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")
YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4})")
WITH_MONTH_NAME = re.compile(r"([0-9]{1,2})(?:\. ?|[ /-])([^\W\d_]{3,9})(?:\. ?|[ /-])([0-9]{4})")
MONTH_NAME_FIRST = re.compile(r"([^\W\d_]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")
MIDNIGHT = re.compile(r"[T ]00:00(:00([.]0+)?)?(Z|[+]00:?00)?$")
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner", "feb february februar", "mar march mär märz mrz",
            "apr april", "may mai", "jun june juni", "jul july juli", "aug august",
            "sep sept september", "oct october okt oktober", "nov november",
            "dec december dez dezember",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
WRAPPED_ADDRESS = re.compile(r"(?i:mailto:)([^<>\s]+)|[^<>]*<([^<>\s]+)>")
LANGUAGE = re.compile(
    r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?(?:[.][Uu][Tt][Ff]-?8)?"
)
POSTAL_CODE = re.compile(
    r"(?:[A-Za-z]{1,3}-|(?:DE?|AT?|CH|FL|LI|LU?|FR?|IT?|NL|BE?|PL|DK|CZ) (?=[0-9]))?"
    r"([0-9A-Za-z][0-9A-Za-z \-]{0,8}[0-9A-Za-z])",
)
PLACE_NAME = re.compile(r"[0-9].* ([A-Za-z]{3,}|[A-Za-z])$|[0-9]{5}.* [A-Za-z]+$")
"""Letters after a postal code, where no country has them in it (`1012 AB` is Dutch)."""
SPREADSHEET = re.compile(r"'([^'].*)|=\"([^\"]+)\"")
HYPHENS = dict.fromkeys((*range(0x2010, 0x2014), 0x2212), "-")
UNSEEN = "".join(one for one in map(chr, range(0x3001)) if one.isspace()) + (
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""White space, and characters without a width: they mean nothing at the ends of a typed value."""
WHOLE_FLOAT = re.compile(r"([1-9][0-9]{3,9})[.]0+")
WITHOUT_MEANING = re.compile(r"[\W_]+|\{\{.*\}\}|\$\{.*\}|%%.*%%|<%.*%>|\*\|.*\|\*|\[\[.*\]\]")
"""Signs alone, and templates that nobody filled in."""
NO_VALUES = frozenset(
    (
        "null", "(null)", "<null>", "[null]", "(nil)", "<nil>", "undefined", "(undefined)",
        "dbnull", "<none>", "(none)", "\\n", "n/a", "n.a.", "#n/a", "#nv", "#ref!", "#value!",
        "#wert!", "#name?", "(not set)", "not set", "not provided", "not specified",
        "[object object]", "keine angabe", "keine angaben", "k.a.", "k. a.", "nicht angegeben",
        "(leer)", "<leer>", "(empty)", "<empty>",
    )
)  # fmt: skip
"""What programs, exporters and forms write for no value at all. Words that may be a value (none,
unknown, other, Nil) are not among them."""


class AttributeType(StrEnum):
    """What kind of value an attribute has."""

    TEXT = "text"
    DATE = "date"
    BIRTH_DATE = "birth_date"
    GENDER = "gender"
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"
    LANGUAGE = "language"
    POSTAL_CODE = "postal_code"


USUAL_TYPES = {
    "birth_date": AttributeType.BIRTH_DATE,
    "gender": AttributeType.GENDER,
    "email": AttributeType.EMAIL,
    "phone": AttributeType.PHONE,
    "country": AttributeType.COUNTRY,
    "language": AttributeType.LANGUAGE,
    "postal_code": AttributeType.POSTAL_CODE,
}
"""Types of attributes for which a rules file names none."""
FORMS = {
    AttributeType.TEXT: "text",
    AttributeType.DATE: "a day as 1971-12-04",
    AttributeType.BIRTH_DATE: "a day as 1971-12-04, before that of the event",
    AttributeType.GENDER: "female, male or diverse",
    AttributeType.EMAIL: "an e-mail address",
    AttributeType.PHONE: "a telephone number with + and its country",
    AttributeType.COUNTRY: "a country as DE (ISO 3166-1 alpha-2)",
    AttributeType.LANGUAGE: "a language as de or de-AT",
    AttributeType.POSTAL_CODE: "a postal code",
}
"""How a value is best written."""


class Reading(NamedTuple):
    """A value in the form of its type; `is_valid` false: as it was given, because it has none."""

    value: str
    is_valid: bool


def read_attribute(
    type_: AttributeType, given: str, region: str, said_at: datetime | None = None
) -> Reading:
    """The written form of a value.

    `region` (ISO 3166) reads telephone numbers without a country; nobody is born after `said_at`,
    wherever on earth that was. An empty value is valid: it says nothing.
    """
    found = read_value(type_, given, region)
    if type_ is not AttributeType.BIRTH_DATE or said_at is None or not found.is_valid:
        return found
    latest = (said_at.astimezone(UTC) + ZONES).date().isoformat()
    return found if found.value <= latest else Reading(given, False)


def read_value(type_: AttributeType, given: str, region: str) -> Reading:
    """The written form of a value, whenever it was said."""
    read = _remembered if len(given) <= REMEMBERED_CHARACTERS_MAX else _read
    return read(type_, given, region)


def _read(type_: AttributeType, given: str, region: str) -> Reading:
    if not (text := given.strip()):
        return Reading("", True)
    if type_ is not AttributeType.TEXT:  # of which no letter is changed
        text = unicodedata.normalize("NFC", text).strip(UNSEEN)
    found = None if is_no_value(text) else READERS[type_](text, region)
    return Reading(given, False) if found is None else Reading(found, True)


_remembered = lru_cache(maxsize=100_000)(_read)


def is_no_value(text: str) -> bool:
    """Whether a value only says that there is none."""
    return not text or text.lower() in NO_VALUES or WITHOUT_MEANING.fullmatch(text) is not None


def _plain(text: str) -> str:
    """A date or code without what a spreadsheet puts around it, and with simple hyphens."""
    quoted = SPREADSHEET.fullmatch(text)
    return (quoted[1] or quoted[2] if quoted else text).translate(HYPHENS)


def _text(text: str, _: str) -> str | None:
    return text


def _date(text: str, _: str) -> str | None:
    days = set(_days(MIDNIGHT.sub("", _plain(text))))
    if len(days) != 1:
        return None
    [day] = days
    return None if day in NO_DATES else day.isoformat()


def _days(text: str) -> Iterator[date]:
    """The days that a text may mean."""
    if found := YEAR_FIRST.fullmatch(text):
        year, gap, month, day = found.groups()
        if gap or len(text) == 8:
            yield from _day(year, month, day)
        if not gap and len(text) == 8:
            yield from _day(text[4:], text[2:4], text[:2])
            yield from _day(text[4:], text[:2], text[2:4])
    elif found := YEAR_LAST.fullmatch(text):
        first, gap, second, year = found.groups()
        yield from _day(year, second, first)
        if gap != ".":  # with full stops the day stands first everywhere
            yield from _day(year, first, second)
    elif found := WITH_MONTH_NAME.fullmatch(text):
        day, month, year = found.groups()
        yield from _day(year, str(MONTHS.get(month.lower(), 0)), day)
    elif found := MONTH_NAME_FIRST.fullmatch(text):
        month, day, year = found.groups()
        yield from _day(year, str(MONTHS.get(month.lower(), 0)), day)
    elif len(text) == 8 and text.isascii() and text.isdigit():
        yield from _day(text[4:], text[2:4], text[:2])


def _day(year: str, month: str, day: str) -> Iterator[date]:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return
    if FIRST_YEAR <= found.year <= LAST_YEAR:
        yield found


def _email(text: str, _: str) -> str | None:
    wrapped = WRAPPED_ADDRESS.fullmatch(text)
    try:
        return normalise_email(wrapped[1] or wrapped[2] if wrapped else text)
    except InvalidIdentifier:
        return None


def _phone(text: str, region: str) -> str | None:
    try:
        return normalise_phone(text, region)
    except InvalidIdentifier:
        return None


def _gender(text: str, _: str) -> str | None:
    return GENDERS.get(text.lower().rstrip("."))


def _country(text: str, _: str) -> str | None:
    return country_code(text)


def _language(text: str, _: str) -> str | None:
    found = LANGUAGE.fullmatch(text)
    if found is None:
        return None
    language, script, country = found.groups()
    code = language_code(language)
    if code is None:
        return None
    parts = (code, script and script.title(), country and country.upper())
    return "-".join(part for part in parts if part)


def _postal_code(text: str, _: str) -> str | None:
    text = _plain(text)
    whole = WHOLE_FLOAT.fullmatch(text)
    found = POSTAL_CODE.fullmatch(whole[1] if whole else text)
    if found is None or not any("1" <= one <= "9" for one in found[1]):
        return None
    code = " ".join(found[1].upper().split())
    return None if PLACE_NAME.search(code) else code


READERS: dict[AttributeType, Callable[[str, str], str | None]] = {
    AttributeType.TEXT: _text,
    AttributeType.DATE: _date,
    AttributeType.BIRTH_DATE: _date,
    AttributeType.GENDER: _gender,
    AttributeType.EMAIL: _email,
    AttributeType.PHONE: _phone,
    AttributeType.COUNTRY: _country,
    AttributeType.LANGUAGE: _language,
    AttributeType.POSTAL_CODE: _postal_code,
}

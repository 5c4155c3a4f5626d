"""Attributes of customers by type: the one written form of a value, or that it has none.

A value is brought into its form only where it means one thing: `04.12.1971` is a day, `04/12/1971`
may be two. Nothing is refused and nothing guessed here; what has no form stays as it was given.
Pure: no clock, no look-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import phonenumbers

from schemas.identifiers import InvalidIdentifier, normalise_email, normalise_phone

FIRST_YEAR, LAST_YEAR = 1880, 2099
NO_DATES = frozenset({date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1)})
"""What spreadsheets and databases write for no date at all."""
YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})")
YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4})")
WITH_MONTH_NAME = re.compile(r"([0-9]{1,2})\.? ([^\W\d_]{3,9})\.? ([0-9]{4})")
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
COUNTRIES = {
    "deutschland": "DE", "germany": "DE", "deu": "DE", "österreich": "AT", "oesterreich": "AT",
    "austria": "AT", "aut": "AT", "schweiz": "CH", "switzerland": "CH", "suisse": "CH", "che": "CH",
    "frankreich": "FR", "france": "FR", "fra": "FR", "italien": "IT", "italy": "IT", "ita": "IT",
    "niederlande": "NL", "netherlands": "NL", "nld": "NL", "belgien": "BE", "belgium": "BE",
    "bel": "BE", "luxemburg": "LU", "luxembourg": "LU", "lux": "LU", "polen": "PL", "poland": "PL",
    "pol": "PL", "dänemark": "DK", "denmark": "DK", "dnk": "DK", "tschechien": "CZ",
    "czechia": "CZ", "cze": "CZ",
    "spanien": "ES", "spain": "ES", "esp": "ES", "liechtenstein": "LI",
    "großbritannien": "GB", "united kingdom": "GB", "gbr": "GB", "usa": "US", "united states": "US",
}  # fmt: skip
LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}))?")
POSTAL_CODE = re.compile(r"(?:[A-Za-z]{1,3}-)?([0-9A-Za-z][0-9A-Za-z \-]{1,9})")
WHOLE_FLOAT = re.compile(r"([1-9][0-9]{3,9})[.]0+")


class AttributeType(StrEnum):
    """What kind of value an attribute has."""

    TEXT = "text"
    DATE = "date"
    EMAIL = "email"
    PHONE = "phone"
    COUNTRY = "country"
    LANGUAGE = "language"
    POSTAL_CODE = "postal_code"


USUAL_TYPES = {
    "birth_date": AttributeType.DATE,
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


@lru_cache(maxsize=100_000)
def read_attribute(type_: AttributeType, given: str, region: str) -> Reading:
    """The written form of a value. `region` (ISO 3166) reads telephone numbers without a country.

    An empty value is valid: it says nothing.
    """
    text = given.strip()
    found = READERS[type_](text, region) if text else ""
    return Reading(given, False) if found is None else Reading(found, True)


def _text(text: str, _: str) -> str | None:
    return text


def _date(text: str, _: str) -> str | None:
    days = set(_days(MIDNIGHT.sub("", text)))
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
    try:
        return normalise_email(text)
    except InvalidIdentifier:
        return None


def _phone(text: str, region: str) -> str | None:
    try:
        return normalise_phone(text, region)
    except InvalidIdentifier:
        return None


def _country(text: str, _: str) -> str | None:
    code = COUNTRIES.get(text.lower(), text.upper())
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


def _language(text: str, _: str) -> str | None:
    found = LANGUAGE.fullmatch(text)
    if found is None:
        return None
    language, country = found[1].lower(), found[2]
    return f"{language}-{country.upper()}" if country else language


def _postal_code(text: str, _: str) -> str | None:
    whole = WHOLE_FLOAT.fullmatch(text)
    found = POSTAL_CODE.fullmatch(whole[1] if whole else text)
    if found is None or not any(one.isdigit() for one in found[1]):
        return None
    return " ".join(found[1].upper().split())


READERS: dict[AttributeType, Callable[[str, str], str | None]] = {
    AttributeType.TEXT: _text,
    AttributeType.DATE: _date,
    AttributeType.EMAIL: _email,
    AttributeType.PHONE: _phone,
    AttributeType.COUNTRY: _country,
    AttributeType.LANGUAGE: _language,
    AttributeType.POSTAL_CODE: _postal_code,
}

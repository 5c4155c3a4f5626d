"""One person in the form in which persons are compared.

Letters are brought into one case without accents, umlauts as two letters; a house number is told
from its street; titles are dropped. What is missing is empty. Nothing is guessed: a value that
cannot be read is compared as it was given. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from schemas.attributes import AttributeType, read_value
from services.matching.core.given_names import COMMON_GIVEN_NAMES, ROOTS, root_of

LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "å": "aa", "ł": "l"}
)
TITLES = frozenset(
    ("dr", "prof", "professor", "dipl", "ing", "med", "herr", "frau", "hr", "fr", "mr", "mrs", "ms")
)
GENERATIONS = {"jun": "junior", "jr": "junior", "junior": "junior", "sen": "senior",
               "sr": "senior", "senior": "senior"}  # fmt: skip
WORD = re.compile(r"[a-z0-9]+")
HOUSE = re.compile(
    r"^(?P<street>.*?[^\d\s].*?)[\s,]+(?P<house>\d+\s*[a-z]?(?:\s*[-/]\s*\d+\s*[a-z]?)?)$"
)
HOUSE_FIRST = re.compile(r"^(?P<house>\d+[a-z]?)[\s,]+(?P<street>.*[^\d\s].*)$")
STREET = re.compile(r"str(?:\.|asse)?$")
CHARACTERS_MAX = 120
"""Of one value; what is longer is no name and no address."""
VALUES_MAX = 8
"""Telephone numbers and addresses of one person that are compared."""


class PersonRecord(NamedTuple):
    """What is compared of one profile. Texts are empty and lists are too where nothing is known."""

    person: str
    """Its profile id in words; of two records the smaller one comes first."""
    given_name: str
    """All given names."""
    given_first: str
    """The first of them."""
    given_root: str
    """The name that the first one is a short form of; itself if it is none."""
    given_is_common: bool
    """Whether the first one is a usual name, and so hardly a misspelling of another one."""
    family_name: str
    generation: str
    """`junior` or `senior`, where a name says so."""
    birth_date: str
    """As 1971-12-04."""
    street: str
    house_number: str
    postal_code: str
    city: str
    phones: list[str]
    emails: list[str]
    mailboxes: list[str]
    """What stands before the @ of each address."""


def plain(text: str) -> str:
    """Words in small letters without accents, one blank between two."""
    folded = text[:CHARACTERS_MAX].lower().replace("i\u0307", "i").translate(LETTERS)
    bare = unicodedata.normalize("NFKD", folded)
    letters = "".join(one for one in bare if not unicodedata.combining(one))
    if letters.isascii():
        return " ".join(WORD.findall(letters.replace("'", "").replace("’", "")))
    # Scripts without small Latin letters are compared as they are.
    return " ".join("".join(one if one.isalnum() else " " for one in letters).split())


def person_record(
    person: str,
    attributes: Mapping[str, Collection[str]],
    region: str,
    emails: Iterable[str] = (),
    phones: Iterable[str] = (),
) -> PersonRecord:
    """The record of a profile: its attributes by name, and the addresses and numbers it holds.

    `region` (ISO 3166) reads telephone numbers without a country.
    """

    def first(name: str) -> str:
        return next(iter(attributes.get(name, ())), "")

    given, generation = _name(first("first_name"))
    family, of_family = _name(first("last_name"))
    street, house = _street(first("street"), first("house_number"))
    mail = _read_all(AttributeType.EMAIL, [*emails, *attributes.get("email", ())], region)
    numbers = _read_all(AttributeType.PHONE, [*phones, *attributes.get("phone", ())], region)
    birth = read_value(AttributeType.BIRTH_DATE, first("birth_date"), region)
    code = read_value(AttributeType.POSTAL_CODE, first("postal_code"), region)
    given_first = given.partition(" ")[0]
    root = root_of(given_first)
    return PersonRecord(
        person=person,
        given_name=given,
        given_first=given_first,
        given_root=root,
        given_is_common=given_first in COMMON_GIVEN_NAMES or given_first in ROOTS,
        family_name=family,
        generation=generation or of_family,
        birth_date=birth.value if birth.is_valid else "",
        street=street,
        house_number=house,
        postal_code=plain(code.value).replace(" ", ""),
        city=plain(first("city")),
        phones=numbers,
        emails=mail,
        mailboxes=[one.rpartition("@")[0] for one in mail],
    )


def _read_all(type_: AttributeType, given: Iterable[str], region: str) -> list[str]:
    found = (read_value(type_, one, region) for one in given)
    valid = dict.fromkeys(one.value for one in found if one.is_valid and one.value)
    return sorted(valid)[:VALUES_MAX]


def _name(text: str) -> tuple[str, str]:
    """A name without titles, and the generation that it names."""
    words = plain(text).split()
    generation = next((GENERATIONS[word] for word in words if word in GENERATIONS), "")
    kept = [word for word in words if word not in TITLES and word not in GENERATIONS]
    return " ".join(kept), generation


def _street(street: str, house: str) -> tuple[str, str]:
    """A street and a house number, which may stand in one field."""
    text = " ".join(street[:CHARACTERS_MAX].lower().split())
    if not house.strip():
        found = HOUSE.match(text) or HOUSE_FIRST.match(text)
        if found:
            text, house = found["street"], found["house"]
    words = [STREET.sub("strasse", word) for word in plain(text).split()]
    return "".join(words), plain(house).replace(" ", "")

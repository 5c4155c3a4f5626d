"""Persons in comparable form."""

from __future__ import annotations

import pytest

from services.matching.core.blocking import KEYS_MAX, blocking_keys
from services.matching.core.person import person_record, plain


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Müller", "mueller"),
        ("MUELLER", "mueller"),
        ("Weiß", "weiss"),
        ("Hans-Peter", "hans peter"),
        ("  O'Neill ", "oneill"),
        ("José", "jose"),
        ("Łukasz", "lukasz"),
        ("Иван", "иван"),  # a script of its own is compared as it is
        ("—", ""),
    ],
)
def test_letters_are_compared_in_one_form(written: str, expected: str) -> None:
    """Case, umlauts, accents and hyphens make no difference."""
    assert plain(written) == expected


@pytest.mark.parametrize(
    ("street", "number", "expected"),
    [
        ("Hauptstr. 5a", "", ("hauptstrasse", "5a")),
        ("Hauptstraße", "5 A", ("hauptstrasse", "5a")),
        ("HAUPT STRASSE 5a", "", ("hauptstrasse", "5a")),
        ("12 High Road", "", ("highroad", "12")),
        ("Straße des 17. Juni 135", "", ("strassedes17juni", "135")),
        ("C4 12", "", ("c4", "12")),
        ("Postfach", "", ("postfach", "")),
    ],
)
def test_a_house_number_is_told_from_its_street(
    street: str, number: str, expected: tuple[str, str]
) -> None:
    """A street reads the same whether its number stands in the same field or not."""
    found = person_record("a", {"street": [street], "house_number": [number]}, "DE")
    assert (found.street, found.house_number) == expected


def test_titles_and_generations_are_no_names() -> None:
    """Titles are dropped; junior and senior tell father and son apart."""
    said = {"first_name": ["Dr. Hans"], "last_name": ["Meyer jun."]}
    found = person_record("a", said, "DE")
    assert (found.given_name, found.family_name, found.generation) == ("hans", "meyer", "junior")
    assert found.given_root == "johannes"


def test_what_cannot_be_read_is_missing() -> None:
    """An ambiguous birth date, a telephone number that is none: nothing is guessed."""
    said = {"birth_date": ["03/04/1980"], "phone": ["12", "0170 1234567"], "email": ["x"]}
    found = person_record("a", said, "DE", emails=["A@example.com"])
    assert found.birth_date == ""
    assert found.phones == ["+491701234567"]
    assert found.emails == ["a@example.com"]
    assert found.mailboxes == ["a"]


def test_swapped_names_share_a_key() -> None:
    """Given and family name in each other's field still meet, and so do day and month."""
    one = {"first_name": ["Karl"], "last_name": ["Otto"], "birth_date": ["1970-02-03"]}
    two = {"first_name": ["Otto"], "last_name": ["Karl"], "birth_date": ["1970-03-02"]}
    keys = [set(blocking_keys(person_record("a", said, "DE"))) for said in (one, two)]
    assert {key[0] for key in keys[0] & keys[1]} >= {"a", "e"}


def test_keys_are_bounded() -> None:
    """Nobody has more keys than the limit, however many addresses a sender repeats."""
    said = {"email": [f"m{number}@example.com" for number in range(500)], "last_name": ["Ng"]}
    assert len(blocking_keys(person_record("a", said, "DE"))) <= KEYS_MAX
    assert blocking_keys(person_record("a", {}, "DE")) == []

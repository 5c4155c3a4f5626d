"""Letter case alone is set aside: no two letters become one, in any script."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import InvalidIdentifier, normalise_email
from schemas.letter_case import lower_case

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
CAPITAL_THETAS = {"Θ", "ϴ"}  # the only two capitals that share one small letter
LETTERS = st.text(st.characters(categories=("Lu", "Ll", "Lt", "Lo", "Mn", "Nd")), max_size=20)
MAILBOXES_APART = [
    ("jo.strauß", "jo.strauss"),
    ("JO.STRAUẞ", "JO.STRAUSS"),
    ("ﬁona", "fiona"),
    ("ſam", "sam"),
    ("ırem", "irem"),
    ("ﬀ", "ff"),
    ("ｆｉｏｎａ", "fiona"),
    ("µ", "μ"),
    ("ŉora", "ʼnora"),
    ("ǆ", "dž"),
    ("x²", "x2"),
]
ONE_MAILBOX = [
    ("ANNA", "anna"),
    ("JO.STRAUẞ", "jo.strauß"),
    ("MÜLLER", "mu\u0308ller"),
    ("ΓΙΏΡΓΟΣ.ΠΑΠΑΔΌΠΟΥΛΟΣ", "γιώργος.παπαδόπουλος"),
    ("ИВАН", "иван"),
    ("Å", "\u212b"),
]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def test_no_two_letters_become_one() -> None:
    """Over all of Unicode, characters with one lower case are the capital, title and small form of
    one letter, or canonically equivalent."""
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for character in CHARACTERS:
        classes[lower_case(character)].add(_nfc(character))
    for written, members in classes.items():
        capitals = {one for one in members if unicodedata.category(one[0]) == "Lu"}
        assert len(members) <= 3, written
        assert all(_nfc(one.lower()) == written for one in members), written
        assert len(capitals) <= 1 or capitals == CAPITAL_THETAS, written


def test_small_letters_stay_themselves() -> None:
    """A character without a lower case of its own is only composed, never replaced."""
    changed = [one for one in CHARACTERS if one.lower() == one and lower_case(one) != _nfc(one)]
    assert changed == []


@given(LETTERS)
def test_lower_case_is_stable(text: str) -> None:
    """Doing it again changes nothing."""
    once = lower_case(text)
    assert lower_case(once) == once


@given(LETTERS, LETTERS)
def test_equal_results_differ_in_case_alone(one: str, other: str) -> None:
    """Two texts with one result have equal lengths and equal letters, position by position."""
    if lower_case(one) == lower_case(other):
        pairs = zip(_nfc(_nfc(one).lower()), _nfc(_nfc(other).lower()), strict=True)
        assert all(a == b or {a, b} == {"σ", "ς"} for a, b in pairs)


@pytest.mark.parametrize(("one", "other"), MAILBOXES_APART)
def test_different_letters_are_different_mailboxes(one: str, other: str) -> None:
    """Ligatures, sharp s, dotless i, full-width and other compatible forms are letters apart."""
    assert normalise_email(f"{one}@example.com") != normalise_email(f"{other}@example.com")


@pytest.mark.parametrize(("one", "other"), ONE_MAILBOX)
def test_case_alone_is_one_mailbox(one: str, other: str) -> None:
    """Capitals, and composed or decomposed accents, spell one address."""
    assert normalise_email(f"{one}@example.com") == normalise_email(f"{other}@example.com")


@given(LETTERS.filter(bool))
def test_local_part_is_lower_cased_and_nothing_else(text: str) -> None:
    """Whatever the script, the match key is the lower case of what was written."""
    try:
        key = normalise_email(f"{text}@example.com")
    except InvalidIdentifier:
        return
    assert key == f"{lower_case(text)}@example.com"

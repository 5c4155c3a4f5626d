"""Which degree two given names meet: brothers, sisters and twins have other names, not misspelt."""

from __future__ import annotations

import pytest

from services.matching.core.fields import GIVEN_NAME
from services.matching.core.person import person_record

DIFFERS = GIVEN_NAME.degrees[-1].words
COLUMNS = ("given_name", "given_first", "given_root", "given_is_common", "family_name")


def degree(one: str, other: str) -> str:
    """What is found of the two names."""
    duckdb = pytest.importorskip("duckdb", reason="needs the extra 'suggest'")
    names: dict[str, object] = {}
    for side, name in (("l", one), ("r", other)):
        record = person_record("p", {"first_name": [name], "last_name": ["Brandt"]}, "DE")
        names |= {f"{column}_{side}": getattr(record, column) for column in COLUMNS}
    row = ", ".join(f"${name} AS {name}" for name in names)
    cases = " ".join(
        f"WHEN {each.condition} THEN '{each.words}'" for each in GIVEN_NAME.degrees[:-1]
    )
    sql = f"SELECT CASE {cases} ELSE '{DIFFERS}' END FROM (SELECT {row})"
    [found] = duckdb.connect().execute(sql, names).fetchone()
    return str(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hans-Peter", "Hans-Jürgen"), ("Anna-Lena", "Anna-Maria"), ("Aylin-Su", "Aylin-Nur"),
        ("Stefan", "Stefanie"), ("Michael", "Michaela"), ("Johannes", "Johanna"),
        ("Philipp", "Philippa"), ("Gabriel", "Gabriele"), ("Mehmet", "Ahmet"), ("Murat", "Burak"),
        ("Hasan", "Hakan"), ("Robert", "Norbert"),
    ],
)  # fmt: skip
def test_names_of_two_persons_differ(one: str, other: str) -> None:
    """Brothers, sisters and twins."""
    assert degree(one, other) == degree(other, one) == DIFFERS


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("Hans-Peter", "Hans", "the same first of several given names"),
        ("Hans-Peter", "Johannes", "short form of the same given name"),
        ("Hannah", "Hanna", "short form of the same given name"),
        ("Sofia", "Sophia", "short form of the same given name"),
        ("Luisa", "Louisa", "short form of the same given name"),
        ("Thorbjoern", "Thorbjoren", "given name differs by a misspelling"),
        ("Uwe", "Uew", "given name differs by a misspelling"),
        ("Zoe", "Zeo", "given name differs by a misspelling"),
    ],
)
def test_names_of_one_person(one: str, other: str, words: str) -> None:
    """One of several given names, short forms, spellings and misspellings."""
    assert degree(one, other) == degree(other, one) == words

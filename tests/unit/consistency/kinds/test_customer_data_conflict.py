"""Master data of customers: what is compared, what is only written otherwise, and what is shown."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.offer import Basis
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.customer_data_conflict import (
    KIND,
    NAME,
    Cause,
    CustomerDataAttribute,
    CustomerDataRules,
    claims,
    met,
    names_agree,
)
from tests.events import event, identifier
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.customer(7))
RULES = CustomerDataRules()
DAY = 24


def says(channel: str, text: str, at: float, attribute: str = "postal_code") -> Statement:
    """A channel names an attribute of the customer, at an hour."""
    name = f"{channel}-{attribute}-{at:g}-{text}"
    return Statement(BOOK, hour(at), name, 0, 0, channel, "", "", Basis.PUBLISHED, text, attribute)


def incidents(
    said: list[Statement], now: float, rules: CustomerDataRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Müller", "MUELLER", True),
        ("Müller", "Muller", True),
        ("Müller", "Mu\u0308ller", True),
        ("Meier", "Meyer", True),
        ("Meier", "Meiers", True),
        ("Dr. Schmidt", "Schmidt", True),
        ("Schmidt-Winter", "Winter", True),
        ("von Berg", "Berg", True),
        ("S.", "Schmidt", True),
        ("Schmidt", "Winter", False),
        ("Meier", "Maurer", False),
        ("Ott", "Utt", False),  # too short for a spelling
    ],
)
def test_family_names(one: str, other: str, alike: bool) -> None:
    """Spelling is no contradiction, another name is; whichever comes first."""
    assert names_agree(one, other) is alike
    assert names_agree(other, one) is alike


def test_a_move_that_one_channel_does_not_learn() -> None:
    """Pending for two weeks, open, and over with the correction; hints instead of values."""
    said = [says(channel, "10115", 0) for channel in ("shop", "app", "pos")]
    said += [says(channel, "20095", 48) for channel in ("shop", "app")]
    assert [one.state for one in incidents(said, 48 + 14 * DAY - 0.1)] == [IncidentState.PENDING]
    [found] = incidents(said, 48 + 14 * DAY)
    assert (found.channel, found.state, found.cause) == (
        "pos", IncidentState.OPEN, Cause.STALE_CUSTOMER_DATA,
    )  # fmt: skip
    assert found.severity is Severity.MEDIUM
    assert found.details.model_dump() == {
        "field": "postal_code", "expected": "…", "observed": "…",
    }  # fmt: skip
    assert found.details.in_words() == "postal_code differs"
    [over] = incidents([*said, says("pos", "20095", 900)], 1000)
    assert (over.incident_id, over.until) == (found.incident_id, hour(900))
    assert incidents([*said, says("pos", "20095", 48 + 14 * DAY)], 1000) == []


def test_two_channels_and_a_reference() -> None:
    """Of two nobody knows who is right; a reference decides."""
    said = [says("app", "1971-12-04", 0, "birth_date"), says("shop", "1972-12-04", 0, "birth_date")]
    [found] = incidents(said, 400)
    assert (found.channel, found.cause, found.severity) == (
        "shop", Cause.UNDECIDED_CUSTOMER_DATA, Severity.LOW,
    )  # fmt: skip
    [found] = incidents(said, 400, CustomerDataRules(reference_channels=["shop"]))
    assert (found.channel, found.cause) == ("app", Cause.WRONG_CUSTOMER_DATA)


def test_a_name_is_hinted_at() -> None:
    """By its first letter, as in masked profiles."""
    said = [says("app", "Schmidt", 0, "last_name"), says("shop", "Winter", 0, "last_name")]
    [found] = incidents(said, 400)
    details = found.details.model_dump()
    assert (details["expected"], details["observed"]) == ("S…", "W…")
    assert "Winter" not in found.model_dump_json(exclude={"evidence"})


def test_what_is_taken_back_contradicts_nothing() -> None:
    """Neither as the statement nor as what is expected."""
    said = [says("app", "1", 0), says("shop", "2", 0)]
    for channel in ("app", "shop"):
        [over] = incidents([*said, says(channel, "", 500)], 600)
        assert over.state is IncidentState.RESOLVED
    assert incidents([says("app", "", 0), says("shop", "2", 0)], 600) == []
    assert incidents([says("app", "", 0), says("shop", "", 0)], 600) == []


def test_only_the_listed_attributes_are_compared() -> None:
    """Streets if they are wanted, by words."""
    said = [says("app", "Hauptstr. 5", 0, "street"), says("shop", "Am Markt 1", 0, "street")]
    assert incidents(said, 600) == []
    rules = CustomerDataRules(attributes=[CustomerDataAttribute.STREET])
    assert len(incidents(said, 600, rules)) == 1
    alike = [said[0], says("shop", "Hauptstraße 5, Hinterhaus", 0, "street")]
    assert incidents(alike, 600, rules) == []
    assert incidents([says("app", "1", 0), says("shop", "2", 0)], 600, rules) == []


def open_by_definition(said: list[Statement], now: float) -> set[tuple[str, str]]:
    """A second implementation, for three channels that each named a postal code once, early: the
    one that says other than the two others is open after its grace."""
    if now < 14 * DAY + 50:
        return set()
    last = {one.channel: one.value for one in said}
    values = list(last.values())
    right = max(sorted(last), key=lambda channel: values.count(last[channel]))
    return {(one, "postal_code") for one, value in last.items() if value != last[right]}


def test_order_repetition_and_batches_change_nothing() -> None:
    """100 random histories, shuffled, doubled and judged step by step, give the same incidents, and
    those of the definition."""
    rng = random.Random(3)
    for _ in range(100):
        said = [
            says(channel, rng.choice(["10115", "20095", "80331"]), rng.randrange(50))
            for channel in ("app", "pos", "shop")
        ]
        found = incidents(said, 1000)
        opened = {
            (one.channel, one.model_dump()["details"]["field"])
            for one in found
            if one.state is IncidentState.OPEN
        }
        assert opened == open_by_definition(said, 1000)
        said += [
            says(rng.choice(["shop", "app"]), rng.choice(["Ott", "Utt", ""]), at, "last_name")
            for at in rng.sample(range(900), k=6)
        ]
        wanted = incidents(said, 1000)
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=18):
            book.add([one])
            book.advance(hour(rng.randint(0, 900)))
            book.incidents()
        book.advance(hour(1000))
        assert book.incidents() == {one.incident_id: one for one in wanted}


PERSON = [identifier("customer_number", "K-1", verified=True)]


@pytest.mark.parametrize(
    ("attributes", "heard"),
    [
        ({"birth_date": "04.12.1971"}, [("birth_date", "1971-12-04")]),
        ({"birth_date": "1970-01-01"}, []),
        ({"birth_date": "1900-01-01"}, []),
        ({"birth_date": "05/06/1971"}, []),
        ({"birth_date": "2031-12-04"}, []),
        ({"birth_date": None}, [("birth_date", "")]),
        ({"birth_date": ""}, []),
        ({"postal_code": "D-01067"}, [("postal_code", "1067")]),
        ({"postal_code": "SW1A 1AA"}, [("postal_code", "SW1A1AA")]),
        ({"last_name": " Müller "}, [("last_name", "Müller")]),
        ({"last_name": "UNBEKANNT"}, []),
        ({"last_name": "k.A."}, []),
        ({"last_name": "M."}, []),
        ({"street": "Packstation 104"}, []),
        ({"street": "Hauptstr.  5"}, [("street", "Hauptstr. 5")]),
        ({"email": "a@example.org", "city": "Berlin"}, []),
        ({"postal_code": "10115", "last_name": "Ott"},
         [("last_name", "Ott"), ("postal_code", "10115")]),
    ],
)  # fmt: skip
def test_what_is_heard(attributes: dict[str, Any], heard: list[tuple[str, str]]) -> None:
    """Attributes that can be read with certainty, each a claim with a number of its own."""
    sent = event("profile.updated", identifiers=PERSON, body={"attributes": attributes})
    one = Heard(TouchpointAdapter.validate_python(sent), hour(0), 3, 7, "DE", "EUR")
    found = claims(one)
    assert [(claim.terms, claim.value) for claim, _ in found] == heard
    assert [claim.ordinal for claim, _ in found] == list(range(len(heard)))
    for claim, quantity in found:
        assert (claim.book, claim.version, quantity) == (BOOK, 3, Decimal(0))
    assert claims(one._replace(is_personal=False)) == []


def test_other_events_and_exposure() -> None:
    """Other events say nothing of it, and it concerns the customer alone."""
    one = TouchpointAdapter.validate_python(event())
    assert claims(Heard(one, hour(0), 3, 7, "DE", "EUR")) == []
    found: Any = incidents([says("app", "1", 0), says("shop", "2", 0)], 600)[0]
    assert met(found, [], RULES) == []

"""Store data: what is compared, what contradicts, and what is only written in another way."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.offer import Basis
from schemas.subject import Subject, SubjectType
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.addresses import addresses_agree
from services.consistency.core.kind import Heard
from services.consistency.kinds.store_data_mismatch import (
    KIND,
    NAME,
    Cause,
    StoreDataDetails,
    StoreDataRules,
    claims,
    met,
)
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject(SubjectType.STORE, "12"))
RULES = StoreDataRules()


def says(channel: str, text: str, at: float, field: str = "phone", **fields: Any) -> Statement:
    """A channel says something of a field of store 12, at an hour."""
    name = f"{channel}-{field}-{at:g}-{text}"
    said = Statement(BOOK, hour(at), name, 0, 0, channel, "", "", Basis.PUBLISHED, text, field)
    return said._replace(**fields)


def incidents(
    said: list[Statement], now: float, rules: StoreDataRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Hauptstraße 5, 10115 Berlin", "Hauptstr. 5, 10115 Berlin", True),
        ("HAUPTSTRASSE 5 · 10115 BERLIN", "Hauptstraße 5\t10115 Berlin", True),
        ("Haupt-Str. 5, 10115 Berlin", "Hauptstraße 5, 10115 Berlin", True),
        ("Pl. d. Republik 1, Bonn", "Platz der Republik 1, Bonn", True),
        ("Münchner Str. 12a", "Muenchner Straße 12 A", True),
        ("Hauptstraße 5", "Hauptstraße 5, 10115 Berlin, Deutschland", True),  # it says less
        ("Hauptstraße 5, 10115 Berlin", "Hauptstraße 51, 10115 Berlin", False),
        ("Hauptstraße 5, 10115 Berlin", "Bahnhofstraße 5, 10115 Berlin", False),
        ("Hauptstraße 5, 10115 Berlin", "Hauptstraße 5, 10117 Berlin", False),
        ("Hauptstraße 5", "Hauptstraße 12 a", False),
    ],
)
def test_addresses(one: str, other: str, alike: bool) -> None:
    """Spelling is no contradiction, a number or a street is; whichever comes first."""
    assert addresses_agree(one, other) is alike
    assert addresses_agree(other, one) is alike


def test_a_number_that_one_channel_did_not_change() -> None:
    """The others have a new one: pending for a day, open, and over with the correction."""
    said = [says(channel, "+49301", 0) for channel in ("shop", "app", "google")]
    said += [says(channel, "+49302", 10) for channel in ("shop", "google")]
    assert [one.state for one in incidents(said, 33)] == [IncidentState.PENDING]
    [opened] = incidents(said, 50)
    assert (opened.channel, opened.opened_at, opened.severity) == ("app", hour(34), Severity.MEDIUM)
    assert (opened.cause, opened.kind) == (Cause.STALE_STORE_DATA, NAME)
    assert opened.details == StoreDataDetails(field="phone", expected="+49302", observed="+49301")
    assert opened.details.in_words() == "phone '+49301' instead of '+49302'"
    [over] = incidents([*said, says("app", "+49302", 40)], 50)
    assert (over.incident_id, over.until) == (opened.incident_id, hour(40))


def test_two_channels_and_nobody_knows_who_is_right() -> None:
    """It is told, of one of the two and of the same one always; a reference decides."""
    said = [says("app", "+49301", 0), says("shop", "+49302", 0)]
    [found] = incidents(said, 50)
    assert (found.channel, found.cause) == ("shop", Cause.UNDECIDED_STORE_DATA)
    again = [*said, *(says(channel, text, 30) for channel, text in
                      (("shop", "+49302"), ("app", "+49301")))]  # fmt: skip
    assert [one.incident_id for one in incidents(again, 60)] == [found.incident_id]
    by_shop = StoreDataRules(reference_channels=["shop"])
    [found] = incidents(said, 50, by_shop)
    assert (found.channel, found.cause) == ("app", Cause.WRONG_STORE_DATA)


def test_the_majority_is_right() -> None:
    """And who says something of his own is wrong."""
    said = [says("pos", "+49303", 0)]
    said += [says(channel, "+49301", 0) for channel in ("shop", "social")]
    [found] = incidents(said, 50)
    assert (found.channel, found.cause) == ("pos", Cause.WRONG_STORE_DATA)


def test_fields_are_compared_apart() -> None:
    """A wrong number says nothing of the address, and a channel is silent on what it leaves out."""
    said = [says(channel, "+49301", 0) for channel in ("shop", "app")]
    said += [says("google", "Hauptstraße 5", 0, "address")]
    assert incidents(said, 50) == []
    said += [says("app", "Bahnhofstraße 9", 0, "address"), says("google", "+49302", 0)]
    found = incidents(said, 50)
    assert sorted(one.model_dump()["details"]["field"] for one in found) == ["address", "phone"]


def test_a_holiday_that_is_over_contradicts_nobody() -> None:
    """The incident ends with its day."""
    ends = {"valid_to": hour(100)}
    said = [says("shop", "closed", 0, "holiday_hours.2026-03-04", **ends)]
    said += [says("app", "09:00-18:00", 0, "holiday_hours.2026-03-04", **ends)]
    [found] = incidents(said, 99)
    assert (found.state, found.severity) == (IncidentState.OPEN, Severity.HIGH)
    assert [one.until for one in incidents(said, 101)] == [hour(100)]


def test_order_repetition_and_batches_change_nothing() -> None:
    """200 random histories, shuffled, doubled and judged step by step, give the same incidents."""
    rng = random.Random(23)
    fields = {"phone": ["+49301", "+49302"], "address": ["Hauptstr. 5", "Hauptstraße 5, Bonn", "X"]}
    for _ in range(200):
        said = []
        for at in sorted(rng.sample(range(90), k=9)):
            field = rng.choice(list(fields))
            channel = rng.choice(["shop", "app", "pos"])
            said.append(says(channel, rng.choice(fields[field]), at, field))
        wanted = incidents(said, 120)
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=18):
            book.add([one])
            book.advance(hour(rng.randint(0, 90)))
            book.incidents()
        book.advance(hour(120))
        found = sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))
        assert found == wanted


STORE: dict[str, Any] = {"store": "12"}


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        ({"phone": "030 901820"}, [("phone", "+4930901820")]),
        ({"phone": "0049 30 901820"}, [("phone", "+4930901820")]),
        ({"phone": "call us"}, []),
        ({"address": " Hauptstr. 5,  Bonn "}, [("address", "Hauptstr. 5, Bonn")]),
        ({"address": "—"}, []),
        ({"name": "Our best store", "note": "lift out of order"}, []),
        ({"opening_hours": {"Sa-So": "10–16 Uhr"}},
         [("opening_hours.sa", "10:00-16:00"), ("opening_hours.su", "10:00-16:00")]),
        ({"opening_hours": {"Mo-Di": "9-20", "Di": "geschlossen"}},
         [("opening_hours.mo", "09:00-20:00"), ("opening_hours.tu", "closed")]),
        ({"opening_hours": {"summer": "9-20", "Mo": "by appointment"}}, []),
        ({"holiday_hours": {"2026-12-24": "9-13 Uhr", "Fronleichnam": "closed",
                            "2026-02-30": "closed", "1926-12-24": "closed"}},
         [("holiday_hours.2026-12-24", "09:00-13:00")]),
    ],
)  # fmt: skip
def test_what_is_heard(body: dict[str, Any], heard: list[tuple[str, str]]) -> None:
    """Fields that can be read, each a claim with a number of its own; nothing is guessed."""
    one = TouchpointAdapter.validate_python(
        event() | {"type": "store.published", "identifiers": [], "body": STORE | body}
    )
    found = claims(Heard(one, hour(0), 7, 1, "DE", "EUR"))
    assert [(claim.terms, claim.value) for claim, _ in found] == heard
    assert [claim.ordinal for claim, _ in found] == list(range(len(heard)))
    for claim, quantity in found:
        assert (claim.book, claim.version, claim.location, quantity) == (BOOK, 7, "", Decimal(0))


def test_the_end_of_a_holiday() -> None:
    """It is over when its day is over in the last time zone; other fields have no end."""
    body = STORE | {"phone": "030 901820", "holiday_hours": {"2026-12-24": "closed"}}
    one = TouchpointAdapter.validate_python(
        event() | {"type": "store.published", "identifiers": [], "body": body}
    )
    phone, holiday = (claim for claim, _ in claims(Heard(one, hour(0), 7, 1, "DE", "EUR")))
    assert phone.valid_to is None
    assert str(holiday.valid_to) == "2026-12-25 12:00:00+00:00"


def test_other_events_say_nothing_of_a_store() -> None:
    """And nobody is known to have read its page."""
    one = TouchpointAdapter.validate_python(event())
    assert claims(Heard(one, hour(0), 7, 1, "DE", "EUR")) == []
    found: Any = incidents([says("app", "+49301", 0), says("shop", "+49302", 0)], 50)[0]
    assert met(found, [], RULES) == []

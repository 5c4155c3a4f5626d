"""A measure of a segment is that of a store that knows its members alone."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest

from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.catalogue import MEASURES
from services.measures.core.population import GROUP_MIN
from services.measures.core.result import Flag, MeasureResult
from services.segments.adapters.store import SegmentStore
from services.segments.ports import LEFT, MEMBER, SegmentMembership
from services.store.database import Database
from tests.conftest import empty_tables
from tests.integration.test_measure_contract import UNTIL, address, heard_of, since_of
from tests.measure_events import NEWCOMERS
from tests.profile_store import READ_AT, REALM, REALMS, Store, bought, node
from tests.tiers import always

MEMBERS = range(0, NEWCOMERS.stop, 2)
"""Every second person."""
SEGMENT = "some"
OF_MEMBERS = [name for name, one in MEASURES.items() if one.is_of_members]
OF_ALL_SOURCES = {
    "affinity", "channel_preference", "cli", "feedback_loop", "first_contact_solved",
    "lead_score", "nps", "relationship_quality", "rfm", "satisfaction_effect", "silent",
}  # fmt: skip
"""Measures that together read all that persons are counted by."""


def measured(store: Store, name: str, segment: str = "") -> MeasureResult:
    """A measure of two years, of a segment or of all."""
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    return reader.measure(name, REALM, since_of(name), UNTIL, segment)


def join(store: Store, *persons: int, state: str = MEMBER) -> None:
    """Persons who belong to the segment, or do no longer."""
    stood = [
        SegmentMembership(node("email", address(one)), state, READ_AT, [], 1, 1) for one in persons
    ]
    SegmentStore(store.database).put_memberships(REALM, SEGMENT, stood, 1 + (state == LEFT))


def merge(store: Store) -> None:
    """Two persons are one, and so are two others."""
    for first, second in ((0, 2), (1, 3)):
        ends = [node("email", address(one)) for one in (first, second)]
        store.place(ends[0], *ends)


def is_of_others(one: dict[str, Any]) -> bool:
    """Whether an event is of persons who are no members. What names nobody is everybody's, but for
    answers: nobody's answer is no member's."""
    named = [given["value"] for given in one["identifiers"]]
    if not named:
        return bool(one["type"] == "survey.answered")
    return not any(value == address(member) for member in MEMBERS for value in named)


def without_shared_orders(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without those of orders that members and others report: who owns one of these depends
    on whether the others are heard."""
    orders: defaultdict[str, set[bool]] = defaultdict(set)
    for one in events:
        orders[one["body"].get("order_id", "")].add(is_of_others(one))
    return [
        one for one in events if len(orders[one["body"].get("order_id") or one["event_id"]]) < 2
    ]


@pytest.mark.parametrize("name", always(OF_ALL_SOURCES, OF_MEMBERS))
def test_members_alone_count(database: Database, name: str) -> None:
    """Also one who was merged after the segment had been evaluated."""
    events = without_shared_orders(heard_of(name, random.Random(name)))
    store = Store(database)
    store.take(*events)
    merge(store)
    join(store, *MEMBERS[1:])  # the first is a member as one with the second
    found, everybody = measured(store, name, SEGMENT), measured(store, name)
    empty_tables(database)
    alone = Store(database)
    alone.take(*(one for one in events if not is_of_others(one)))
    merge(alone)
    expected = measured(alone, name)
    if 0 < (everybody.n or 0) - (expected.n or 0) < GROUP_MIN:
        assert found.flags == [Flag.SUPPRESSED]
    else:
        assert found == expected.model_copy(update={"segment": SEGMENT})
        assert found != everybody.model_copy(update={"segment": SEGMENT})


def test_few_who_are_no_members_stay_hidden(database: Database) -> None:
    """The figures of all but four would say with those of all what the four are."""
    store = Store(database)
    for number in range(20):
        store.take(bought(f"o{number}", f"O{number}", "9.00", number, f"email={address(number)}"))
    join(store, *range(20))
    assert measured(store, "repeat_purchase_rate", SEGMENT).n == 20
    join(store, *range(4), state=LEFT)
    hidden = measured(store, "repeat_purchase_rate", SEGMENT)
    assert (hidden.n, hidden.value, hidden.flags) == (None, None, [Flag.SUPPRESSED])
    join(store, 4, state=LEFT)
    assert measured(store, "repeat_purchase_rate", SEGMENT).n == 15


@pytest.mark.parametrize("name", sorted(MEASURES.keys() - set(OF_MEMBERS)))
def test_what_is_done_for_everybody_is_of_no_segment(database: Database, name: str) -> None:
    """It says so instead of dividing by the wrong customers."""
    with pytest.raises(ValueError, match="of no segment"):
        measured(Store(database), name, SEGMENT)

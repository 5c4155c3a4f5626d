"""The timeline: pages that hold each touchpoint once, filters, and data that changes meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from schemas.instants import to_ms
from schemas.profile import TimelineEntry
from services.profiles.adapters.timeline import TimelineReader
from services.profiles.core.timeline import EVERYTHING, TimelineFilter, TimelinePlace
from services.runtime.errors import NotFound
from services.store.database import Database
from tests.profile_store import ANNA, ANNA_CARD, BERT, REALM, REALMS, Store, at, bought, event, node
from tests.tiers import always

pytestmark = pytest.mark.any_store
ANNA_NODE, CARD_NODE = node("email", "anna@example.org"), node("loyalty_card", "77")
BERT_NODE = node("email", "bert@example.org")


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def pages(
    store: Store, profile: int, limit: int, wanted: TimelineFilter = EVERYTHING
) -> Iterator[list[TimelineEntry]]:
    """All pages of a timeline."""
    reader = TimelineReader(store.database, REALMS)
    place: TimelinePlace | None = None
    while True:
        entries, place = reader.page(REALM, profile, limit, place, wanted)
        yield entries
        if place is None:
            return


def ids(store: Store, profile: int, wanted: TimelineFilter) -> list[str]:
    """The event ids of a whole timeline."""
    return [one.event_id for page in pages(store, profile, 2, wanted) for one in page]


def test_timeline_pages(store: Store) -> None:
    """Pages hold every event once, newest first, also where times are equal."""
    store.take(*(event(f"e{n}", "page.viewed", n // 3, ANNA) for n in range(10)))
    store.take(bought("last", "3119", "31.20", 60, ANNA, channel="pos"))
    found = list(pages(store, ANNA_NODE, 4))
    assert [len(page) for page in found] == [4, 4, 3]
    flat = [(entry.occurred_at, entry.event_id) for page in found for entry in page]
    assert flat == sorted(flat, reverse=True)
    assert len(set(flat)) == 11
    assert found[0][0].summary == "bought 1 item for 31.20 EUR, receipt 3119"
    assert found[0][0].phase == "purchase"


def test_filters(store: Store) -> None:
    """By type and channel, each of several, and from one time on until before another."""
    store.take(
        event("e1", "page.viewed", 1, ANNA),
        event("e2", "product.viewed", 2, ANNA, channel="app", sku="1"),
        bought("e3", "A1", "5.00", 3, ANNA, channel="pos"),
        event("e4", "page.viewed", 4, ANNA, channel="app"),
    )
    for wanted, expected in (
        (TimelineFilter(types=("page.viewed",)), ["e4", "e1"]),
        (TimelineFilter(types=("page.viewed", "order.placed")), ["e4", "e3", "e1"]),
        (TimelineFilter(channels=("app",)), ["e4", "e2"]),
        (TimelineFilter(channels=("app", "pos"), types=("order.placed",)), ["e3"]),
        (TimelineFilter(since_ms=to_ms(at(2)), until_ms=to_ms(at(4))), ["e3", "e2"]),
        (TimelineFilter(types=("survey.answered",)), []),
    ):
        assert ids(store, ANNA_NODE, wanted) == expected, wanted


def test_a_filter_sees_only_what_counts(store: Store) -> None:
    """A body that a correction replaced is not found by what it said."""
    store.take(event("e1", "page.viewed", 1, ANNA, channel="app"))
    store.take(event("e1", "page.viewed", 2, ANNA, channel="pos", revision=1))
    assert ids(store, ANNA_NODE, TimelineFilter(channels=("app",))) == []
    assert ids(store, ANNA_NODE, TimelineFilter(until_ms=to_ms(at(2)))) == []
    assert ids(store, ANNA_NODE, TimelineFilter(channels=("pos",))) == ["e1"]


@pytest.mark.parametrize("seed", always({0, 1}, range(6)))
def test_what_was_there_all_along_is_on_one_page(store: Store, seed: int) -> None:
    """Between pages events arrive late and early, profiles merge and split: nothing that belonged
    to the profile from the first page to the last is skipped or repeated."""
    draw = random.Random(seed)
    store.take(*(event(f"a{n}", "page.viewed", draw.randrange(40), ANNA) for n in range(30)))
    store.take(*(event(f"c{n}", "page.viewed", draw.randrange(40), ANNA_CARD) for n in range(10)))
    store.take(*(event(f"b{n}", "page.viewed", draw.randrange(40), BERT) for n in range(10)))
    profile = min(ANNA_NODE, CARD_NODE)
    store.place(profile, ANNA_NODE, CARD_NODE)
    there = {f"a{n}" for n in range(30)} | {f"c{n}" for n in range(10)}
    seen: list[str] = []
    wanted = TimelineFilter(types=("page.viewed",)) if seed % 2 else EVERYTHING
    for number, page in enumerate(pages(store, profile, draw.randrange(3, 9), wanted)):
        seen += [one.event_id for one in page]
        late = [event(f"n{number}-{n}", "page.viewed", draw.randrange(80), ANNA) for n in range(3)]
        store.take(*late)
        if draw.random() < 0.5:
            store.place(profile, BERT_NODE)
        else:
            store.place(BERT_NODE, BERT_NODE)
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


def test_a_realm_that_is_not_configured(store: Store) -> None:
    """Nothing is read for it."""
    with pytest.raises(NotFound, match="elsewhere"):
        TimelineReader(store.database, REALMS).page("elsewhere", 1, 10)


@pytest.mark.parametrize(
    "odd", ["\x00", "a\x00b", "'", "\\", "{x:String}", "%s", "\u202e", "x" * 9_000]
)
def test_filters_are_parameters(store: Store, odd: str) -> None:
    """Whatever is asked for, nothing of it becomes a part of the statement."""
    store.take(event("e1", "page.viewed", 1, ANNA))
    for wanted in (TimelineFilter(channels=(odd,)), TimelineFilter(types=(odd, "none"))):
        assert ids(store, ANNA_NODE, wanted) == []
    everything = TimelineFilter(channels=(odd, "shop"))
    assert ids(store, ANNA_NODE, everything) == ["e1"]

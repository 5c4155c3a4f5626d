"""What becomes of links, profiles and values when the events that they rest on expire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.identifiers import as_uuid, node_id
from schemas.rules.identity import IdentityRules, identity_rules
from schemas.rules.trust import trusting
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.store.database import Database
from tests.events import SECRET, event, identifier, line
from tests.retaining_process import REALM, RetainingProcess, assert_consistent, registered

CUTOFF = datetime(2026, 11, 10, tzinfo=UTC)
OLD, NEW, NEWER = (f"2026-11-{day:02}T08:00:00Z" for day in (1, 12, 15))
EMAIL = identifier("email", "anna@mail.example", verified=True)
BEN = identifier("email", "ben@mail.example", verified=True)
COOKIE = identifier("cookie", "hers")
TABLET = identifier("device_id", "of-both")


def node(named: dict[str, Any]) -> str:
    """The node id of an identifier, as the store writes it."""
    return str(as_uuid(node_id(SECRET, REALM, named["type"], named["issuer"], named["value"])))


@pytest.fixture
def process(database: Database) -> RetainingProcess:
    """With an empty store."""
    registered(database)
    return RetainingProcess(database)


def ingest(process: RetainingProcess, *events: dict[str, Any]) -> list[str]:
    """Take events in; reasons of those that are rejected."""
    lines = [(line(one), Intake.SERVER) for one in events]
    return [one.reason for one in process.ingest(lines, 100) if one.status == "rejected"]


def viewed(event_id: str, at: str, *named: dict[str, Any]) -> dict[str, Any]:
    """A page view."""
    return event(event_id=event_id, occurred_at=at, identifiers=list(named))


def profiles(database: Database) -> dict[str, tuple[str, str]]:
    """By node its profile and kind."""
    rows = database.rows("SELECT toString(node), toString(profile), kind FROM map FINAL")
    return {one: (profile, kind) for one, profile, kind in rows}


def edges(database: Database) -> list[tuple[str, bool]]:
    """Evidence and grade of every edge, both ways alike."""
    found, reversed_ones = (
        database.rows(f"SELECT event_id, verified FROM {table} FINAL ORDER BY event_id")
        for table in ("edges", "edges_reversed")
    )
    assert found == reversed_ones
    return found


def test_the_next_best_event_is_the_evidence(process: RetainingProcess) -> None:
    """The earliest of the best grade among those that stay, not the first that is found."""
    stated = {**EMAIL, "verified": False}
    ingest(
        process,
        viewed("old", OLD, EMAIL, COOKIE),
        viewed("a-newer", NEWER, EMAIL, COOKIE),
        viewed("new", NEW, EMAIL, COOKIE),
        viewed("a-stated", NEW, stated, COOKIE),
    )
    assert edges(process.database) == [("old", True)]
    before = profiles(process.database)
    process.expire({"page.viewed": CUTOFF})
    assert edges(process.database) == [("new", True)]
    assert profiles(process.database) == before
    assert_consistent(process.database)


def test_a_worse_grade_is_left(process: RetainingProcess) -> None:
    """Where only a statement stays, nothing is joined any more."""
    ingest(
        process,
        viewed("old", OLD, EMAIL, COOKIE),
        viewed("new", NEW, {**EMAIL, "verified": False}, COOKIE),
    )
    process.expire({"page.viewed": CUTOFF})
    assert edges(process.database) == [("new", False)]
    assert not profiles(process.database)
    assert_consistent(process.database)


def others(*first: str) -> IdentityRules:
    """The packaged rules with these types before all others."""
    rules = identity_rules()
    types = sorted(rules.type, key=lambda row: row.name not in first)
    return rules.model_copy(update={"type": types})


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": others("loyalty_card")},
        {"channels": frozenset({"pos"})},
        {"trust": trusting(())},
        {"time_floor": datetime(2026, 11, 20, tzinfo=UTC)},
    ],
    ids=["anchor", "channel", "trust", "floor"],
)
def test_a_link_is_derived_from_what_was_stored(
    process: RetainingProcess, changes: dict[str, Any]
) -> None:
    """Whatever would become of the event if it came in now."""
    number = identifier("customer_number", "1001", issuer="shop", verified=True)
    card = identifier("loyalty_card", "L-1", issuer="shop", verified=True)
    named = (number, card, EMAIL, COOKIE)
    linked = event(
        "identity.linked", event_id="linked", occurred_at=NEW, identifiers=list(named), body={}
    )
    ingest(process, viewed("old", OLD, *named), linked)
    before = profiles(process.database)
    assert edges(process.database) == [("old", True)] * 3
    later = RetainingProcess(process.database, **changes)
    later.expire({"page.viewed": CUTOFF})
    assert edges(process.database) == [("linked", True)] * 3
    assert profiles(process.database) == before


def test_what_nothing_names_is_gone(process: RetainingProcess) -> None:
    """The link, the value and the map row; what another event names stays."""
    ingest(
        process,
        viewed("old", OLD, EMAIL, COOKIE),
        event("identity.linked", event_id="kept", occurred_at=OLD, identifiers=[EMAIL], body={}),
    )
    process.expire({"page.viewed": CUTOFF})
    database = process.database
    assert database.rows("SELECT DISTINCT value FROM node_values") == [(EMAIL["value"],)]
    for table in ("edges", "edges_reversed", "map", "members"):
        assert database.rows(f"SELECT count() FROM {table}") == [(0,)], table
    for table in ("touchpoints", "identifiers", "event_ids"):
        assert database.rows(f"SELECT event_id FROM {table}") == [("kept",)], table
    assert ingest(process, viewed("old", OLD, EMAIL, COOKIE)) == ["expired"]
    assert database.rows("SELECT event_id, raw FROM rejected") == [("", "")]


def test_editions_of_price_lists_go_with_the_events_that_named_them(
    process: RetainingProcess,
) -> None:
    """Offers of an edition, which have no anchor, of the events that expire and of no others."""
    offer = {"sku": "1", "price": "9.99", "basis": "published", "price_list_id": "p",
             "price_list_edition": "7"}  # fmt: skip
    shown = [
        event("product.viewed", event_id=name, occurred_at=at, identifiers=[COOKIE],
              body={"sku": "1", "offer": offer})
        for name, at in (("old", OLD), ("new", NEW))
    ]  # fmt: skip
    assert not ingest(process, *shown)
    editions = "SELECT event_id FROM edition_offers FINAL ORDER BY event_id"
    assert process.database.rows(editions) == [("new",), ("old",)]
    process.expire({"product.viewed": CUTOFF})
    assert process.database.rows(editions) == [("new",)]


def test_a_shared_device_is_whose_events_are_left(process: RetainingProcess) -> None:
    """As in a store that never heard of the other."""
    ingest(process, viewed("old", OLD, EMAIL, TABLET), viewed("new", NEW, BEN, TABLET))
    assert profiles(process.database)[node(TABLET)][1] == "shared"
    process.expire({"page.viewed": CUTOFF})
    assert profiles(process.database) == {
        node(BEN): (node(BEN), "person"), node(TABLET): (node(BEN), "person"),
    }  # fmt: skip
    assert_consistent(process.database)


def test_a_cut_off_only_moves_forward(process: RetainingProcess) -> None:
    """An earlier one changes nothing; other types and realms are not concerned."""
    process.expire({"page.viewed": CUTOFF})
    process.expire({"page.viewed": datetime(2026, 10, 1, tzinfo=UTC)})
    searched = event("search.performed", event_id="s", occurred_at=OLD, body={"query": "x"})
    rejected = ingest(process, searched, viewed("old", OLD, COOKIE), viewed("new", NEW, COOKIE))
    assert rejected == ["expired"]


def test_a_replaced_body_does_not_come_back(process: RetainingProcess) -> None:
    """The body that counts decides, whether or not the store has merged the rows."""
    first = viewed("twice", NEW, COOKIE)
    process.database.command("SYSTEM STOP MERGES touchpoints")
    try:
        ingest(process, first)
        ingest(process, {**first, "revision": 1, "occurred_at": OLD})
    finally:
        process.database.command("SYSTEM START MERGES touchpoints")
    process.expire({"page.viewed": CUTOFF})
    assert process.database.rows("SELECT count() FROM touchpoints") == [(0,)]


def test_a_batch_that_was_read_before_is_checked_again(process: RetainingProcess) -> None:
    """Lines decoded before the cut-off and stored after it are rejected."""
    late = line(viewed("late", OLD, COOKIE))
    decoded = process.pipeline.decode([Line(late, len(late))])
    process.expire({"page.viewed": CUTOFF})
    [result] = process.pipeline.finish(decoded)
    assert result.reason == "expired"

"""Segments from a definition to an export: what is tried, put in force, checked and handed out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from schemas.identifiers import as_uuid
from services.api.operation import plain
from services.api.operations import OPERATIONS
from services.api.ports import Access
from services.api.read_store import access_to
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.erasure.adapters.held import HeldReader
from services.runtime.errors import InvalidInput, InvalidState, NotFound
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.profile_store import REALM, SECRET, Store, at, bought, event, node

pytestmark = pytest.mark.any_store
Json = dict[str, Any]
TICK = at(60)
BUYERS = """
[segment.buyers]
title = "Bought within the last hour"
channel = "email"
[[segment.buyers.all]]
did = "order.placed"
within = "1h"
"""
PEOPLE = [f"email=p{number}@example.org" for number in range(7)]
NODES = [node(*who.split("=")) for who in PEOPLE]


@pytest.fixture
def store(database: Database) -> Store:
    """Seven customers, of whom five bought within the hour before one o'clock."""
    store = Store(database)
    store.take(
        *(bought(f"o-{n}", f"A{n}", "9.00", 10 * n - 5, who) for n, who in enumerate(PEOPLE[:6])),
        event("v-1", "page.viewed", 1, PEOPLE[6]),
    )
    return store


@pytest.fixture
def access(store: Store) -> Access:
    """Operations on these tables, as of one o'clock."""
    advance(store, TICK)
    settings = load_settings(identity_secret=SECRET.decode())
    return access_to(settings, store.database, lambda _records: None)


def advance(store: Store, tick: datetime) -> None:
    """Bring event time to an instant."""
    ClickHouseConsistencyStore(store.database).write_tick(REALM, tick)


def asked(access: Access, name: str, **arguments: Any) -> list[Json]:
    """The rows of an operation, without those of progress."""
    operation = OPERATIONS[f"segments_{name}"]
    rows = operation.run(access, operation.request(realm=REALM, **arguments))
    return [row for row in map(plain, rows) if row.get("row") != "progress"]


def ids(rows: list[Json]) -> set[int]:
    """The profiles that rows are about."""
    return {int(row["profile_id"].replace("-", ""), 16) for row in rows}


def test_a_preview_writes_nothing(access: Access) -> None:
    """It says how many, who would enter, samples with hints, and what it reads."""
    found, cost = asked(access, "preview", definitions=BUYERS)
    assert (found["members"], found["enters"], found["leaves"]) == (5, 5, 0)
    assert ids(found["samples"]) == set(NODES[1:6])
    assert "example.org" not in str(found)
    assert cost["profiles"] == 7
    assert cost["reads"] == {"order.placed": []}
    assert asked(access, "list") == []


def test_a_definition_in_force(store: Store, access: Access) -> None:
    """Applied, listed, its members with tick and events; the next tick is another evaluation."""
    [applied, _] = asked(access, "apply", definitions=BUYERS)
    assert (applied["change"], applied["number"], applied["members"]) == ("new", 1, 5)
    members = asked(access, "members", segment="buyers")
    assert ids(members) == set(NODES[1:6])
    [third] = [one for one in members if ids([one]) == {NODES[3]}]
    assert (third["since"], third["because"]) == ("2026-03-02T13:00:00.000Z", ["o-3"])
    [verified, _] = asked(access, "verify")
    assert (verified["missing"], verified["wrong"]) == (0, 0)
    advance(store, at(75))
    store.take(bought("o-9", "A9", "9.00", 70, PEOPLE[6]))
    [verified, _] = asked(access, "verify")
    assert (verified["missing"], verified["wrong"]) == (1, 2)
    [applied, _] = asked(access, "apply", definitions=BUYERS)
    assert (applied["change"], applied["entered"], applied["left"]) == ("same", 1, 2)
    members = asked(access, "members", segment="buyers")
    assert ids(members) == {*NODES[3:7]}
    since = {one["profile_id"]: one["since"] for one in members}
    assert sorted(since.values()) == ["2026-03-02T13:00:00.000Z"] * 3 + ["2026-03-02T13:15:00.000Z"]


def test_a_changed_definition_gets_the_next_number(access: Access) -> None:
    """Members under it keep their time; a segment that names it is evaluated along."""
    named = '[segment.others]\ntitle = "x"\n[[segment.others.all]]\nin_segment = "buyers"\n'
    asked(access, "apply", definitions=BUYERS + named)
    changed = BUYERS.replace('within = "1h"', 'within = "30m"')
    with pytest.raises(InvalidInput, match=r"line 6: segment\.buyers\.all\.0\.did\.within"):
        asked(access, "apply", definitions=changed)
    changed = BUYERS.replace("did = ", 'channel = "app"\ndid = ')
    rows = asked(access, "apply", definitions=changed)[:-1]
    assert [(one["segment"], one["number"], one["change"], one["left"]) for one in rows] == [
        ("buyers", 2, "changed", 5),
        ("others", 1, "dependent", 5),
    ]
    rows = asked(access, "apply", definitions=BUYERS)[:-1]
    assert [(one["number"], one["entered"]) for one in rows] == [(3, 5), (1, 5)]
    assert [one["number"] for one in asked(access, "list")] == [3, 1]


def test_members_after_a_merge(store: Store, access: Access) -> None:
    """Two members who become one are one; a repeated evaluation lets the vanished id leave."""
    asked(access, "apply", definitions=BUYERS)
    store.place(NODES[1], *NODES[1:3])
    members = asked(access, "members", segment="buyers")
    assert ids(members) == {NODES[1], *NODES[3:6]}
    assert len(members) == 4
    [verified, _] = asked(access, "verify")
    assert (verified["members"], verified["missing"], verified["wrong"]) == (4, 0, 1)
    [applied, _] = asked(access, "apply", definitions=BUYERS)
    assert (applied["members"], applied["left"]) == (4, 1)
    store.place(NODES[1], NODES[1])
    store.place(NODES[2], NODES[2])
    [applied, _] = asked(access, "apply", definitions=BUYERS)
    assert (applied["members"], applied["entered"]) == (5, 1)


def pages(access: Access, segment: str, limit: int) -> list[Json]:
    """The members of a segment, page by page."""
    found: list[Json] = []
    cursor = ""
    while True:
        [page] = asked(access, "page", segment=segment, limit=limit, cursor=cursor)
        assert len(page["entries"]) <= limit
        found += page["entries"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_of_members(store: Store, access: Access, limit: int) -> None:
    """Each member once; of several that became one, on pages of their own, one is shown: by the id
    of the profile, or the smallest if that is no member."""
    asked(access, "apply", definitions=BUYERS)
    assert pages(access, "buyers", limit) == asked(access, "members", segment="buyers")
    store.place(NODES[1], *NODES[1:3])
    store.place(NODES[6], *NODES[4:7])
    found = pages(access, "buyers", limit)
    assert sorted(ids(found)) == sorted({NODES[1], NODES[3], NODES[6]})
    assert len(found) == 3
    assert found == asked(access, "members", segment="buyers")
    [merged] = [one for one in found if ids([one]) == {NODES[6]}]
    assert merged["because"] == [f"o-{NODES.index(min(NODES[4:6]))}"]


def test_a_cursor_of_another_segment(access: Access) -> None:
    """It is refused, as one of another list."""
    asked(access, "apply", definitions=BUYERS + BUYERS.replace("buyers", "others"))
    [page] = asked(access, "page", segment="buyers", limit=1)
    with pytest.raises(InvalidInput, match="another list"):
        asked(access, "page", segment="others", limit=1, cursor=page["next_cursor"])
    with pytest.raises(InvalidInput, match="cursor"):
        asked(access, "page", segment="others", cursor="x")


def test_a_removed_segment(access: Access) -> None:
    """Nobody finds it any more; another segment must not name it; a later definition goes on
    counting, and everybody enters anew."""
    named = '[segment.others]\ntitle = "x"\n[[segment.others.all]]\nin_segment = "buyers"\n'
    asked(access, "apply", definitions=BUYERS + named)
    with pytest.raises(InvalidState, match="others"):
        asked(access, "remove", segment="buyers")
    for name in ("others", "buyers"):
        [removed] = asked(access, "remove", segment=name)
        assert (removed["number"], removed["left"]) == (2, 5)
    assert asked(access, "list") == []
    assert of_profile(access, NODES[3]) == {}
    for operation in ("members", "page", "export", "remove"):
        with pytest.raises(NotFound, match="buyers"):
            asked(access, operation, segment="buyers")
    [applied, _] = asked(access, "apply", definitions=BUYERS)
    assert (applied["number"], applied["change"], applied["entered"]) == (3, "new", 5)
    assert [one["number"] for one in asked(access, "list")] == [3]


def of_profile(access: Access, one: int) -> dict[str, Json]:
    """The segments of whoever holds a node, by id."""
    operation = OPERATIONS["profile_segments"]
    handle = str(as_uuid(one))
    [found] = map(plain, operation.run(access, operation.request(realm=REALM, handle=handle)))
    return {entry["segment"]: entry for entry in found["entries"]}


def test_the_segments_of_a_customer(store: Store, access: Access) -> None:
    """Those that the customer belongs to now, also by what was somebody else before a merge."""
    asked(access, "apply", definitions=BUYERS + BUYERS.replace("buyers", "others"))
    assert of_profile(access, NODES[6]) == {}
    mine = of_profile(access, NODES[3])
    assert mine.keys() == {"buyers", "others"}
    assert (mine["buyers"]["title"], mine["buyers"]["because"]) == (
        "Bought within the last hour", ["o-3"],
    )  # fmt: skip
    store.place(NODES[6], NODES[6], NODES[3])
    assert of_profile(access, NODES[3]) == of_profile(access, NODES[6]) == mine
    with pytest.raises(NotFound):
        of_profile(access, 1)


def test_an_export_asks_for_permission_now(store: Store, access: Access) -> None:
    """Who agreed is handed out with the address; the others are counted by reason."""

    def agreed(number: int, action: str, minute: int) -> Json:
        said: Json = {"purpose": "marketing", "channel": "email"}
        said |= {"basis": "consent"} if action == "given" else {}
        said |= {"address": PEOPLE[number].removeprefix("email=")}
        return event(f"{action}-{number}", f"consent.{action}", minute, PEOPLE[number]) | {
            "body": said
        }

    store.take(*(agreed(number, "given", 0) for number in (1, 2, 3)), agreed(3, "withdrawn", 9))
    store.take(bought("o-8", "A8", "9.00", 50, "loyalty_card=88"))
    asked(access, "apply", definitions=BUYERS)
    *members, summary = asked(access, "export", segment="buyers")
    assert {one["address"] for one in members} == {"p1@example.org", "p2@example.org"}
    assert {one["basis"] for one in members} == {"consent"}
    assert (summary["members"], summary["permitted"]) == (6, 2)
    assert summary["not_permitted"] == {"no_address": 1, "no_legal_basis": 2, "withdrawn": 1}
    store.take(agreed(1, "withdrawn", 30))
    *members, summary = asked(access, "export", segment="buyers")
    assert [one["address"] for one in members] == ["p2@example.org"]
    *members, summary = asked(access, "export", segment="buyers", channel="letter")
    assert (members, summary["not_permitted"]) == ([], {"no_address": 6})


def test_small_groups_are_hidden(access: Access) -> None:
    """From who may not read persons; five are enough to be shown."""
    few = BUYERS.replace("buyers", "few").replace('"1h"', '"1h"\ncount = ">= 2"')
    asked(access, "apply", definitions=BUYERS + few)
    sizes = {
        hidden: [one["members"] for one in asked(access, "list", hides_small=hidden)]
        for hidden in (False, True)
    }
    assert sizes == {False: [5, 0], True: [5, None]}


WRONG: list[tuple[Callable[[Access], Any], type[Exception], str]] = [
    (lambda access: asked(access, "members", segment="buyer"), NotFound, "near: buyers"),
    (
        lambda access: asked(access, "preview", definitions=BUYERS.replace("email", "pigeon")),
        InvalidInput, "pigeon is not a configured one",
    ),
    (
        lambda access: asked(
            access, "apply", definitions=BUYERS.replace("channel", 'purpose = "fun"\nchannel')
        ),
        InvalidInput, "purpose: fun is not a configured one",
    ),
    (
        lambda access: asked(access, "apply", definitions=BUYERS.replace("did =", "did_not =")),
        InvalidInput, "say everybody = true",
    ),
    (
        lambda access: asked(access, "export", segment="buyers", channel="pigeon"),
        InvalidInput, "channel: not a configured one",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("ask", "error", "told"), WRONG)
def test_what_is_refused(
    access: Access, ask: Callable[[Access], Any], error: type[Exception], told: str
) -> None:
    """Each with its reason; no text names a command."""
    asked(access, "apply", definitions=BUYERS)
    with pytest.raises(error, match=told):
        ask(access)


def test_before_event_time_begins(store: Store) -> None:
    """Without a tick nobody can say who belongs to a segment."""
    settings = load_settings(identity_secret=SECRET.decode())
    access = access_to(settings, store.database, lambda _records: None)
    with pytest.raises(InvalidState, match="there is no tick"):
        asked(access, "preview", definitions=BUYERS)


def test_a_membership_is_personal_data(store: Store, access: Access) -> None:
    """The export of a person has it: which segment, since when and why."""
    asked(access, "apply", definitions=BUYERS)
    reader = HeldReader(store.database)
    found = [
        row for row in reader.held(reader.holding(REALM, NODES[3]), []) if row.section == "segments"
    ]
    assert len(found) == 1
    assert "buyers" in str(found[0])

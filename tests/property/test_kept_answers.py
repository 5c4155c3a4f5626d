"""A kept answer that nobody says has changed is the answer that reading again would give.

Events come in any order with several bodies each, link and part customers, are repeated, and rows
are merged and deleted in between. Every answer that was read before is then compared with a new one
of the same store, unless one of its keys was seen to change.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.rules.identity import identity_rules
from services.api.operation import plain
from services.api.operations import operation_named
from services.api.ports import Access
from services.api.read_store import access_to
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings, load_settings
from services.store.asked import Asked, recorded
from services.store.changes import ChangedKeys, SeenTables, changed_keys
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import SECRET, event, identifier, line
from tests.integration.test_recovery import pipeline
from tests.property.test_corrections import ANNA, frame, histories
from tests.tiers import always

pytestmark = pytest.mark.any_store
READS = ("profile_get", "profile_timeline", "profile_orders", "profile_consents")
Json = dict[str, Any]


def refused(_record: object) -> None:
    """Nobody acts here."""
    raise AssertionError("nothing is written")


@pytest.fixture
def access(database: Database) -> Access:
    """What operations work with."""
    register_realms(database, {"default": RealmSettings()}, personal_types(identity_rules()))
    settings = load_settings(identity_secret=SECRET.decode())
    return access_to(settings, database, refused)


def ingest(database: Database, events: list[Json]) -> None:
    """Through a pipeline of its own."""
    run = pipeline(database)
    run.finish(run.decode([Line(line(one), len(line(one))) for one in events], Intake.FILE))


class Kept:
    """Answers with what they depend on."""

    def __init__(self, database: Database, access: Access) -> None:
        self.hits = 0
        self._database = database
        self._access = access
        self._answers: dict[tuple[str, str], tuple[list[Json], frozenset[str]]] = {}
        self._seen: SeenTables = {}

    def read(self, name: str, handle: str) -> tuple[list[Json], Asked]:
        """The rows of an operation now, but for when they were read."""
        operation = operation_named(name)
        asked = operation.request(realm="default", handle=handle)
        with recorded() as keys:
            try:
                rows = [plain(row) for row in operation.run(self._access, asked)]
            except NotFound:  # of this id nothing is left
                rows = []
        return [{k: v for k, v in row.items() if k != "as_of"} for row in rows], keys

    def handles(self) -> list[str]:
        """Every id that there is."""
        rows = self._database.rows("SELECT DISTINCT node FROM touchpoints ORDER BY node")
        return [str(node) for (node,) in rows]

    def look(self) -> ChangedKeys:
        """What changed since the last look."""
        found = changed_keys(self._database, self._seen)
        self._seen = found.seen
        return found

    def check(self) -> None:
        """Compare what is kept, and keep what is read now."""
        found = self.look()
        for handle in self.handles():
            for name in READS:
                rows, asked = self.read(name, handle)
                assert asked.is_complete, name
                kept = self._answers.get((name, handle))
                if kept is not None and not found.is_all and not kept[1] & found.keys:
                    assert kept[0] == rows, (name, handle)
                    self.hits += 1
                else:
                    self._answers[name, handle] = rows, frozenset(asked.keys)


def disturbed(rng: random.Random, database: Database) -> None:
    """Merge, or delete what does not matter to anybody but is in the same parts."""
    table = rng.choice(("touchpoints", "orders", "order_keys", "map", "members", "node_values"))
    what = rng.random()
    if what < 0.3:
        database.command(f"OPTIMIZE TABLE {table} FINAL")
    elif what < 0.35:
        nodes = "(SELECT node FROM touchpoints ORDER BY rand() LIMIT 1)"
        database.command(f"DELETE FROM touchpoints WHERE node IN {nodes}")


def coming(rng: random.Random) -> Iterator[list[Json]]:
    """Batches of events; some link customers late, some are of customers that nobody else knows."""
    bodies = histories(rng)
    arriving = bodies + rng.sample(bodies, len(bodies) // 2)
    rng.shuffle(arriving)
    for number in range(0, len(arriving), 2):
        yield arriving[number : number + 2]
        if rng.random() < 0.2:
            yield rng.sample(frame(), 1)
        if rng.random() < 0.2:
            other = identifier("email", f"other{number}@example.com", verified=True)
            yield [event("page.viewed", identifiers=[other])]


@pytest.mark.parametrize("seed", always({2}, range(3)))
def test_what_is_said_to_be_unchanged_is(database: Database, access: Access, seed: int) -> None:
    """Profile, timeline, orders and permissions of every id, after every batch."""
    rng = random.Random(seed)
    kept = Kept(database, access)
    for batch in coming(rng):
        ingest(database, batch)
        kept.check()
        disturbed(rng, database)
    assert kept.hits


def test_other_customers_stay_kept(database: Database, access: Access) -> None:
    """An event changes the answers about its customer alone, and merging changes none."""
    kept = Kept(database, access)
    others = [identifier("email", f"o{n}@example.com", verified=True) for n in range(5)]
    ingest(database, [event(identifiers=[one]) for one in [*others, ANNA[1]]])
    kept.check()
    assert kept.hits == 0
    ingest(database, [event(identifiers=[ANNA[1]])])
    kept.check()
    assert kept.hits == len(others) * len(READS)
    database.command("OPTIMIZE TABLE touchpoints FINAL")
    kept.check()
    assert kept.hits == (2 * len(others) + 1) * len(READS)


BOUGHT = event(
    "order.placed",
    event_id="b-1",
    identifiers=ANNA[:1],
    body={"order_id": "O-1", "lines": [{"sku": "A", "total": "8.00"}]},
)
NAMELESS: Json = {"identifiers": [], "source": {"system": "webshop"}}
CANCELLED = event("order.cancelled", event_id="b-2", body={"order_id": "O-1"}, **NAMELESS)
RETURNED = event(
    "order.returned", event_id="b-3", body={"return_id": "R-1", "refund": "3.00"},
    identifiers=ANNA[:1], source={"system": "webshop"},
)  # fmt: skip
CONTACT = event(
    "account.contact_changed", event_id="b-4", body={"account_id": "K-1"}, identifiers=ANNA[:1],
    source={"system": "webshop"},
)  # fmt: skip
OTHER_RETURN = {"order_id": "O-1", "return_id": "R-1", "refund": "5.00"}


@pytest.mark.parametrize(
    ("known", "change", "name"),
    [
        # a report that names nobody, by the number of the order
        ([BOUGHT], CANCELLED, "profile_get"),
        ([BOUGHT], CANCELLED, "profile_orders"),
        # the number of a return that somebody else knows more about
        ([BOUGHT, RETURNED], event("order.returned", body=OTHER_RETURN, **NAMELESS), "profile_get"),
        # a correction takes the number from the report again
        ([BOUGHT, CANCELLED], {**CANCELLED, "revision": 1, "body": {"order_id": "O-9"}},
         "profile_get"),
        # another identifier joins, with what was known of it before
        ([BOUGHT, event("page.viewed", identifiers=ANNA[1:2])],
         event("identity.linked", identifiers=ANNA[:2]), "profile_timeline"),
        # a fact under an identifier that joined
        ([event("identity.linked", identifiers=ANNA[:2])],
         event("consent.given", identifiers=ANNA[1:2], body={"purpose": "marketing"}),
         "profile_consents"),
        # an id of which nothing but its event is known
        ([event("page.viewed", identifiers=ANNA[:1])],
         event("profile.updated", identifiers=ANNA[:1], body={"attributes": {"city": "Bonn"}}),
         "profile_get"),
        # the name of a company of which the customer is a contact, and its merger
        ([CONTACT], event("account.updated", body={"account_id": "K-1", "name": "X"}, **NAMELESS),
         "profile_get"),
        ([CONTACT],
         event("account.updated", body={"account_id": "K-1", "replaced_by": "K-2"}, **NAMELESS),
         "profile_get"),
    ],
)  # fmt: skip
def test_every_way_in_which_an_answer_changes_is_seen(
    database: Database, access: Access, known: list[Json], change: Json, name: str
) -> None:
    """Each single event changes an answer; one of its keys is among the changed, if not all are."""
    kept = Kept(database, access)
    ingest(database, known)
    sql = "SELECT node FROM node_values WHERE type = 'customer_number'"
    [(node,)] = database.rows(sql)
    kept.look()
    before, asked = kept.read(name, str(node))
    ingest(database, [change])
    found = kept.look()
    assert kept.read(name, str(node))[0] != before
    assert found.is_all or found.keys & asked.keys


def test_a_look_finds_each_change_once(database: Database) -> None:
    """The first look finds all, the next ones what came since, by the keys that are asked for."""
    ingest(database, [event(identifiers=[ANNA[0]])])
    first = changed_keys(database, {})
    assert first.is_all
    again = changed_keys(database, first.seen)
    assert again == ChangedKeys(frozenset(), is_all=False, seen=first.seen)
    bought = event("order.placed", identifiers=ANNA[:1], body={"order_id": "O-17", "lines": []})
    ingest(database, [event(identifiers=ANNA), bought])
    later = changed_keys(database, again.seen)
    nodes = {str(node) for (node,) in database.rows("SELECT DISTINCT node FROM map")}
    assert not later.is_all
    assert {*nodes, "O-17"} <= later.keys
    assert not changed_keys(database, later.seen).keys


def test_what_goes_changes_everything(database: Database) -> None:
    """Nobody can say what rows were about that are no more."""
    ingest(database, [event(identifiers=[one]) for one in ANNA])
    seen = changed_keys(database, {}).seen
    database.command("DELETE FROM touchpoints WHERE realm = 'default'")
    assert changed_keys(database, seen).is_all
    ingest(database, [event(identifiers=[one]) for one in ANNA])
    seen = changed_keys(database, {}).seen
    empty_tables(database)
    ingest(database, [event(identifiers=[one]) for one in ANNA])
    assert changed_keys(database, seen).is_all


def test_too_much_at_once_changes_everything(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look reads a bounded number of keys."""
    monkeypatch.setattr("services.store.changes.KEYS_MAX", 3)
    ingest(database, [event(identifiers=[ANNA[0]])])
    seen = changed_keys(database, {}).seen
    ingest(database, [event(identifiers=[identifier("cookie", f"c-{n}")]) for n in range(5)])
    found = changed_keys(database, seen)
    assert found.is_all
    assert not changed_keys(database, found.seen).is_all

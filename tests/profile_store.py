"""The real fact tables, filled by the ingest core, with an identity map that the test writes.

Each test says by itself who belongs together; nothing here resolves identities.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import orjson

from schemas.identifiers import node_id
from schemas.profile import Profile
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.event_processor import EventProcessor, IngestConfig, Realm
from services.ingest.core.outcome import Accepted
from services.ingest.corrections import REVISION_SHIFT
from services.profiles.adapters.clickhouse import ProfileReader, personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.settings import CHANNELS, RealmSettings
from services.store.database import Database

SECRET = b"a secret of the tests"
REALM = "default"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
READ_AT = datetime(2026, 3, 31, tzinfo=UTC)
REALMS = {REALM: RealmSettings(), "alps": RealmSettings(region="CH", currency="CHF")}


def at(minutes: int) -> datetime:
    """An instant, in minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def node(type_name: str, value: str, issuer: str = "") -> int:
    """Node id of an identifier as it is stored."""
    return node_id(SECRET, REALM, type_name, issuer, value)


def named(*identifiers: str) -> list[dict[str, Any]]:
    """Verified identifiers from `type=value` words."""
    pairs = (word.split("=", 1) for word in identifiers)
    return [{"type": kind, "value": value, "verified": True} for kind, value in pairs]


class Store:
    """The real tables, filled with events and map rows one after the other."""

    def __init__(self, database: Database) -> None:
        realms = {name: Realm(one.region, one.currency) for name, one in REALMS.items()}
        floor = datetime(2000, 1, 1, tzinfo=UTC)
        rules = identity_rules()
        config = IngestConfig(SECRET, rules, realms, frozenset(CHANNELS), floor)
        self.database = database
        self.reader = ProfileReader(database, REALMS, profile_rules(), rules, lambda: READ_AT)
        self._core = EventProcessor(config)
        self._facts = ClickHouseFactStore(database)
        self._batches = count(1)
        register_realms(database, REALMS, personal_types(rules))

    def take(self, *events: dict[str, Any]) -> None:
        """Store events; each must be accepted. A revision replaces what its event said before."""
        outcomes = [self._core.process(orjson.dumps(event), READ_AT) for event in events]
        accepted = [
            one._replace(corrects=one.version >> REVISION_SHIFT > 0)
            for one in outcomes
            if isinstance(one, Accepted)
        ]
        assert len(accepted) == len(events), outcomes
        batch = next(self._batches)
        self._facts.write_facts(accepted, batch)
        self._facts.write_values(accepted, batch)

    def place(self, profile: int, *nodes: int, kind: str = "person") -> None:
        """Put nodes into a profile, from now on."""
        columns = ("realm", "profile", "node", "type", "kind", "version")
        version = next(self._batches)
        rows = [(REALM, profile, one, "", kind, version) for one in nodes]
        self.database.insert_rows("members", columns, rows)

    def profile(self, *identifier: str) -> Profile:
        """The profile that holds an identifier (type, value)."""
        return self.reader.profile(REALM, node(*identifier))

    def totals(self) -> dict[UUID, dict[str, Any]]:
        """The totals of all customers by profile, refreshed."""
        found = self.reader.totals(REALM).profiles
        return {one.profile_id: one.model_dump() for one in found}


def event(event_id: str, type_name: str, minutes: int, *who: str, **more: Any) -> dict[str, Any]:
    """A touchpoint. Channel, system, agent, led_by (a campaign), synthetic and revision may be
    given; all else is body."""
    source = {"system": more.pop("system", "webshop"), "synthetic": more.pop("synthetic", False)}
    source |= {"campaign": more.pop("led_by", ""), "agent": more.pop("agent", "")}
    return {
        "event_id": event_id,
        "type": type_name,
        "occurred_at": at(minutes).isoformat(),
        "channel": more.pop("channel", "shop"),
        "revision": more.pop("revision", 0),
        "identifiers": named(*who),
        "source": source,
        "body": more,
    }


def bought(event_id: str, order_id: str, total: str, minutes: int, *who: str, **more: Any) -> Any:
    """An order of one article."""
    lines = [{"sku": "4711", "total": total}]
    return event(event_id, "order.placed", minutes, *who, order_id=order_id, lines=lines, **more)


ANNA, ANNA_CARD, BERT = "email=anna@example.org", "loyalty_card=77", "email=bert@example.org"
PEOPLE = [f"loyalty_card={n}" for n in range(70, 76)] + [f"cookie=c{n}" for n in range(6)]


def random_event(draw: random.Random, number: int) -> dict[str, Any]:
    """Any kind of order event, with few order and return numbers so that they meet."""
    who = [] if draw.random() < 0.3 else [draw.choice(PEOPLE)]
    more: dict[str, Any] = {
        "issuer": draw.choice(["", "erp"]),
        "currency": draw.choice(["EUR", "EUR", "EUR", "USD", None, None]),
        "channel": draw.choice(["shop", "pos", "app"]),
        "system": draw.choice(["webshop", "till"]),
        "synthetic": draw.random() < 0.1,
        "order_id": f"A{draw.randrange(25)}",
        "lines": [{"total": f"{draw.randrange(1, 5000) / 100:.2f}"}],
    }
    kind = draw.choice(["order.placed"] * 4 + ["order.cancelled", "order.returned", "page.viewed"])
    if kind == "order.placed":
        more["receipt_kind"] = draw.choice(["sale", "sale", "sale", "void"])
    if kind == "order.cancelled" and draw.random() < 0.5:
        del more["lines"]
    if kind == "order.returned":
        more |= {"return_id": draw.choice(["", f"R{draw.randrange(8)}"])}
        more |= {"order_id": ""} if draw.random() < 0.4 else {}
    if kind == "page.viewed":
        who = [draw.choice(PEOPLE)]
    return event(f"e{number:03d}", kind, draw.randrange(9), *who, **more)

"""Synthetic journeys between the events of customers: every answer is that without them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from math import isnan
from typing import Any, NamedTuple

import orjson
import pytest

from devtools.sample import build_sample
from schemas.rules.identity import identity_rules
from services.api.operation import Operation, plain
from services.api.operations import OPERATIONS
from services.api.ports import Access
from services.api.read_store import access_to
from services.measures.catalogue import MEASURES
from services.probe.core.journey import journey
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.metrics import Metrics
from services.runtime.settings import load_settings
from services.store.database import Database
from services.store.secret import register_secret
from tests.conftest import empty_tables
from tests.events import SECRET, event, identifier
from tests.pipelines import ingested

HOUSEHOLDS, SEED = 4, 7
JOURNEYS, CUSTOMERS = 30, 20
REALM = "default"
GROUP = "G-1"
"""Number of an account and of a household."""
RULES = resources.files("schemas.rules").joinpath("identity.toml").read_text()
CHANGING = {
    *("keys_create", "keys_rotate", "keys_revoke"),
    *("incidents_act", "store_repair", "store_remove_expired"),
    *("identity_decide", "identity_import_decisions", "identity_apply"),
    *("identity_suggest", "identity_suggestion", "identity_answer_suggestion"),
    *("profile_erase", "profile_erasure_verify"),
    *("profile_suppress", "profile_unsuppress"),
    *("segments_apply", "segments_remove"),
    "insights_keep",
}
OF_STORAGE = {
    "events_export": "every event, as it was sent",
    "events_list": "the latest events, whoever sent them",
    "identity_export": "every identifier that is stored",
    "identity_simulate": "how many identifiers would move",
    "identity_verify": "how many identifiers there are",
    "state_digest": "everything that is stored",
    "store_health": "rows of the store",
    "store_refresh": "rows of a view, and how long they took",
}
"""Answers about what is stored, which synthetic events are, too."""
COUNTED = ("c360_channel_events", "c360_incident", "c360_order_conflicts")
"""Beginnings of metrics about customers."""
LEFT_OUT = {"applied_at", "as_of", "refreshed_at", "now", "took_s"}
"""What depends on when it was read."""


class Stream(NamedTuple):
    """A stream of customers, the same with synthetic journeys, and the end of both."""

    plain: list[bytes]
    mixed: list[bytes]
    end: datetime


class Known(NamedTuple):
    """What there is to ask about."""

    addresses: list[str]
    nodes: list[str]
    events: list[str]
    incidents: list[str]
    rejects: list[str]
    first: str
    until: str


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """A sample stream, whose own test journeys are in the mixed one only, as those of the probe."""
    file = tmp_path_factory.mktemp("sample") / "stream.jsonl"
    build_sample(HOUSEHOLDS, SEED, file, None)
    sample = file.read_bytes().splitlines()
    first = next(json.loads(line)["occurred_at"] for line in sample if occurred_at(line))
    lines = [*memberships(first, synthetic=False), *sample]
    plain = [line for line in lines if not is_synthetic(line)]
    times = [at for line in plain if (at := occurred_at(line))]
    mixed = [*memberships(first, synthetic=True), *lines]
    for number in range(JOURNEYS):
        place = (number + 1) * len(mixed) // (JOURNEYS + 1)
        at = times[-1] - (times[-1] - times[0]) * number / JOURNEYS - timedelta(seconds=5)
        steps = journey(f"run-{number}", number % CUSTOMERS, at, REALM)
        mixed[place:place] = [orjson.dumps(step.event) for step in steps]
    return Stream(plain, mixed, times[-1] + timedelta(days=1))


def memberships(at: str, *, synthetic: bool) -> list[bytes]:
    """What is said of an account and a household, by a customer or by a test journey."""
    said = {
        "account.updated": {"account_id": GROUP, "name": f"of a test: {synthetic}"},
        "account.contact_changed": {"account_id": GROUP, "roles": ["buyer"]},
        "household.member_changed": {"household_id": GROUP},
    }
    who = identifier("email", f"{synthetic}@morgenrot.example".lower(), verified=True)
    return [
        orjson.dumps(
            event(
                type_,
                event_id=f"{type_}-{synthetic}",
                occurred_at=at,
                identifiers=[who] if type_ != "account.updated" else [],
                source={"system": "crm", "synthetic": synthetic},
                body=body,
            )
        )
        for type_, body in said.items()
    ]


def is_synthetic(line: bytes) -> bool:
    return b'"synthetic":true' in line.replace(b" ", b"")


def occurred_at(line: bytes) -> datetime | None:
    """When an event of a stream in order happened; None for garbage."""
    if line.startswith(b'{"event_id":"bad-') or not line.startswith(b"{"):
        return None
    return datetime.fromisoformat(json.loads(line)["occurred_at"]).astimezone(UTC)


def taken(database: Database, lines: Sequence[bytes], end: datetime) -> tuple[Access, Metrics]:
    """Ask about these lines, and what was measured of them."""
    empty_tables(database)
    settings = load_settings(identity_secret=SECRET.decode())
    register_realms(database, settings.realms, personal_types(identity_rules()))
    register_secret(database, SECRET, "the test's store")
    metrics = ingested(database, lines, end)
    access = access_to(settings, database, lambda _record: None)
    apply = OPERATIONS["segments_apply"]
    list(apply.run(access, apply.request(realm=REALM, definitions=SEGMENTS)))
    return access, metrics


def test_answers_are_those_without_synthetic_events(database: Database, stream: Stream) -> None:
    """Of every operation and every measure there is, but for answers about what is stored."""
    access, metrics = taken(database, stream.plain, stream.end)
    known = known_of(access)
    without, counted = answers(access, known), figures(metrics)
    assert all(without[name] for name in ("incidents_list", "profile_list", "profile_search"))
    shown = {one["measure"] for one in without["insights_show"] if one["n"]}
    assert shown >= {"repeat_purchase_rate", "clv"}  # others need customers of a year before
    access, metrics = taken(database, stream.mixed, stream.end)
    found = answers(access, known)
    assert {name for name in found if found[name] != without[name]} == OF_STORAGE.keys()
    assert figures(metrics) == counted


def answers(access: Access, known: Known) -> dict[str, list[dict[str, Any]]]:
    """The rows of every operation."""
    return {
        name: [
            compared(plain(row))
            for asked in requests(operation, known)
            for row in operation.run(access, operation.parse(orjson.dumps(asked)))
        ]
        for name, operation in OPERATIONS.items()
        if name not in CHANGING
    }


def compared(value: Any) -> Any:
    """A row without what depends on when it was read, at any depth."""
    if isinstance(value, dict):
        return {name: compared(one) for name, one in value.items() if name not in LEFT_OUT}
    return [compared(one) for one in value] if isinstance(value, list) else value


def figures(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """What is counted of customers."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        if family.name.startswith(COUNTED)
        for sample in family.samples
        if not sample.name.endswith("_created") and not isnan(sample.value)
    }


FIELDS: dict[str, Callable[[Known], Sequence[Any]]] = {
    "realm": lambda _: [REALM],
    "who": lambda known: known.addresses,
    "a": lambda known: known.addresses,
    "b": lambda known: known.addresses[::-1],
    "identifiers": lambda known: [[given(one)] for one in known.addresses],
    "addresses": lambda known: [[given(one) for one in known.addresses]],
    "ids": lambda known: [known.nodes],
    "text": lambda _: ["example", "probe", "00"],
    "measure": lambda _: list(MEASURES),
    "first": lambda known: [known.first],
    "until": lambda known: [known.until],
    "event_id": lambda known: known.events,
    "incident_id": lambda known: known.incidents,
    "reject_id": lambda known: known.rejects,
    "channel": lambda _: ["email"],
    "purpose": lambda _: ["marketing"],
    "number": lambda _: [GROUP],
    "rules": lambda _: [RULES],
    "definitions": lambda _: [SEGMENTS],
    "segment": lambda _: ["buyers", "silent"],
}
"""What a field of a request may be; those that need not be given are given if named in GIVEN."""
GIVEN = {"who", "text"}
SEGMENTS = """
[segment.buyers]
title = "Bought this year, or opened a mail"
channel = "email"
[[segment.buyers.any]]
did = "order.placed"
within = "365d"
[[segment.buyers.any]]
reacted = "opened"
[segment.silent]
title = "Everybody who bought nothing"
channel = "email"
everybody = true
[[segment.silent.none]]
did = "order.placed"
"""
OF_MEASURES = {"first", "until"}
SCORING = [name for name, one in MEASURES.items() if one.levels]
"""Measures that score single customers."""


def requests(operation: Operation[Any, Any], known: Known) -> Iterator[dict[str, Any]]:
    """Enough requests to give each value of each field once. A KeyError is a field of a new
    operation: add to FIELDS what it may be."""
    optional = GIVEN | (OF_MEASURES if "measure" in operation.request.model_fields else set())
    values = {
        name: SCORING
        if (operation.name, name) == ("insights_bias", "measure")
        else FIELDS[name](known)
        for name, field in operation.request.model_fields.items()
        if name in optional or field.is_required()
    }
    for number in range(max(map(len, values.values()), default=1)):
        yield {name: some[number % len(some)] for name, some in values.items()}


def given(address: str) -> dict[str, str]:
    return {"type": "email", "value": address}


def known_of(access: Access) -> Known:
    """Customers, events, incidents and rejects of a store."""

    def rows(name: str, **asked: str) -> list[dict[str, Any]]:
        operation = OPERATIONS[name]
        return [plain(row) for row in operation.run(access, operation.request(**asked))]

    identifiers = rows("identity_export", realm=REALM)
    addresses = sorted(one["value"] for one in identifiers if one["type"] == "email")
    events = rows("events_list", realm=REALM)
    latest = datetime.fromisoformat(events[0]["occurred_at"])
    return Known(
        addresses[:4],
        sorted(one["node_id"] for one in identifiers)[:100],
        [one["event_id"] for one in itertools.islice(events, 3)],
        [one["incident_id"] for one in rows("incidents_list", realm=REALM)][:3],
        [one["reject_id"] for one in rows("rejected_list")][:3],
        (latest - timedelta(days=365)).date().isoformat(),
        latest.date().isoformat(),
    )

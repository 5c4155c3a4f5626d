"""A store without its expired events is as if it had never taken them in (real engine).

Random streams over few identifiers, so that most edges rest on several events and people merge,
block each other and share: then any types expire at any times, the removal is killed anywhere, and
the whole stream is sent again. The state must be that of a store that knew the cut-offs before.
"""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.core.outcome import Intake
from services.runtime.errors import Fatal, Retry
from services.runtime.settings.retention import LIMITED_TYPES
from services.store.database import Database
from tests.events import event, identifier, line
from tests.retaining_process import (
    DyingWrites,
    Lines,
    RetainingProcess,
    assert_consistent,
    digest_by_section,
    emptied,
    registered,
)
from tests.tiers import always

START = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 9
BATCH_EVENTS = 5
REJECTED = {"expired", "no_usable_identifier"}
"""Of what expired, and of an event of a public write key that names no device."""
MARKETING = {"purpose": "marketing", "channel": "email"}


@pytest.fixture
def store(database: Database) -> Database:
    """The engine, empty, with its realm."""
    registered(database)
    return database


def stream(rng: random.Random, events: int) -> Lines:
    """Events of a few people who share devices and mistype addresses, in any order."""
    numbers = [
        *(identifier("customer_number", str(n), issuer="shop") for n in range(1001, 1004)),
        *(identifier("email", f"{name}@mail.example") for name in "abcd"),
        *(identifier("loyalty_card", str(n), issuer="shop") for n in (71, 72, 73)),
        *(identifier("phone", f"+4930231250{n}") for n in range(10, 12)),
        *(identifier("device_id", f"tablet-{n}") for n in range(3)),
        *(identifier("cookie", f"cookie-{n}") for n in range(5)),
    ]
    bodies: list[tuple[str, dict[str, Any]]] = [
        *((name, {}) for name in LIMITED_TYPES if not name.startswith("email.")),
        *((name, {}) for name in LIMITED_TYPES),
        ("email.clicked", {"single_use_token": True}),
        ("identity.linked", {}),
        ("profile.updated", {"attributes": {"city": "Bonn"}}),
        ("consent.given", MARKETING),
        ("objection.made", MARKETING),
        ("order.placed", {"order_id": "O-1", "lines": [{"sku": "A", "total": "5.00"}]}),
        ("message.sent", {"purpose": "marketing"}),
    ]
    found: Lines = []
    for number in range(events):
        type_name, body = rng.choice(bodies)
        named = [
            {**one, "verified": rng.random() < 0.7}
            for one in rng.sample(numbers, rng.choice((1, 2, 2, 3)))
        ]
        hours = rng.choice((rng.randrange(DAYS * 24), rng.randrange(DAYS) * 24))
        sent = event(
            type_name, event_id=f"e-{number}", identifiers=named, body=body,
            channel="email" if type_name.startswith(("email.", "message.")) else "shop",
            occurred_at=(START + timedelta(hours=hours)).isoformat(),
        )  # fmt: skip
        is_public = type_name == "page.viewed" and rng.random() < 0.2
        found.append((line(sent), Intake.PUBLIC if is_public else Intake.SERVER))
    # The end of time on every channel, whatever expires: incidents are judged up to it.
    for channel in ("shop", "email"):
        last = event("identity.linked", event_id=f"z-{channel}", body={}, channel=channel)
        found.append((line(last), Intake.SERVER))
    rng.shuffle(found)
    return found


def cutoffs(rng: random.Random) -> dict[str, datetime]:
    """Times within the stream, of some types."""
    some = rng.sample(LIMITED_TYPES, rng.randrange(1, len(LIMITED_TYPES) + 1))
    return {name: START + timedelta(days=rng.randrange(1, DAYS + 1)) for name in some}


@pytest.mark.parametrize("seed", always((0, 1, 2), range(12)))
def test_what_expired_was_never_there(
    store: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever expires when, in one removal or two, killed or not; and nothing comes back."""
    rng = random.Random(seed)
    lines, before = stream(rng, rng.choice((12, 40, 80))), cutoffs(rng)
    process = RetainingProcess(store)
    first = process.ingest(lines, BATCH_EVENTS)
    assert {one.reason for one in first} <= {"", "no_usable_identifier"}
    if rng.random() < 0.5:
        process.expire({name: at - timedelta(days=2) for name, at in before.items()})
    if rng.random() < 0.7:
        with monkeypatch.context() as patch:
            DyingWrites(rng.randrange(2, 60), patch)
            with suppress(Fatal, Retry):
                process.expire(before)
        process = RetainingProcess(store)
    process.expire(before)
    assert_consistent(store)
    kept = digest_by_section(store)
    again = process.ingest(lines, BATCH_EVENTS)
    assert {one.reason for one in again if one.status == "rejected"} <= REJECTED
    assert digest_by_section(store) == kept

    emptied(store)
    fresh = RetainingProcess(store)
    fresh.ingest(lines, BATCH_EVENTS)
    assert digest_by_section(store) == kept

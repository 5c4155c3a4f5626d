"""Types of events with an age limit: nothing that must stay follows from any of their events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.examples import EXAMPLES
from schemas.instants import to_ms
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_TYPES
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Reject
from services.runtime.errors import ConfigurationError
from services.runtime.settings import load_settings
from services.runtime.settings.retention import KEPT_FOR, LIMITED_TYPES
from tests.events import RECEIVED_AT, config, core, event, identifier, line

PROVEN = [
    identifier("customer_number", "1001", issuer="shop", verified=True),
    identifier("email", "anna@mail.example", verified=True),
    identifier("cookie", "c-1"),
]
FOLLOWS = (
    "order_action", "consents.action", "attrs.name", "offers.sku", "claims.kind", "survey_kind",
    "group_kind",
)  # fmt: skip
"""Columns that say whether anything but the event and its identifiers is read out of it."""


@pytest.mark.parametrize("name", LIMITED_TYPES)
def test_nothing_else_follows_from_them(name: str) -> None:
    """No claim, consent, order, attribute or price, whoever is named and however well proven."""
    bodies: list[dict[str, Any]] = [{}, EXAMPLES[name]["body"]]
    if name.startswith("email."):
        bodies.append({"address": "anna@mail.example", "purpose": "marketing", "campaign": "c"})
    for body in bodies:
        sent = event(name, identifiers=PROVEN, body=body)
        outcome = core().process(line(sent), RECEIVED_AT)
        assert isinstance(outcome, Accepted), outcome
        assert not outcome.claims
        assert not any(outcome.row[column] for column in FOLLOWS)


@pytest.mark.parametrize("name", sorted({*EVENT_TYPES, "page.liked"} - set(LIMITED_TYPES)))
def test_no_other_type_may_have_a_limit(name: str) -> None:
    """Known or not: it is refused with those that may."""
    with pytest.raises(ConfigurationError, match=r"C360_RETENTION_EVENTS_DAYS.*page\.viewed"):
        load_settings(retention_events_days={"page.viewed": 30, name: 30})


def test_what_expired_is_refused_by_realm_and_type() -> None:
    """Up to the cut-off; its own time is kept."""
    cutoff = datetime(2026, 11, 20, tzinfo=UTC)
    ledger = {("default", "page.viewed"): to_ms(cutoff)}
    core = EventProcessor(config(), None, lambda realm, name: ledger.get((realm, name)))
    old = event(occurred_at="2026-11-19T23:59:59.999Z")
    assert core.process(line(old), RECEIVED_AT) == Reject(
        RejectReason.EXPIRED,
        "occurred_at",
        "page.viewed of that time is not kept any more",
        old["event_id"],
    )
    kept = [
        event(occurred_at="2026-11-20T00:00:00Z"),
        event("search.performed", occurred_at="2026-11-01T00:00:00Z", body={"query": "x"}),
    ]
    for one in kept:
        assert isinstance(core.process(line(one), RECEIVED_AT), Accepted)


def test_each_other_type_has_a_reason() -> None:
    """The error says of each type that is refused why it is kept, and which ones are none."""
    reasons = {name: why for why, names in KEPT_FOR.items() for name in names}
    assert reasons.keys() == EVENT_TYPES.keys() - set(LIMITED_TYPES)
    assert sum(map(len, KEPT_FOR.values())) == len(reasons)
    given = {"order.placed": 30, "page.liked": 30}
    with pytest.raises(ConfigurationError) as raised:
        load_settings(retention_events_days=given)
    assert f"order.placed: {reasons['order.placed']}" in str(raised.value)
    assert "page.liked: no such type of events" in str(raised.value)


JUDGED = "incidents are judged from what they say, and would never have been without it"


@pytest.mark.parametrize("name", sorted(set(KEPT_FOR[JUDGED]) - {"message.sent"}))
def test_incidents_are_judged_from_the_others(name: str) -> None:
    """An example makes a claim: it cannot go without what was found by it."""
    outcome = core().process(
        line(event(name, identifiers=PROVEN, body=EXAMPLES[name]["body"])), RECEIVED_AT
    )
    assert isinstance(outcome, Accepted), outcome
    assert outcome.claims

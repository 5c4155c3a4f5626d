"""The events of one synthetic journey: shop, app, till, mail, each with an identifier of its own.

All events are marked `synthetic`. The invented customers are a fixed number and take turns, so
profiles do not pile up; the two sessions of a journey are new, so joining is proven every time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

SYSTEM = "probe"
CUSTOMERS = 14 * 24 * 60
"""Invented customers: one for each minute of two weeks."""
MINUTE_S = 60
CHANNELS = ("shop", "app", "pos", "email")
"""The channels of a journey, in order."""


class JourneyStep(NamedTuple):
    """One touchpoint of a journey, and the identifier that only this channel knows."""

    channel: str
    identifier: dict[str, str]
    event: dict[str, Any]


def customer_of(at: datetime) -> int:
    """Whose turn it is at a time: a number below CUSTOMERS."""
    return int(at.timestamp()) // MINUTE_S % CUSTOMERS


def journey(run: str, customer: int, at: datetime, realm: str) -> list[JourneyStep]:
    """The steps of a journey in order. `run` is unique: event ids and sessions are made of it."""
    name = f"{SYSTEM}-{customer:05}"
    total = "1.00"
    return [
        _step(
            run, at, realm, "shop", "identity.linked", name,
            _issued("session", f"{run}-shop"), {"reason": "login"},
        ),
        _step(
            run, at, realm, "app", "identity.linked", name,
            _issued("session", f"{run}-app"), {"reason": "login"},
        ),
        _step(
            run, at, realm, "pos", "order.placed", name,
            _issued("loyalty_card", f"{name}-card"),
            {"order_id": run, "lines": [{"sku": SYSTEM, "total": total}], "gross": total},
        ),
        _step(
            run, at, realm, "email", "email.clicked", name,
            {"type": "email", "value": f"{name}@c360-probe.example.com"},
            {"single_use_token": True, "message_id": run},
        ),
    ]  # fmt: skip


def _issued(kind: str, value: str) -> dict[str, str]:
    return {"type": kind, "issuer": SYSTEM, "value": value}


def _step(
    run: str,
    at: datetime,
    realm: str,
    channel: str,
    kind: str,
    name: str,
    own: dict[str, str],
    body: dict[str, Any],
) -> JourneyStep:
    identifiers = [own, _issued("customer_number", name)]
    event = {
        "event_id": f"{run}-{channel}",
        "occurred_at": at.isoformat(),
        "realm": realm,
        "channel": channel,
        "type": kind,
        "source": {"system": SYSTEM, "synthetic": True},
        "identifiers": [{**one, "verified": True} for one in identifiers],
        "body": body,
    }
    return JourneyStep(channel, own, event)

"""An app that does not follow a receipt; a late one, a movement that is named, and another card."""

from __future__ import annotations

from datetime import datetime

from tests.events import identifier
from tests.planted import Json, Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """Only the second statement of the app is wrong, until it follows."""
    make = Sayer(at, tag)
    person = identifier("customer_number", tag, issuer="shop", verified=True)

    def says(channel: str, hours: float, card: str, **body: Json | float | str) -> Json:
        named = identifier("loyalty_card", f"{tag}-{card}", issuer="club", verified=True)
        usual = {"programme": "plus"}
        return make.said(
            "loyalty.changed", channel, hours, usual | body, identifiers=[person, named]
        )

    events = [
        says("app", 0, "a", points_balance=500, tier="Gold"),
        says("pos", 1, "a", points_balance=500, tier="GOLD"),
        says("pos", 24, "a", points_balance=550, points_change=50),
        says("app", 30, "a", points_balance=500),
        says("shop", 40, "a", points_balance=540, points_change=-10),
        says("pos", 41, "b", points_balance=20),
        says("app", 120, "a", points_balance=500),
        says("app", 240, "a", points_balance=540),
    ]
    expected = {
        "kind": "loyalty_balance_mismatch",
        "channel": "app",
        "state": "resolved",
        "cause": "stale_balance",
        "field": "points_balance",
        "expected": "540",
        "observed": "500",
    }
    return Planted(events, [expected])

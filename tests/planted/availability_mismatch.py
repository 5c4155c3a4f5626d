"""A product is gone, and the app still sells it."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The app is stale until it follows; a safety stock (`limited`) is no contradiction."""
    make = Sayer(at, tag)
    said = (
        ("shop", 0, "in_stock"),
        ("pos", 0, "in_stock"),
        ("app", 0, "in_stock"),
        ("shop", 24, "limited"),
        ("shop", 48, "out_of_stock"),
        ("pos", 48, "out_of_stock"),
        ("app", 60, "out_of_stock"),
    )
    events = [
        make.said("offer.published", channel, hours, {"sku": tag, "availability": state})
        for channel, hours, state in said
    ]
    expected = {
        "kind": "availability_mismatch",
        "sku": tag,
        "channel": "app",
        "state": "resolved",
        "cause": "stale_availability",
        "observed": "in_stock",
    }
    return Planted(events, [expected])

"""A store moves, and the app sends people to the old place."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The shop and the tills follow, the app does not; an abbreviation is no other address."""
    make = Sayer(at, tag)
    events = [
        make.said("store.published", channel, 0, {"store": tag, "address": address})
        for channel, address in (
            ("shop", "Hauptstr. 5"),
            ("pos", "Hauptstraße 5"),
            ("app", "Hauptstr. 5"),
        )
    ]
    events += [
        make.said("store.published", channel, 96, {"store": tag, "address": "Am Markt 1"})
        for channel in ("shop", "pos")
    ]
    expected = {
        "kind": "store_data_mismatch",
        "id": tag,
        "channel": "app",
        "state": "open",
        "cause": "stale_store_data",
        "field": "address",
        "observed": "Hauptstr. 5",
    }
    return Planted(events, [expected])

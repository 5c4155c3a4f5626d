"""Planted contradictions: events, and the incidents that must follow; one module for each kind.

Every module has `plant(at, tag)`. It returns a plain contradiction of its kind, and beside it what
the kind never reports. The tag stands in every event id, product, store, case and identifier, so
that plants of several times and kinds share one stream without touching each other. They are used
by the composed stream, by the distributed run on real Kafka and by the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

from tests.events import event

Json = dict[str, Any]
SPAN = timedelta(days=75)
"""All events of a plant are within so long from its begin, and so is all that follows of them."""


class Planted(NamedTuple):
    """Events as clients send them, under default rules."""

    events: list[Json]
    expected: list[Json]
    """The incidents that follow, none else: fields as `c360 incidents list --json` prints them, as
    they are from `SPAN` after the begin on, for 200 days at least. Each has a `kind`."""


Planter = Callable[[datetime, str], Planted]


class Sayer:
    """Makes the events of one plant."""

    def __init__(self, at: datetime, tag: str) -> None:
        self.at = at
        self.tag = tag
        self._number = 0

    def after(self, hours: float) -> datetime:
        """So many hours after the begin."""
        return self.at + timedelta(hours=hours)

    def said(self, kind: str, channel: str, hours: float, body: Json, **fields: Any) -> Json:
        """An event so many hours after the begin; by default it names nobody."""
        self._number += 1
        usual: Json = {
            "event_id": f"{self.tag}-{self._number:03}",
            "occurred_at": self.after(hours).isoformat(),
            "identifiers": [],
        }
        return event(kind, channel=channel, body=body, **(usual | fields))


def planters() -> dict[str, Planter]:
    """The planter of each kind by its name, discovered as the kinds themselves are."""
    found = {module.name for module in iter_modules(__path__)}
    return {name: import_module(f"{__name__}.{name}").plant for name in sorted(found)}


def plant_all(begin: datetime, apart: timedelta, rounds: int = 1) -> Iterator[Planted]:
    """Plants of all kinds one after the other, `apart` from each other, then all again."""
    at = begin.astimezone(UTC)
    for number in range(rounds):
        for name, plant in planters().items():
            yield plant(at, f"{name.replace('_', '-')}-{number}")
            at += apart

"""What single customers did, why something is said of them, with the events that prove it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from schemas.touchpoint import EVENT_TYPES

ACTS = sorted(name for name, one in EVENT_TYPES.items() if one.acts)
"""Types of what customers do. A single event may be no deed: a program opened the mail, an agent
wrote, the retailer called. The column `active` says so of each."""
EVIDENCE_MAX = 5
"""So many events are named as a reason, the latest ones."""


class Deed(NamedTuple):
    """Something that happened to a customer or was done by one."""

    at: datetime
    event_id: str
    what: str = ""
    """In the words of whatever asks for it."""
    weight: float = 1.0
    """A number that belongs to it, as an amount."""


class Ground(NamedTuple):
    """A reason of what is said about a customer."""

    points: float
    """What it adds to a score; 1 where there is none."""
    what: str
    event_ids: tuple[str, ...]
    """At most EVIDENCE_MAX, the latest first."""


def ids_of(deeds: Iterable[Deed]) -> tuple[str, ...]:
    """Events that prove something, the latest first; each once."""
    latest = sorted(deeds, key=lambda one: (one.at, one.event_id), reverse=True)
    return tuple(dict.fromkeys(one.event_id for one in latest))[:EVIDENCE_MAX]

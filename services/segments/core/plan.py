"""Compiled definitions: what they read, and what decides about a customer.

`member` and `next_flip` are the whole interface of membership; `outlook` gives both at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest

from schemas.rules.segments import SegmentDefinition
from services.segments.core.conditions import Compiled, Outlook
from services.segments.core.facts import CustomerFacts

EVIDENCE_MAX = 5


@dataclass(frozen=True)
class Needs:
    """What is read of customers."""

    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Types of events, and the fields that are asked of each."""
    attributes: frozenset[str] = frozenset()
    consents: bool = False
    measures: frozenset[str] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        """What either needs."""
        types = self.fields.keys() | other.fields.keys()
        none = frozenset[str]()
        return Needs(
            {one: self.fields.get(one, none) | other.fields.get(one, none) for one in types},
            self.attributes | other.attributes,
            self.consents or other.consents,
            self.measures | other.measures,
        )


@dataclass(frozen=True)
class SegmentPlan:
    """A definition, compiled."""

    segment: str
    definition: SegmentDefinition
    root: Compiled
    needs: Needs


def member(facts: CustomerFacts, plan: SegmentPlan, at_ms: int) -> bool:
    """Whether a customer belongs to a segment at a time (Unix ms), by the facts up to then."""
    return plan.root.holds(facts, at_ms)


def next_flip(facts: CustomerFacts, plan: SegmentPlan, at_ms: int) -> int | None:
    """The earliest later instant (Unix ms) at which time alone may change the answer; None: never.

    Facts of later than `at_ms` are known already, and count when their time comes. The instant may
    be one at which nothing changes; it is never too late.
    """
    return plan.root.outlook(facts, at_ms).flip_ms


def outlook(facts: CustomerFacts, plan: SegmentPlan, at_ms: int) -> Outlook:
    """Both at once."""
    return plan.root.outlook(facts, at_ms)


def because(facts: CustomerFacts, plan: SegmentPlan, at_ms: int) -> list[str]:
    """The latest events that the conditions look at, the latest first; at most five."""
    found = {(one.at_ms, one.event_id) for one in plan.root.evidence(facts, at_ms)}
    return list(dict.fromkeys(event_id for _, event_id in nlargest(EVIDENCE_MAX, found)))


def needs_of(plans: Iterable[SegmentPlan]) -> Needs:
    """What several read together."""
    needs = Needs()
    for one in plans:
        needs |= one.needs
    return needs

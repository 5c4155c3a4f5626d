"""What changes for one customer and one segment: decided from the facts as they are known now, and
from what is stored. Pure: the same facts, state and tick give the same change.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from services.segments.core.conditions import AllOf
from services.segments.core.facts import CustomerFacts
from services.segments.core.person_leaves import NotObjected
from services.segments.core.plan import SegmentPlan, because, member, outlook

ENTERED, LEFT, RETRACTED = "entered", "left", "retracted"
"""Changes. Retracted: it should never have entered."""
BY_EVENT, BY_TIME, BY_IDENTITY, BY_DEFINITION = "event", "time", "identity", "definition"
BY_ERASURE, BY_OBJECTION = "erased", "objection"
"""Reasons of changes."""
STEPS_MAX = 100
"""Instants that are looked at for the beginning of a state; of one that began before, the tick is
given."""


class TouchCause(IntEnum):
    """Why a customer is looked at; of several the highest counts."""

    TIME = 0
    EVENT = 1
    IDENTITY = 2
    DEFINITION = 3


class SegmentStanding(NamedTuple):
    """What is stored of a customer and a segment."""

    is_member: bool = False
    since_ms: int = 0
    """Tick at which that was found."""
    definition: int = 0
    sequence: int = 0
    """How many changes there were."""


class Look(NamedTuple):
    """When, by what and why somebody is looked at."""

    tick_ms: int
    before_ms: int | None
    """The tick before; None if there is none."""
    definition: int
    """Number of the definition in force."""
    cause: TouchCause


class Change(NamedTuple):
    """A change of one customer and segment."""

    change: str
    reason: str
    at_ms: int
    """Since when it is so."""
    tick_ms: int
    """At which it was found."""
    late: bool
    """It was so at an earlier tick already, by what is known now."""
    because: tuple[str, ...]
    supersedes: int
    """Sequence of the change that is taken back; 0 for none."""
    sequence: int
    definition: int


class MembershipVerdict(NamedTuple):
    """What follows of one look."""

    change: Change | None
    is_member: bool
    flip_ms: int | None
    """When time alone may change the state next."""


def decide(
    facts: CustomerFacts | None, plan: SegmentPlan, standing: SegmentStanding, look: Look
) -> MembershipVerdict:
    """Whether the state changes, and when to look again. `facts` is None of whom nothing is known
    any more: nobody is that."""
    if facts is None:
        gone = _change(LEFT, BY_EVENT, look, standing, ()) if standing.is_member else None
        return MembershipVerdict(gone, False, None)
    found = outlook(facts, plan, look.tick_ms)
    if found.holds == standing.is_member:
        return MembershipVerdict(None, found.holds, found.flip_ms)
    decided = _entered if found.holds else _gone
    return MembershipVerdict(decided(facts, plan, standing, look), found.holds, found.flip_ms)


def departed(standing: SegmentStanding, look: Look, reason: str) -> Change:
    """A member who is no profile any more: merged into another one, or erased."""
    return _change(LEFT, reason, look, standing, ())


def _entered(
    facts: CustomerFacts, plan: SegmentPlan, standing: SegmentStanding, look: Look
) -> Change:
    events = tuple(because(facts, plan, look.tick_ms))
    if (reason := _by_rule(standing, look)) is not None:
        return _change(ENTERED, reason, look, standing, events)
    before = look.before_ms
    is_late = before is not None and member(facts, plan, before)
    low = look.tick_ms if before is None else before
    if is_late:
        low = min(low, standing.since_ms if standing.sequence else _first(facts, low))
    at_ms = _since(facts, plan, low, look.tick_ms)
    taken_back = is_late and standing.sequence and at_ms <= standing.since_ms
    reason = BY_EVENT if is_late or _is_told(facts, plan, at_ms) else BY_TIME
    supersedes = standing.sequence if taken_back else 0
    return _change(ENTERED, reason, look, standing, events, at_ms, is_late, supersedes)


def _gone(facts: CustomerFacts, plan: SegmentPlan, standing: SegmentStanding, look: Look) -> Change:
    if is_objected(facts, plan, look.tick_ms):
        return _change(LEFT, BY_OBJECTION, look, standing, ())
    events = tuple(because(facts, plan, look.tick_ms))
    if (reason := _by_rule(standing, look)) is not None:
        return _change(LEFT, reason, look, standing, events)
    if not member(facts, plan, standing.since_ms):
        since_ms, mine = standing.since_ms, standing.sequence
        return _change(RETRACTED, BY_EVENT, look, standing, events, since_ms, True, mine)
    before = look.before_ms
    is_late = before is not None and not member(facts, plan, before)
    low = standing.since_ms if is_late or before is None else before
    at_ms = _since(facts, plan, low, look.tick_ms)
    reason = BY_EVENT if is_late or _is_told(facts, plan, at_ms) else BY_TIME
    return _change(LEFT, reason, look, standing, events, at_ms, is_late)


def _by_rule(standing: SegmentStanding, look: Look) -> str | None:
    """The reason of a change that no event and no time brings about; its time is the tick."""
    if look.cause is TouchCause.DEFINITION or standing.definition not in (0, look.definition):
        return BY_DEFINITION
    return BY_IDENTITY if look.cause is TouchCause.IDENTITY else None


def is_objected(facts: CustomerFacts, plan: SegmentPlan, at_ms: int) -> bool:
    """Whether an objection keeps a customer out of a segment."""
    parts = plan.root.parts if isinstance(plan.root, AllOf) else ()
    return any(isinstance(one, NotObjected) and not one.holds(facts, at_ms) for one in parts)


def _since(facts: CustomerFacts, plan: SegmentPlan, low_ms: int, high_ms: int) -> int:
    """Since when the state at `high_ms` holds without a break; at the earliest `low_ms`."""
    state, since, instant = member(facts, plan, high_ms), low_ms, low_ms
    for _ in range(STEPS_MAX):
        found = outlook(facts, plan, instant)
        if found.holds != state:
            since = high_ms
        elif since == high_ms:
            since = instant
        if found.flip_ms is None or found.flip_ms > high_ms:
            return since
        instant = found.flip_ms
    return high_ms


def _first(facts: CustomerFacts, default: int) -> int:
    return min((one.from_ms for one in facts.events()), default=default)


def _is_told(facts: CustomerFacts, plan: SegmentPlan, at_ms: int) -> bool:
    """Whether anything was said at an instant, or ends to count then."""
    if any(at_ms in (one.from_ms, one.until_ms) for one in facts.events()):
        return True
    said = (facts.attribute_instants(name) for name in plan.needs.attributes)
    return at_ms in facts.consent_instants() or any(at_ms in one for one in said)


def _change(
    change: str,
    reason: str,
    look: Look,
    standing: SegmentStanding,
    events: tuple[str, ...],
    at_ms: int | None = None,
    is_late: bool = False,
    supersedes: int = 0,
) -> Change:
    at = look.tick_ms if at_ms is None else at_ms
    return Change(
        change, reason, at, look.tick_ms, is_late, events, supersedes, standing.sequence + 1,
        look.definition,
    )  # fmt: skip

"""The explanation of two identifiers, as the operation, HTTP and the command line give it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import Field

from schemas.api.permission import Language
from services.api.operation import Answer
from services.profiles.core.masking import masked_identifier


class WhyNode(Answer):
    """One identifier."""

    node_id: str
    """Its node id."""
    type: str
    """Its type; empty for an unknown node."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""


class WhyHappened(Answer):
    """The event behind an edge."""

    type: str
    """Its type."""
    channel: str
    """Its channel."""
    store: str
    """Its store; empty if it names none."""
    system: str
    """The system that reported it; empty if it names none."""
    reason: str
    """Of `identity.linked`: what proved the link. Empty for other events."""
    anchor: str
    """Node id of the identifier that it was stored under."""


class WhyDecided(Answer):
    """What a person decided."""

    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: str
    """When."""


class _Between(Answer):
    from_: WhyNode = Field(alias="from")
    """Where it begins."""
    to: WhyNode
    """Where it ends."""


B = TypeVar("B", bound=_Between)


class _Proven(_Between):
    event_id: str
    """The event that names both."""
    first_seen: str
    """Time of the earliest such event."""
    verified: bool
    """Whether every personal identifier is verified."""
    happened: WhyHappened | None
    """What happened in it; null if it was not looked up or is no longer stored."""


class EdgeStep(_Proven):
    """A step of the path that an event proves."""

    rule: str
    """The rule that makes the link."""


class DecisionStep(_Between):
    """A step of the path that a person decided."""

    rule: str
    """`decision`."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: str
    """When."""


class _Blocked(_Proven):
    refused_because: str | None
    """The reason of a refusal."""
    blocked_by: list[WhyNode]
    """The identifiers that block a refused edge."""
    decided: WhyDecided | None
    """The decision that keeps them apart, if it is one that does."""


class SetAside(_Blocked):
    """An edge that joins nobody, and why."""

    why: str
    """Why it joins nobody."""


class NearStep(_Blocked):
    """A step of the nearest connection of two profiles."""

    rule: str | None
    """The rule by which it joins its ends; null if it joins nobody."""
    why: str | None
    """Why it joins nobody; null if it joins its ends."""


class WhyDecision(_Between):
    """What a person decided about a member of one profile and one of the other."""

    verdict: str
    """`same` or `different`."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: str
    """When."""
    refused_because: str | None
    """Why `same` has no effect; null otherwise."""


class WhyShared(Answer):
    """An identifier that belongs to nobody, and whom it touches."""

    identifier: WhyNode
    """The identifier."""
    because: str
    """`several` if it lies between several persons; else the reason for which it joins nobody."""
    seen_with: int
    """Identifiers that it was seen with."""
    persons: int
    """Persons whom those belong to."""
    samples: list[WhyNode]
    """The strongest identifier of some of them."""
    is_cut: bool
    """Whether there are more than were looked at: the numbers are at least these."""


class Explained(Answer):
    """Why two identifiers are, or are not, one profile."""

    version: int
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    a: WhyNode
    """The first identifier."""
    b: WhyNode
    """The second one."""
    profile_a: str
    """The profile that holds the first."""
    profile_b: str
    """The profile that holds the second."""
    kind_a: str
    """What the profile of the first is: person, anonymous or shared; empty if it is on no map."""
    kind_b: str
    """What the profile of the second is."""
    profiles: list[str]
    """The profiles of all identifiers that the explanation names, those of the two first."""
    same: bool
    """Whether both belong to one profile."""
    path: list[EdgeStep | DecisionStep]
    """The links from the first to the second, if they are one."""
    set_aside: list[SetAside]
    """Edges of the two that join nobody, and why."""
    decisions: list[WhyDecision]
    """What people decided about the two profiles, if they are two."""
    nearest: list[NearStep | DecisionStep]
    """If they are two: the way between them with the fewest links that join nobody."""
    shared: list[WhyShared]
    """The identifiers that belong to nobody, of the two and of the way between them."""
    is_cut: bool
    """Whether there are more edges than were looked at or are shown: a path may be missing."""
    language: Language
    """Language of the sentences."""
    sentences: list[str]
    """The explanation in the words of customers."""


def hinted(found: Explained) -> Explained:
    """The explanation with hints in the place of all values."""

    def blocked(one: B) -> B:
        if not isinstance(one, _Blocked):
            return _hinted_ends(one)
        nodes = [_hinted(node) for node in one.blocked_by]
        return _hinted_ends(one).model_copy(update={"blocked_by": nodes})

    shared = [
        one.model_copy(
            update={
                "identifier": _hinted(one.identifier),
                "samples": [_hinted(node) for node in one.samples],
            }
        )
        for one in found.shared
    ]
    return found.model_copy(
        update={
            "a": _hinted(found.a),
            "b": _hinted(found.b),
            "path": [_hinted_ends(one) for one in found.path],
            "set_aside": [blocked(one) for one in found.set_aside],
            "decisions": [_hinted_ends(one) for one in found.decisions],
            "nearest": [blocked(one) for one in found.nearest],
            "shared": shared,
        }
    )


def _hinted(one: WhyNode) -> WhyNode:
    return one.model_copy(update={"value": masked_identifier(one.type, one.value)})


def _hinted_ends(one: B) -> B:
    return one.model_copy(update={"from_": _hinted(one.from_), "to": _hinted(one.to)})

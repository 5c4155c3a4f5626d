"""Conditions about messages: whom a campaign reached, and what they did with its messages.

A reaction belongs to the message with its id; without an id on either side, to those of its
campaign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.events.messages import MACHINE_AGENT
from services.segments.core.conditions import Leaf
from services.segments.core.facts import CustomerEvent, CustomerFacts
from services.segments.core.matching import Matcher
from services.segments.core.windows import TimeWindow

SENT_TYPES = ("message.sent", "email.sent", "campaign.reached")
BOUNCED, OPENED, CLICKED = "email.bounced", "email.opened", "email.clicked"
SENT_FIELDS = frozenset({"campaign", "message_id"})
REACTION_FIELDS = SENT_FIELDS | {"automated", "user_agent"}


class Named:
    """Which messages some reactions are about."""

    def __init__(self, reactions: Iterable[CustomerEvent]) -> None:
        self._ids = set[str]()
        self._campaigns = set[str]()
        self._unnumbered = set[str]()
        """Campaigns of reactions without an id."""
        for one in reactions:
            message_id, campaign = _keys(one)
            self._campaigns.add(campaign)
            if message_id:
                self._ids.add(message_id)
            else:
                self._unnumbered.add(campaign)

    def holds(self, message: CustomerEvent) -> bool:
        """Whether any of them is about this message."""
        message_id, campaign = _keys(message)
        if message_id in self._ids and message_id:
            return True
        return bool(campaign) and campaign in (self._unnumbered if message_id else self._campaigns)


def _keys(event: CustomerEvent) -> tuple[str, str]:
    return event.fields.get("message_id") or "", event.fields.get("campaign") or ""


def is_automated(event: CustomerEvent) -> bool:
    """Whether a program opened or clicked."""
    agent = event.fields.get("user_agent")
    return bool(event.fields.get("automated") or (agent and MACHINE_AGENT.search(agent)))


@dataclass(frozen=True)
class Reached(Leaf):
    """A message was sent in the window and did not bounce."""

    messages: Sequence[Matcher]
    """Of each type of message."""
    bounced: Matcher
    window: TimeWindow

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        return bool(self.reached(facts, at_ms))

    def reached(self, facts: CustomerFacts, at_ms: int) -> list[CustomerEvent]:
        """The messages."""
        bounced = Named(facts.series(self.bounced).up_to(at_ms))
        low, high = self.window.low(at_ms), self.window.high(at_ms)
        return [
            one
            for matcher in self.messages
            for one in facts.series(matcher).between(low, high, at_ms)
            if not bounced.holds(one)
        ]

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        yield from facts.series(self.bounced).instants()
        for matcher in self.messages:
            series = facts.series(matcher)
            yield from series.instants()
            ends = (self.window.end_of(one.at_ms) for one in series.events)
            yield from (one for one in ends if one is not None)

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        return iter(self.reached(facts, at_ms))


@dataclass(frozen=True)
class ReactedTo(Leaf):
    """Messages were reacted to by the person, or reached the person and none of them was."""

    reached: Reached
    reactions: Sequence[Matcher]
    """Of each type of reaction."""
    is_wanted: bool

    def holds(self, facts: CustomerFacts, at_ms: int) -> bool:
        """See Compiled."""
        messages = self.reached.reached(facts, at_ms)
        reacted = Named(self._reactions(facts, at_ms))
        found = any(map(reacted.holds, messages))
        return found if self.is_wanted else bool(messages) and not found

    def _reactions(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        for matcher in self.reactions:
            for one in facts.series(matcher).up_to(at_ms):
                if not is_automated(one):
                    yield one

    def instants(self, facts: CustomerFacts, at_ms: int) -> Iterator[int]:
        """See Leaf."""
        yield from self.reached.instants(facts, at_ms)
        for matcher in self.reactions:
            yield from facts.series(matcher).instants()

    def evidence(self, facts: CustomerFacts, at_ms: int) -> Iterator[CustomerEvent]:
        """See Compiled."""
        yield from self.reached.evidence(facts, at_ms)
        yield from self._reactions(facts, at_ms)

"""What is known of one customer, as scores ask for it, and what a score is.

A score is a pure function of these facts: it reads no clock and no store, and the order of the
facts makes no difference. What needs the other customers is taken from the kept answer of a
measure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from schemas.api.insights import (
    EVENTS_SHOWN_MAX,
    InsightScore,
    ProfilingObjection,
    ScoreAbsence,
    ScoreReason,
)
from schemas.rules.insights import InsightRules
from services.measures.core.deeds import Deed
from services.measures.core.leaving_customers import SignSeen
from services.measures.core.result import MeasureResult
from services.profiles.core.consent import REFUSALS, ConsentRecord


class Touch(NamedTuple):
    """A touchpoint on which the customer acted and could be answered."""

    at: datetime
    event_id: str
    type: str
    channel: str


class SentMessage(NamedTuple):
    """A message to the customer."""

    at: datetime
    event_id: str
    channel: str
    purpose: str
    message_id: str
    """Empty if the sender gives none."""


class GivenAnswer(NamedTuple):
    """An answer to one question of a survey."""

    at: datetime
    event_id: str
    kind: str
    """The instrument."""
    survey: str
    wave: str
    question: str
    score: Decimal | None
    expected: Decimal | None
    lowest: Decimal | None
    """The end of the scale; None for that of the instrument."""
    highest: Decimal | None


class Wish(NamedTuple):
    """The channel that the customer asked for; empty where that was taken back."""

    at: datetime
    channel: str
    event_id: str


class Purchase(NamedTuple):
    """A counting order."""

    at: datetime
    event_id: str
    place: str
    """The store, or the channel where there is none."""
    currency: str
    revenue: Decimal
    """What is left of it after cancellations."""


class Refund(NamedTuple):
    """A return."""

    at: datetime
    event_id: str
    currency: str
    amount: Decimal


class Objection(NamedTuple):
    """That a purpose is forbidden."""

    at: datetime
    event_id: str


class BoughtLine(NamedTuple):
    """A line of an order."""

    at: datetime
    event_id: str
    """Of the order."""
    sku: str
    category: str
    quantity: Decimal
    total: Decimal
    currency: str


class ContractReport(NamedTuple):
    """A contract began, was renewed or was ended."""

    at: datetime
    event_id: str
    contract_id: str
    is_ended: bool
    until: datetime | None
    notice_until: datetime | None
    value_per_year: float | None
    """In the realm's currency."""


class PersonFacts(NamedTuple):
    """What is known of one customer. Touchpoints, messages and answers to surveys are of the year
    before; all else is of all time, up to now."""

    touches: Sequence[Touch] = ()
    messages: Sequence[SentMessage] = ()
    answers: Sequence[GivenAnswer] = ()
    wishes: Sequence[Wish] = ()
    purchases: Sequence[Purchase] = ()
    refunds: Sequence[Refund] = ()
    lines: Sequence[BoughtLine] = ()
    """Of the purchases."""
    looked: Sequence[Deed] = ()
    """Looks at articles and carts with them, of the year before: the article as `what`."""
    sent_back: Sequence[Deed] = ()
    """Articles of returns: the article as `what`."""
    contracts: Sequence[ContractReport] = ()
    points: Sequence[Deed] = ()
    """Balances: the programme as `what`, the points as `weight`."""
    deeds: Sequence[Deed] = ()
    """Touchpoints on which the customer acted, or that bring or cost points: the type as `what`."""
    voices: Sequence[Deed] = ()
    """Whatever the customer said of us, or asked."""
    feelings: Sequence[Deed] = ()
    """1, 0 or -1 as `weight`, as core/bonds.py has it."""
    situations: Sequence[Deed] = ()
    """Answers that there is no other shop."""
    signs: Sequence[SignSeen] = ()
    """What may be a reason to leave."""
    traits: Sequence[Deed] = ()
    """What the customer is, as `country=DE`, by the latest values; `email` by its domain."""
    refusals: Sequence[Objection] = ()
    """That the customer objected to marketing."""


class PersonContext(NamedTuple):
    """What scores may depend on beside these facts."""

    now: datetime
    zone: ZoneInfo
    currency: str
    rules: InsightRules
    kept: Mapping[str, MeasureResult] = MappingProxyType({})
    """The latest kept answers of measures, by definition."""


@dataclass(frozen=True)
class PersonScore:
    """One score, or several that belong together."""

    definition: str
    """Of the measure: its name and version."""
    compute: Callable[[PersonFacts, PersonContext], Iterator[InsightScore]]
    compares: bool = False
    """It needs the kept answer of its measure."""


class Dated(Protocol):
    """A fact with its event."""

    @property
    def at(self) -> datetime:
        """When it was."""
        ...

    @property
    def event_id(self) -> str:
        """What says so."""
        ...


def latest_ids(facts: Iterable[Dated]) -> list[str]:
    """The ids of the latest events, the latest first."""
    ids = (one.event_id for one in sorted(facts, key=_when, reverse=True))
    return list(dict.fromkeys(ids))[:EVENTS_SHOWN_MAX]


def _when(fact: Dated) -> tuple[datetime, str]:
    return fact.at, fact.event_id


def reason(what: str, facts: Collection[Dated] = (), points: float | None = None) -> ScoreReason:
    """A reason with the events that it rests on."""
    return ScoreReason(what=what, points=points, event_ids=latest_ids(facts))


def absent(score: str, definition: str, why: ScoreAbsence, what: str) -> InsightScore:
    """A score that there is none of, and what is missing."""
    return InsightScore(
        score=score, definition=definition, absent=why, reasons=[ScoreReason(what=what)]
    )


def objected(by: ConsentRecord) -> ProfilingObjection:
    """The published form of an objection."""
    return ProfilingObjection(
        reason=REFUSALS[by.action],
        event_id=None if by.is_kept else by.event_id or None,
        occurred_at=by.occurred_at,
        kept_after_erasure=by.is_kept,
    )

"""How many marketing contacts a customer just had, and when the next one is allowed.

By the definition of the measure: messages for marketing, surveys and reminders of carts on the
channels of the caps, one for a message however many systems report it. Whether the customer may be
contacted at all is the business of contact permission; a sender asks for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from schemas.api.insights import InsightScore
from schemas.rules.insights import PressureCaps
from services.measures.catalogue.contact_pressure import MEASURE
from services.measures.core.contact_moments import next_allowed
from services.measures.core.person import (
    PersonContext,
    PersonFacts,
    PersonScore,
    SentMessage,
    reason,
)

PURPOSES = frozenset({"marketing", "survey", "cart_reminder"})
PRESSURE, NEXT = MEASURE.name, "next_contact"
CONTACTS = "contacts"
FREE, FULL, OVER = "free", "full", "over"
"""One more contact is within both caps; it is not; there are more already than a cap allows."""
NOW, LATER = "now", "later"
WEEK_DAYS, MONTH_DAYS = 7, 30


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    caps, now = context.rules.pressure, context.now
    contacts = contacts_of(facts.messages, caps)
    week, month = (_within(contacts, days, now) for days in (WEEK_DAYS, MONTH_DAYS))
    allowed = next_allowed((one.at for one in contacts), caps, now)
    what = (
        f"{len(week)} contacts within {WEEK_DAYS} days, {caps.in_7_days} are allowed; {len(month)} "
        f"within {MONTH_DAYS} days, {caps.in_30_days} are allowed"
    )
    yield InsightScore(
        score=PRESSURE,
        definition=MEASURE.definition,
        value=len(week),
        unit=CONTACTS,
        word=_word(len(week), len(month), caps),
        since=month[0].at if month else None,
        reasons=[reason(what, month)],
    )
    is_free = allowed == now
    yield InsightScore(
        score=NEXT,
        definition=MEASURE.definition,
        word=NOW if is_free else LATER,
        at=None if is_free else allowed,
        reasons=[reason(_why(is_free), () if is_free else month)],
    )


def contacts_of(messages: Sequence[SentMessage], caps: PressureCaps) -> list[SentMessage]:
    """The contacts, the latest first: of several reports of a message the earliest counts."""
    found: dict[str, SentMessage] = {}
    for one in sorted(messages, key=lambda one: (one.at, one.event_id)):
        if one.purpose in PURPOSES and one.channel in caps.channels:
            found.setdefault(one.message_id or f"\0{one.event_id}", one)
    return list(found.values())[::-1]


def _within(contacts: Sequence[SentMessage], days: int, now: datetime) -> list[SentMessage]:
    """Those that are less than so many times 24 hours old."""
    return [one for one in contacts if now - timedelta(days=days) < one.at <= now]


def _word(in_week: int, in_month: int, caps: PressureCaps) -> str:
    if in_week > caps.in_7_days or in_month > caps.in_30_days:
        return OVER
    return FULL if in_week == caps.in_7_days or in_month == caps.in_30_days else FREE


def _why(is_free: bool) -> str:
    if is_free:
        return "one more contact stays within the caps"
    return "then so many contacts are old enough that one more stays within the caps"


SCORE = PersonScore(MEASURE.definition, compute)

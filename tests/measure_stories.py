"""Stories of customers on the real store, and what a measure makes of them.

A story is a list of events; it happens to five persons, so that what comes of it may be shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from schemas.rules.insights import InsightRules, insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.core.result import MeasureResult
from tests.profile_store import NOON, READ_AT, REALM, REALMS, Store, event

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, UNTIL = date(2026, 3, 1), date(2026, 3, 20)
START, END = (datetime(one.year, one.month, one.day, tzinfo=BERLIN) for one in (FIRST, UNTIL))
MINUTE_MAX = (END - NOON) // timedelta(minutes=1)
HOUR, DAY = 60, 24 * 60
MEMBERS = 5
"""Persons of whom each does the same, so that they may be shown."""
Step = tuple[str, int, dict[str, Any]]
"""An event: type, minutes after noon of 2 March, channel and body."""


def measured(
    store: Store, name: str, rules: InsightRules | None = None, days: int = 19
) -> MeasureResult:
    """A measure of so many days, by default of the nineteen of March."""
    reader = MeasureReader(store.database, REALMS, rules or insight_rules(), lambda: READ_AT)
    return reader.measure(name, REALM, UNTIL - timedelta(days=days), UNTIL)


def happened(store: Store, *stories: list[Step]) -> None:
    """Each story happens to five persons, in cases and orders of their own."""
    events = list[Any]()
    for number, story in enumerate(stories):
        for member in range(MEMBERS):
            own = f"{number}-{member}"
            for step, (kind, minutes, more) in enumerate(story):
                about = {
                    name: f"{text}{own}"
                    if name in ("case_id", "conversation_id", "order_id")
                    else text
                    for name, text in more.items()
                }
                who = [] if about.pop("nobody", False) else [f"email=p{own}@example.org"]
                events.append(event(f"{own}-{step}", kind, minutes, *who, **about))
    store.take(*events)


def asks(minutes: int, **more: Any) -> Step:
    """The customer contacts the service by mail."""
    return "support.contacted", minutes, {"case_id": "C", "channel": "email", **more}


def answers(minutes: int, **more: Any) -> Step:
    """The service answers."""
    return "support.answered", minutes, {"case_id": "C", "channel": "email", **more}


def says(minutes: int, author: str, **more: Any) -> Step:
    """A message of a conversation on chat."""
    more = {"conversation_id": "V", "channel": "chat", "author": author, **more}
    return "message.exchanged", minutes, more


def outcome(result: MeasureResult) -> dict[str, int]:
    """What came of the stories, each counted once."""
    return {
        name: count // MEMBERS
        for name, count in result.counts.items()
        if name != "persons" and count
    }


def wanted_of(stories: Mapping[str, tuple[list[Step], str]]) -> Counter[str]:
    """How often each outcome comes, by the names of the stories' own."""
    return Counter(wanted for _, wanted in stories.values() if wanted)


def sent(minutes: int, message: str = "", purpose: str = "marketing", **more: Any) -> Step:
    """A message to the customer, by mail."""
    more = {"channel": "email", "message_id": message, "purpose": purpose, **more}
    return more.pop("kind", "email.sent"), minutes, more

"""Records mismatch: what a till or shop counts on a day and the receipts that arrived differ.

A till counts what it sold, a shop its orders; a feed that loses, or sends twice, contradicts it.
The claims of one till or shop and day are a book: the closing or day totals, and of each receipt
or order number and amount.
Whatever a system may count in one way or the other is allowed in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.claim import Book, Statement
from schemas.events.orders import (
    DayClosed,
    OrderCancelled,
    OrderPlaced,
    OrderReturned,
    ReceiptKind,
    TillClosed,
)
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import Basis
from schemas.rules.consistency import Days, Hours, KindRules, Name
from schemas.subject import SEPARATOR, Subject, SubjectType, written_subject
from services.consistency.core.book import incident_id
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.faults import subject_fault_id
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook
from services.consistency.core.shop_day import CANCELLED_WITHIN, ShopDay, bounds_of
from services.consistency.core.till_day import (
    NOTHING_SOLD,
    Closing,
    TillDay,
    TillStep,
    equal_receipts,
    missing_numbers,
)

NAME = "records_mismatch"
TILLS = "pos"
SUBJECT_MAX = 100
SHOP_DAY = re.compile("([a-z0-9_]+):[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""The subject of a channel without tills; that of a till has two slashes."""
MIDNIGHT = timedelta(hours=2)
"""Orders so close to midnight may be counted on either day, if the rules say so."""
NIGHT_ENDS = 6
"""Hour until which a till that opened the day before may be closed."""
GRACE_HOURS: dict[str, float] = {"default": 24}


class RecordsRules(KindRules):
    """How long receipts may be late, and what counts as the same."""

    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours after a closing within which its receipts may arrive, or orders after their day; tills
    are channel `pos`."""
    tolerance_absolute: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal("0.01")
    """Differences of the totals up to this are ignored."""
    edge_minutes: Annotated[int, Field(ge=0, le=120)] = 5
    """Receipts so close to begin or end of a closing may belong to it or to the next one."""
    published_max_age_days: Days = 60
    """Days after the closing when a difference is no longer reported."""

    def late(self, channel: str) -> timedelta:
        """How long receipts may be late."""
        return self.grace(channel, promotion_ended=False)

    @property
    def edge(self) -> timedelta:
        """How far the clocks of receipts and closing may be apart."""
        return timedelta(minutes=self.edge_minutes)


class Cause(StrEnum):
    """What differs."""

    RECORDS_MISSING = "records_missing"
    RECORDS_DOUBLED = "records_doubled"
    TOTAL_DIFFERS = "total_differs"


class RecordsDetails(Details):
    """The closing, and what arrived of it."""

    number: str
    """Number of the closing (Z_NR)."""
    expected_receipts: int
    """How many receipts the closing counts."""
    observed_receipts: int
    """How many arrived."""
    expected_gross: Decimal
    """Total of the closing."""
    observed_gross: Decimal | None = None
    """Total of the receipts that arrived; empty if it is not known of all."""
    currency: str
    """Currency of the closing."""
    missing_numbers: str = ""
    """Numbers (BON_NR) of the missing receipts, if they are certain: the first 20."""

    def in_words(self) -> str:
        """Both counts and totals."""
        total = "unknown" if self.observed_gross is None else self.observed_gross
        return (
            f"closing {self.number}: {self.observed_receipts} of {self.expected_receipts} receipts,"
            f" {total} of {self.expected_gross} {self.currency}"
        )


class DayBook(RecomputedBook[RecordsRules]):
    """The closings and receipts of one till and day, or the totals and orders of a shop."""

    def __init__(self, book: Book, rules: RecordsRules) -> None:
        super().__init__(book, rules)
        shop = SHOP_DAY.fullmatch(book.subject.key)
        self._channel = shop[1] if shop else TILLS
        self._late = rules.late(self._channel)
        self._model = ShopDay if shop else TillDay

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        """Nothing is said before receipts are due."""
        day = self._day(now)
        for reports in day.closings:
            is_due = reports[-1].closed_at + self._late <= now
            if is_due and not any(map(day.agrees, reports)):
                yield self._incident(day, reports, now)

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        for closing in (one for reports in self._day(now).closings for one in reports):
            yield closing.closed_at + self._late
            yield self._end_of(closing)

    def _day(self, now: datetime) -> TillDay:
        known = (one for one in self._claims if isinstance(one, Statement))
        return self._model(
            (one for one in known if one.occurred_at <= now),
            self._rules.edge,
            self._rules.tolerance_absolute,
        )

    def _end_of(self, closing: Closing) -> datetime:
        return closing.closed_at + max(self._rules.published_max_age, self._late)

    def _incident(self, day: TillDay, reports: Sequence[Closing], now: datetime) -> AnyIncident:
        closing, (sales, arrived) = reports[-1], day.arrived(reports[-1])
        cause, due, end = _cause(day, closing), closing.closed_at + self._late, None
        if self._end_of(closing) <= now:
            end = self._end_of(closing)
        gaps = missing_numbers(sales, closing.receipts - len(sales)) if sales else []
        doubles = equal_receipts(sales) if cause is Cause.RECORDS_DOUBLED else []
        shown = dict.fromkeys(one.event_id for one in (*doubles, *sales))
        identity = (closing.number,)
        return KIND.incident.model_validate(
            {
                "incident_id": incident_id(
                    self.book, identity, EVERYWHERE, self._channel, closing.closed_at
                ),
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": self._channel,
                "location": closing.store,
                "fault_id": subject_fault_id(self.book, self._channel),
                "state": IncidentState.RESOLVED if end else IncidentState.OPEN,
                "severity": Severity.MEDIUM if cause is Cause.TOTAL_DIFFERS else Severity.HIGH,
                "cause": cause,
                "since": closing.closed_at,
                "due_at": due,
                "until": end,
                "opened_at": due,
                "resolved_at": end,
                "evidence": [
                    list(shown)[:EVIDENCE_MAX],
                    [one.event_id for one in reports][:EVIDENCE_MAX],
                ],
                "details": {
                    "number": closing.number,
                    "expected_receipts": closing.receipts,
                    "observed_receipts": arrived.receipts,
                    "expected_gross": closing.gross,
                    "observed_gross": arrived.gross,
                    "currency": closing.currency,
                    "missing_numbers": ", ".join(gaps),
                },
            }
        )


def _cause(day: TillDay, closing: Closing) -> Cause:
    least, most = day.counted(closing)
    if closing.receipts < least:
        return Cause.RECORDS_DOUBLED
    return Cause.RECORDS_MISSING if closing.receipts > most else Cause.TOTAL_DIFFERS


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """A closing, or a receipt: in the book of its till and local day. A receipt of the night is in
    that of the day before, too."""
    event, body = heard.event, heard.event.body
    if event.channel != TILLS:
        return _of_shop(heard)
    if not event.source.store or not heard.tills_close:
        return []
    if isinstance(body, TillClosed):
        return _closing(heard, body)
    found = _receipt(body) if event.source.till else None
    if found is None:
        return []
    step, number, amount, currency = found
    value = _written(step, amount, currency or heard.currency)
    return [
        (statement, NOTHING_SOLD)
        for ordinal, day in enumerate(_days(heard.occurred_at, heard.time_zone))
        for statement in _statement(heard, event.source.till, day, ordinal, value, number)
    ]


def _written(step: TillStep, amount: Decimal | None, currency: str) -> str:
    return SEPARATOR.join((step, "" if amount is None else str(amount), currency))


def _of_shop(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """A day total, or an order: in the book of its channel and local day, near midnight of both.
    A cancellation is in the books of the days before it, too."""
    body = heard.event.body
    if isinstance(body, DayClosed):
        return _day_total(heard, body)
    found = _receipt(body)
    if found is None:
        return []
    step, number, amount, currency = found
    before = MIDNIGHT
    if isinstance(body, OrderCancelled):
        before = CANCELLED_WITHIN
        amount = abs(sum((line.total for line in body.lines), NOTHING_SOLD)) if body.lines else None
    is_open = isinstance(body, OrderReturned) and currency is None
    value = _written(step, amount, "" if is_open else currency or heard.currency)
    zone = _zone(heard.time_zone)
    first = (heard.occurred_at - before).astimezone(zone).date()
    last = (heard.occurred_at + MIDNIGHT).astimezone(zone).date()
    return [
        (_of_day(heard, first + timedelta(days=place), place, value, number), NOTHING_SOLD)
        for place in range((last - first).days + 1)
    ]


def _day_total(heard: Heard, body: DayClosed) -> list[tuple[Statement, Decimal]]:
    """None of a day that is no date, or not over."""
    try:
        day = date.fromisoformat(body.date)
        begin, end = bounds_of(day, _zone(heard.time_zone))
    except (ValueError, OverflowError):
        return []
    if heard.occurred_at < end:
        return []
    currency = body.currency or heard.currency
    parts = (
        TillStep.CLOSING, str(body.orders), str(body.gross), currency,
        begin.isoformat(), end.isoformat(),
    )  # fmt: skip
    number, value = f"{body.date} {currency}", SEPARATOR.join(parts)
    return [(_of_day(heard, day, 0, value, number, Basis.PUBLISHED), NOTHING_SOLD)]


def _of_day(
    heard: Heard, day: date, ordinal: int, value: str, number: str, basis: Basis = Basis.CHARGED
) -> Statement:
    event = heard.event
    subject = Subject(SubjectType.SOURCE, f"{event.channel}:{day.isoformat()}")
    head = (Book(event.realm, NAME, subject), heard.occurred_at, event.event_id, ordinal)
    return Statement(*head, heard.version, event.channel, "", "", basis, value, number)


def _receipt(body: object) -> tuple[TillStep, str, Decimal | None, str | None] | None:
    """TillStep, number, amount and currency."""
    if isinstance(body, OrderPlaced):
        amount = body.gross
        if amount is None and body.lines:
            amount = sum((line.total for line in body.lines), NOTHING_SOLD)
        is_sale = body.receipt_kind is ReceiptKind.SALE
        return TillStep.SALE if is_sale else TillStep.OTHER, body.order_id, amount, body.currency
    if isinstance(body, OrderReturned):
        amount = body.refund
        if body.lines:
            amount = abs(sum((line.total for line in body.lines), NOTHING_SOLD))
        return TillStep.RETURN, body.return_id, amount, body.currency
    if isinstance(body, OrderCancelled):
        return TillStep.CANCELLED, body.order_id, None, body.currency
    return None


def _closing(heard: Heard, body: TillClosed) -> list[tuple[Statement, Decimal]]:
    """None without a begin, or if the period is longer than a day and its night."""
    opened, closed = body.opened_at, body.closed_at or heard.event.occurred_at
    if opened is None or opened > closed:
        return []
    zone = _zone(heard.time_zone)
    day = opened.astimezone(zone).date()
    ends = datetime.combine(day + timedelta(days=1), time(NIGHT_ENDS), zone)
    if closed >= ends:
        return []
    parts = (
        TillStep.CLOSING, str(body.receipts), str(body.gross), body.currency or heard.currency,
        opened.isoformat(), closed.isoformat(),
    )  # fmt: skip
    value = SEPARATOR.join(parts)
    made = _statement(heard, body.till, day, 0, value, body.number, Basis.PUBLISHED)
    return [(statement, NOTHING_SOLD) for statement in made]


def _statement(
    heard: Heard, till: str, day: date, ordinal: int, value: str, number: str,
    basis: Basis = Basis.CHARGED,
) -> list[Statement]:  # fmt: skip
    """None if the names of store and till are too long for a subject."""
    event = heard.event
    key = f"{event.source.store}/{till}/{day.isoformat()}"
    if len(key) > SUBJECT_MAX:
        return []
    book = Book(event.realm, NAME, Subject(SubjectType.SOURCE, key))
    head = (book, heard.occurred_at, event.event_id, ordinal, heard.version, TILLS)
    return [Statement(*head, event.source.store, "", basis, value, number)]


def _days(at: datetime, time_zone: str) -> list[date]:
    local = at.astimezone(_zone(time_zone))
    day = local.date()
    return [day, day - timedelta(days=1)] if local.hour < NIGHT_ENDS else [day]


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def met(
    _incident: Incident[RecordsDetails], _observations: Iterable[Observation], _rules: RecordsRules
) -> list[Met]:
    """Nobody sees it."""
    return []


KIND = Kind(
    name=NAME,
    title="Records mismatch",
    subject=SubjectType.SOURCE,
    causes=tuple(Cause),
    rules=RecordsRules,
    details=RecordsDetails,
    claims=claims,
    hears=(TillClosed, DayClosed, OrderPlaced, OrderReturned, OrderCancelled),
    judge=DayBook,
    met=met,
)

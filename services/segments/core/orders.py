"""Orders and returns as events of segments: each once, for the time in which it counts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from schemas.instants import to_ms
from schemas.rules.segment_fields import ORDER_VALUE
from services.profiles.core.purchases import CANCELLED, PLACED, RETURNED, Settled
from services.segments.core.facts import FOREVER, CustomerEvent, Fields

PLACED_TYPE, RETURNED_TYPE = "order.placed", "order.returned"
ZERO = Decimal(0)


def counted(one: Settled, channel: str, store: str, fields: Fields) -> Iterator[CustomerEvent]:
    """What counts of an order or return; `channel`, `store` and `fields` are of its best report.

    An order counts until it is cancelled as a whole, and with less value from each cancellation in
    part on. One that is known from cancellations only does not count.
    """
    best = one.best
    at_ms = to_ms(best.occurred_at)
    if best.action == RETURNED:
        said = {**fields, ORDER_VALUE: best.value}
        yield CustomerEvent(RETURNED_TYPE, at_ms, best.event_id, channel, store, said)
    if best.action != PLACED:
        return
    cancelled = [report for report in one.reports if report.action == CANCELLED]
    ends = [to_ms(report.occurred_at) for report in cancelled if report.is_whole]
    until_ms = min(ends, default=FOREVER)
    parts = sorted(
        (to_ms(report.occurred_at), report.value)
        for report in cancelled
        if not report.is_whole and report.currency in ("", best.currency)
    )
    begins = [-FOREVER, *(time for time, _ in parts)]
    off = ZERO
    for number, known_ms in enumerate(begins):
        off += parts[number - 1][1] if number else ZERO
        end_ms = min(begins[number + 1] if number < len(parts) else FOREVER, until_ms)
        if max(known_ms, at_ms) < end_ms:
            value = best.value - max(ZERO, min(off, best.value))
            said = {**fields, ORDER_VALUE: value}
            yield CustomerEvent(
                PLACED_TYPE, at_ms, best.event_id, channel, store, said, 0, known_ms, end_ms
            )

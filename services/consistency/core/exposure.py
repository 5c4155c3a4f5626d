"""Who met a deviation, and what it cost them: the figures of an incident, from its observations.

A kind says which observations met the deviation of an incident, and what each cost; counting is the
same for all. Nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from schemas.currency import written_money
from schemas.identifiers import NodeId
from schemas.incident import Exposure
from services.consistency.core.kind import Met, Observation

Order = tuple[str, str]


def exposure_of(met: Sequence[Met], persons: Mapping[NodeId, NodeId], currency: str) -> Exposure:
    """The figures of those who met a deviation.

    `persons` maps anchors to the profiles of known persons; other anchors are anonymous. `currency`
    is that of the money; empty for a kind that knows none.
    """
    nothing = overcharged = undercharged = Decimal(0)
    paid = [one for one in met if one.cost is not None]
    for one in first_reports(paid):
        assert one.cost is not None
        overcharged += max(one.cost, nothing)
        undercharged += max(-one.cost, nothing)
    figures = Exposure(
        touchpoints=len({one.seen.claim.event_id for one in met}),
        customers=len({persons[one.seen.node] for one in met if one.seen.node in persons}),
        orders=len({_order_of(one.seen) for one in paid}),
    )
    if not currency:
        return figures
    money = {"overcharged": overcharged, "undercharged": undercharged}
    written = {name: written_money(amount, currency) for name, amount in money.items()}
    return figures.model_copy(update=written)


class _Report(NamedTuple):
    """An event that reports an order, by its place in time."""

    occurred_at: datetime
    event_id: str


def first_reports(paid: Iterable[Met]) -> list[Met]:
    """Those of the earliest report of each order: what two systems report was paid once."""
    paid = list(paid)
    first: dict[Order, _Report] = {}
    for one in paid:
        order = _order_of(one.seen)
        first[order] = min(first.get(order, _report(one)), _report(one))
    return [one for one in paid if one.seen.claim.event_id == first[_order_of(one.seen)].event_id]


def _report(met: Met) -> _Report:
    return _Report(met.seen.claim.occurred_at, met.seen.claim.event_id)


def _order_of(seen: Observation) -> Order:
    """Issuer and number; what has no number is told apart by its event."""
    if seen.order_id:
        return seen.order_issuer, seen.order_id
    return "", f"\x1f{seen.claim.event_id}"

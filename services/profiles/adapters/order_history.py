"""The orders of one customer, page by page. Nothing is written.

Which orders count, and for how much, is settled over all reports of the customer's orders;
channels, stores and lines are then read for one page only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.api.orders import OrderCancellation, OrderedLine, OrderEvent, OrderReturn, ProfileOrder
from schemas.currency import written_money
from schemas.identifiers import NodeId, as_uuid
from services.profiles.core.facts import OrderRow
from services.profiles.core.order_history import KnownOrder, OrderPlace, purchases_of
from services.profiles.core.purchases import ZERO, Settled
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings
from services.store.database import KEYS_PER_QUERY, Database, chunks
from services.store.statements import statements_of

DETAILS_SQL = statements_of(__file__)["details"]
REPORTS_SHOWN_MAX = 100
"""Reports, cancellations, and returns of one order that are shown."""
SettledOf = Callable[[str, NodeId], Iterable[Settled]]


class _Detail(NamedTuple):
    """What a page shows of an event beside its figures."""

    channel: str = ""
    store: str = ""
    lines: tuple[tuple[str, str, str, Decimal, Decimal], ...] = ()


Details = Mapping[tuple[NodeId, str], _Detail]


class OrderHistoryReader:
    """Implements `services.profiles.ports.OrderHistorySource`.

    `settled_of` gives everything that counts for a profile of a realm.
    """

    def __init__(
        self, database: Database, realms: Mapping[str, RealmSettings], settled_of: SettledOf
    ) -> None:
        self._database = database
        self._realms = realms
        self._settled_of = settled_of

    def page(
        self, realm: str, profile_id: NodeId, limit: int, after: OrderPlace | None = None
    ) -> tuple[list[ProfileOrder], OrderPlace | None]:
        """See the port."""
        if realm not in self._realms:
            raise NotFound(f"realm {realm!r} is not configured")
        everything = purchases_of(self._settled_of(realm, profile_id))
        left = [one for one in everything if after is None or one.place < after]
        page = left[:limit]
        details = self._details(realm, page)
        currency = self._realms[realm].currency
        orders = [_order(realm, profile_id, one, details, currency) for one in page]
        return orders, page[-1].place if len(left) > limit else None

    def _details(self, realm: str, page: Iterable[KnownOrder]) -> Details:
        keys = sorted({(row.node, row.event_id) for one in page for row in _shown(one)})
        found: dict[tuple[NodeId, str], _Detail] = {}
        for some in chunks(keys, KEYS_PER_QUERY):
            where: dict[str, Any] = {
                "realm": realm,
                "nodes": sorted({str(as_uuid(node)) for node, _ in some}),
                "events": sorted({event_id for _, event_id in some}),
            }
            for node, event_id, channel, store, *columns in self._database.rows(DETAILS_SQL, where):
                lines = tuple(zip(*columns, strict=True))
                found[node.int, event_id] = _Detail(channel, store, lines)
        return found


def _shown(one: KnownOrder) -> list[OrderRow]:
    returns = [back.best for back in one.returns[:REPORTS_SHOWN_MAX]]
    return [
        one.best,
        *one.placed[:REPORTS_SHOWN_MAX],
        *one.cancellations[:REPORTS_SHOWN_MAX],
        *returns,
    ]


def _order(
    realm: str, profile: NodeId, one: KnownOrder, details: Details, realm_currency: str
) -> ProfileOrder:
    """The published form; an amount without a currency is in the realm's."""
    order = one.order
    entry = order.entry if order else one.returns[0].entry
    currency = entry.currency or realm_currency
    lists = (one.placed, one.cancellations, one.returns)
    return ProfileOrder(
        **_event(one.best, details),
        realm=realm,
        profile_id=as_uuid(profile),
        issuer=one.best.issuer,
        order_id=one.best.order_id,
        state=one.state,
        value=one.best.value if one.placed else None,
        revenue=entry.revenue if order else ZERO,
        currency=currency,
        lines=_lines(one.best, details, currency) if one.placed else [],
        reported_by=[OrderEvent(**_event(row, details)) for row in one.placed[:REPORTS_SHOWN_MAX]],
        cancellations=[
            OrderCancellation(
                **_event(row, details),
                is_whole=row.is_whole,
                value=None if row.is_whole else row.value,
                currency=row.currency or currency,
            )
            for row in one.cancellations[:REPORTS_SHOWN_MAX]
        ],
        returns=[
            _return(back, details, realm_currency) for back in one.returns[:REPORTS_SHOWN_MAX]
        ],
        is_cut=any(len(each) > REPORTS_SHOWN_MAX for each in lists),
    )


def _return(back: Settled, details: Details, realm_currency: str) -> OrderReturn:
    currency = back.entry.currency or realm_currency
    return OrderReturn(
        **_event(back.best, details),
        return_id=back.best.return_id,
        value=back.entry.returned,
        currency=currency,
        lines=_lines(back.best, details, currency),
        reports=len({row.event_id for row in back.reports}),
    )


def _event(row: OrderRow, details: Details) -> dict[str, Any]:
    detail = details.get((row.node, row.event_id), _Detail())
    return {
        "event_id": row.event_id,
        "occurred_at": row.occurred_at,
        "channel": detail.channel,
        "store": detail.store,
    }


def _lines(row: OrderRow, details: Details, currency: str) -> list[OrderedLine]:
    detail = details.get((row.node, row.event_id), _Detail())
    return [
        OrderedLine(
            sku=sku,
            kind=kind,
            category=category,
            quantity=_written(quantity),
            total=written_money(total, currency),
        )
        for sku, kind, category, quantity, total in detail.lines
    ]


def _written(quantity: Decimal) -> Decimal:
    """Without the zeros of its column: 2, and 0.35 kilograms."""
    whole = quantity.to_integral_value()
    return whole if whole == quantity else quantity.normalize()

"""Orders that were cancelled: what their lines claimed is taken back, whichever came first.

A cancellation names an order, or looks like the receipt that it undoes, and says nothing of books.
Here it is only found whose claims that may concern, and their books are judged again. What is taken
back follows from the facts whenever they are read (services/consistency/core/cancelled_orders.py).

Each side is written before it looks for the other: of an order and its cancellation that two
workers store at the same time, at least one finds the other.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from schemas.claim import Superseded
from schemas.events.orders import OrderPlaced
from schemas.identifiers import NodeId
from schemas.instants import from_ms
from services.consistency.core.cancelled_orders import TILLS, UNDONE_WITHIN
from services.consistency.core.gtin import article_of
from services.consistency.kinds import KINDS
from services.ingest.core.decode import decode
from services.ingest.core.outcome import Accepted, Reject
from services.ingest.ports import Cancellation, FactKey, FactStore, OrderName, UndoneReceipt

TAKEN_BACK = frozenset(name for name, kind in KINDS.items() if kind.sold is not None)
"""The kinds with claims that a cancellation takes back."""
WITHIN_MS = int(UNDONE_WITHIN.total_seconds() * 1000)


def keep_former(store: FactStore, anchors: Mapping[tuple[str, str], NodeId]) -> None:
    """Remember what bodies of corrected events cancelled, before they are removed: under the anchor
    of the body that counts, given by realm and event id. Raises as the store does."""
    former = store.cancellations((), anchors.keys()) if anchors else []
    moved = {
        one._replace(key=(realm, anchors[realm, event_id], event_id))
        for one in former
        for realm, _, event_id in [one.key]
    }
    if moved.difference(former):
        store.write_cancellations(moved.difference(former))


def take_back(
    store: FactStore, events: Sequence[Accepted], corrected: Collection[tuple[str, str]]
) -> tuple[list[Accepted], list[Superseded]]:
    """What the decision stages hear of stored events, and the books to be judged again.

    `corrected` are realm and id of events of which several bodies exist: former ones may have
    cancelled another order. Raises as the store does; may be repeated.
    """
    orders = [event for event in events if event.row["order_id"]]
    cancellations = [one for event in orders for one in _cancellations(event)]
    if cancellations:
        store.write_cancellations(cancellations)
    by = _cancelled_by(store, orders, cancellations, corrected)
    sold = store.sold(by, TAKEN_BACK) if by else []
    if not sold:
        return list(events), []
    store.write_cancelled_claims(sold, by)
    books = {(realm, event_id): one.books for one in sold for realm, _, event_id in [one.key]}
    told = [
        one._replace(claims=[claim for claim in one.claims if claim.book not in back])
        if (back := books.get((one.realm, one.event_id)))
        else one
        for one in events
    ]
    # Claims of this very version are taken back as well, if they are on their way.
    superseded = [
        Superseded(book, one.key[2], one.version + 1) for one in sold for book in sorted(one.books)
    ]
    return told, superseded


def _cancelled_by(
    store: FactStore,
    orders: Sequence[Accepted],
    cancellations: Sequence[Cancellation],
    corrected: Collection[tuple[str, str]],
) -> dict[FactKey, set[OrderName]]:
    """The reports of orders that may be cancelled, each with what may cancel it."""
    found: dict[FactKey, set[OrderName]] = defaultdict(set)
    of_order: dict[OrderName, set[OrderName]] = defaultdict(set)
    for one in cancellations:
        of_order[one.order].add(one.by)
    sold = [(name, event) for event in orders if _sells(event) for name in _names(event)]
    if sold or corrected:
        former = store.cancellations({name for name, _ in sold}, corrected)
        for one in former:
            of_order[one.order].add(one.by)
        if corrected and former:
            for key in store.noted_as_cancelled({one.by for one in former}):
                found[key].update()
    for name, event in sold:
        if name in of_order:
            found[event.realm, event.node, event.event_id] |= of_order[name]
    if of_order:
        for key, order in store.orders_named(of_order.keys()):
            found[key] |= of_order[order]
    undoing: dict[UndoneReceipt, list[OrderName]] = defaultdict(list)
    for event in orders:
        receipt = _undone(event)
        if receipt is not None:
            undoing[receipt].append(_number(event))
    for key, receipt in store.receipts_like(undoing) if undoing else ():
        found[key].update(undoing[receipt])
    return found


def _number(event: Accepted) -> OrderName:
    return event.realm, event.row["order_issuer"], event.row["order_id"]


def _names(event: Accepted) -> Iterator[OrderName]:
    """The names under which a cancellation may concern this order."""
    yield _number(event)
    if event.channel == TILLS:
        yield _content(event, event.occurred_ms)


def _content(event: Accepted, at_ms: int) -> OrderName:
    """What a receipt contains, and on which day: the same for one that undoes it."""
    row = event.row
    value = f"{abs(row['order_value']).normalize():f}"
    said = (row["source_system"], row["source_store"], value, *sorted(row["lines.sku"]))
    digest = hashlib.blake2b("\x1f".join(said).encode(), digest_size=12).hexdigest()
    return event.realm, "", f"\x1f{from_ms(at_ms).date().isoformat()}/{digest}"


def _sells(event: Accepted) -> bool:
    return event.row["order_action"] == "placed" and any(
        claim.book.kind in TAKEN_BACK for claim in event.claims
    )


def _cancellations(event: Accepted) -> Iterator[Cancellation]:
    """A cancellation, or a receipt that is perhaps the void of its own number or of another one."""
    row = event.row
    if row["synthetic"]:
        return
    key, name = (event.realm, event.node, event.event_id), _number(event)
    if row["order_action"] == "cancelled" or _is_no_sale(event):
        yield Cancellation(key, name, name)
    if _may_undo(event):
        for at_ms in (event.occurred_ms, event.occurred_ms - WITHIN_MS):
            yield Cancellation(key, _content(event, at_ms), name)


def _is_no_sale(event: Accepted) -> bool:
    return event.row["order_action"] == "placed" and not event.row["order_counts"]


def _may_undo(event: Accepted) -> bool:
    """A void that names no receipt, or a receipt that gives everything back."""
    is_negative = event.row["order_action"] == "placed" and event.row["order_value"] < 0
    return event.channel == TILLS and (is_negative or _is_no_sale(event))


def _undone(event: Accepted) -> UndoneReceipt | None:
    """What the receipts look like that this event undoes, if it may undo any."""
    row = event.row
    if row["synthetic"] or not _may_undo(event):
        return None
    decoded = decode(row["payload"])
    body = None if isinstance(decoded, Reject) else decoded[0].body
    if not isinstance(body, OrderPlaced):
        return None
    skus = {article_of(line) for line in body.lines} - {""}
    return UndoneReceipt(
        event.realm,
        row["source_store"],
        abs(row["order_value"]),
        tuple(sorted(skus)),
        event.occurred_ms - WITHIN_MS,
        event.occurred_ms,
    )

"""What measures read of events that have no table of their own: their kind, and their typed fields.

The fields stand in one column as JSON, with the values of the validated event and without those
that say nothing. The view that makes rows of `interactions` takes them apart; so does
`columns_of_details`, for batches that are written without views.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from schemas.base import Contract
from schemas.events.browsing import CartUpdated, ProductViewed
from schemas.events.groups import YEARS
from schemas.events.messages import Bounce, MessageReaction, MessageSent
from schemas.events.orders import (
    DiscountKind,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderReturned,
    ReceiptKind,
)
from schemas.instants import to_ms
from schemas.offer import SaleKind
from schemas.touchpoint import EVENT_TYPES, Touchpoint
from services.ingest.core.permission import is_hard_bounce

AGENT_KINDS = frozenset({"case", "dialogue", "sales"})
"""Kinds of which it matters who of the staff was concerned."""


class InteractionKind(StrEnum):
    """A family of event types that measures read together."""

    ACTION = "action"
    """What the retailer does about feedback."""
    BROWSING = "browsing"
    """Products that were looked at, searches, carts."""
    CAMPAIGN = "campaign"
    """Campaigns, whom they reached, and who was held out."""
    CASE = "case"
    """Service contacts and complaints."""
    CONTRACT = "contract"
    DIALOGUE = "dialogue"
    """Messages of conversations."""
    LOYALTY = "loyalty"
    """Points, tiers and vouchers."""
    MESSAGE = "message"
    """Messages to customers, and reactions to them."""
    PURCHASE = "purchase"
    """Of orders what is said beside their lines: promises, reductions, states, reasons."""
    SALES = "sales"
    """Opportunities, quotes, appointments and visits."""
    WORD_OF_MOUTH = "word_of_mouth"
    """Reviews, recommendations, and what customers write for others."""


KINDS_OF_TYPES = {
    InteractionKind.ACTION: "action.planned action.done",
    InteractionKind.BROWSING: "product.viewed search.performed cart.updated",
    InteractionKind.CAMPAIGN: "campaign.published campaign.reached campaign.held_out",
    InteractionKind.CASE: "support.contacted support.answered complaint.opened complaint.closed",
    InteractionKind.CONTRACT: "contract.started contract.renewed contract.ended",
    InteractionKind.DIALOGUE: "message.exchanged",
    InteractionKind.LOYALTY: "loyalty.changed voucher.issued voucher.redeemed",
    InteractionKind.MESSAGE: "message.sent email.sent email.delivered email.opened email.clicked "
    "email.bounced email.complained email.unsubscribed",
    InteractionKind.PURCHASE: "order.placed order.status_changed order.cancelled order.returned",
    InteractionKind.SALES: "opportunity.changed quote.sent appointment.booked store.visited",
    InteractionKind.WORD_OF_MOUTH: "review.posted referral.made referral.redeemed "
    "community.posted idea.submitted contest.entered",
}
KIND_OF: dict[str, str] = {
    type_name: kind.value for kind, names in KINDS_OF_TYPES.items() for type_name in names.split()
}
"""The kind of every event type that has one."""


class InteractionDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The typed fields, in the order of the columns of `interactions`; times are in UTC, as text
    without a zone."""

    agent: str = ""
    purpose: str = ""
    message_id: str = ""
    survey: str = ""
    wave: str = ""
    question: str = ""
    bounce: str = ""
    automated: bool = False
    case_id: str = ""
    subject: str = ""
    author: str = ""
    handed_over: bool = False
    team: str = ""
    kind_of_agent: str = ""
    wait_s: int | None = None
    solved: bool | None = None
    direction: str = ""
    repeated: bool = False
    outcome: str = ""
    intent: str = ""
    attachment: str = ""
    opportunity_id: str = ""
    quote_id: str = ""
    appointment_id: str = ""
    contract_id: str = ""
    order_id: str = ""
    stage: str = ""
    status: str = ""
    reason: str = ""
    lost_reason: str = ""
    owner: str = ""
    advised: bool = False
    amount: Decimal | None = None
    cost: Decimal | None = None
    value_per_year: Decimal | None = None
    currency: str = ""
    starts_at: str | None = None
    until: str | None = None
    notice_until: str | None = None
    due: str | None = None
    promised_at: str | None = None
    body_kind: str = ""
    programme: str = ""
    tier: str = ""
    points_balance: Decimal | None = None
    points_change: Decimal | None = None
    code: str = ""
    sku: str = ""
    skus: list[str] = []
    category: str = ""
    query: str = ""
    results: int | None = None
    cart_id: str = ""
    rating: Decimal | None = None
    action_id: str = ""
    feedback: list[str] = []
    audience: str = ""


FIELDS = InteractionDetails.__struct_fields__
TIMES = ("starts_at", "until", "notice_until", "due", "promised_at")
MONEY = ("amount", "cost", "value_per_year")
"""Fields of which `currency` is the currency."""
RENAMED = {
    "conversation_id": "case_id",
    "valid_to": "until",
    "ends_at": "until",
    "total": "amount",
    "value": "amount",
    "product": "sku",
    "kind": "body_kind",
}
"""Fields of contracts that stand under another name, because they mean the same as one there."""
REDUCING = frozenset(
    {DiscountKind.PROMOTION, DiscountKind.COUPON, DiscountKind.LOYALTY, DiscountKind.PERSONAL}
)
"""Discounts that make a line a reduced one."""
REVENUE_LINES = ("product", "service")
NOTHING: tuple[Any, ...] = (None, "", False, [])
"""Defaults that say nothing; any other, such as that the customer is the author, is a value."""
Values = dict[str, Any]
_ENCODE = msgspec.json.Encoder(decimal_format="string").encode
_DECODE = msgspec.json.Decoder(InteractionDetails).decode


class _Field(NamedTuple):
    """A field of a contract that is taken as it is."""

    name: str
    """In the contract."""
    column: str
    empty: Any
    """The value that says nothing."""
    is_time: bool


def _plan(body: type[Contract], *without: str) -> tuple[_Field, ...]:
    """What is taken of a body."""
    found = [
        (name, RENAMED.get(name, name), field.default) for name, field in body.model_fields.items()
    ]
    return tuple(
        _Field(name, column, default if default in NOTHING else None, column in TIMES)
        for name, column, default in found
        if column in FIELDS and name not in without
    )


WITHOUT: dict[type[Contract], tuple[str, ...]] = {
    MessageSent: ("subject",),
    MessageReaction: ("reason", "automated", "bounce"),
    OrderPlaced: ("currency",),
    OrderCancelled: ("currency",),
    OrderReturned: ("currency",),
}
"""What is not taken of some bodies as it is. The reason of a bounce may quote an address."""
PLANS = {
    name: _plan(body, *WITHOUT.get(body, ()))
    for name, body in ((name, EVENT_TYPES[name].body) for name in KIND_OF)
}
"""What is taken as it is, by event type."""


def interaction(event: Touchpoint, currency: str) -> tuple[str, str]:
    """The kind of an event whose type is in KIND_OF, and its fields as JSON; two empty texts for an
    order that says nothing beside its lines. `currency` is that of the realm."""
    body, kind = event.body, KIND_OF[event.type]
    values: Values = {}
    for name, column, empty, is_time in PLANS[event.type]:
        value = getattr(body, name)
        if value != empty:
            values[column] = _instant(value) if is_time else value
    special = SPECIAL.get(event.type)
    if special is not None:
        special(body, values)
    if kind == InteractionKind.PURCHASE and not _says_more(values):
        return "", ""
    if kind in AGENT_KINDS and event.source.agent:
        values["agent"] = event.source.agent
    if "currency" not in values and not values.keys().isdisjoint(MONEY):
        values["currency"] = currency
    return kind, _ENCODE(values).decode() if values else ""


def _says_more(values: Values) -> bool:
    """Whether there is anything that `orders` does not say."""
    return not values.keys() <= {"order_id", "currency"}


def _product(body: ProductViewed, values: Values) -> None:
    """What was looked at is named by the page, or by the offer on it."""
    if not body.sku and body.offer is not None and body.offer.sku:
        values["sku"] = body.offer.sku


def _cart(body: CartUpdated, values: Values) -> None:
    skus = [item.sku or (item.offer.sku if item.offer is not None else "") for item in body.items]
    if skus:
        values["skus"] = skus


def _reaction(body: MessageReaction, values: Values) -> None:
    """What programs did is recognised by the user agent, too."""
    if body.is_automated:
        values["automated"] = True


def _bounced(body: MessageReaction, values: Values) -> None:
    """A hard one is recognised by its reason, too."""
    if is_hard_bounce(body):
        values["bounce"] = Bounce.HARD
    elif body.bounce is not None:
        values["bounce"] = body.bounce


def _reduced(body: OrderPlaced, values: Values) -> None:
    """What was sold at a reduction: the articles, and what was paid for them."""
    if body.receipt_kind is not ReceiptKind.SALE:
        values.clear()
        return
    lines = [line for line in body.lines if _is_reduced(line)]
    if lines:
        values["skus"] = [line.sku for line in lines]
        values["amount"] = sum((line.total for line in lines), Decimal(0))
        if body.currency:
            values["currency"] = body.currency


def _is_reduced(line: OrderLine) -> bool:
    if not line.discounts and line.sale_kind is SaleKind.REGULAR:
        return False
    if line.seller or line.kind not in REVENUE_LINES:
        return False
    is_special = line.sale_kind is not SaleKind.REGULAR
    return is_special or any(one.kind in REDUCING for one in line.discounts)


SPECIAL: dict[str, Callable[[Any, Values], None]] = {
    "product.viewed": _product,
    "cart.updated": _cart,
    "email.opened": _reaction,
    "email.clicked": _reaction,
    "email.bounced": _bounced,
    "order.placed": _reduced,
}
"""What is more than a field of the body."""


def _instant(value: datetime) -> str | None:
    """A time as the store reads it; None for one that it cannot hold."""
    if not YEARS[0] < value.year < YEARS[-1]:  # a zone may move it to the next year
        return None
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")


NO_DETAILS: tuple[Any, ...] = astuple(InteractionDetails())
"""The values of FIELDS of an event that says nothing."""


def columns_of_details(details: str) -> tuple[Any, ...]:
    """The values of FIELDS, as the store takes them: times in Unix ms."""
    if not details:
        return NO_DETAILS
    return tuple(
        to_ms(datetime.fromisoformat(value).replace(tzinfo=UTC))
        if value is not None and name in TIMES
        else value
        for name, value in zip(FIELDS, astuple(_DECODE(details)), strict=True)
    )

"""The row of one event in `touchpoints`: typed columns, in the order of `COLUMNS`.

Every group of columns (order, consents, attributes, offers, claims, survey) is a tuple made by the
function for its event types, or the group's empty value; a row is the concatenation of its groups.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas.claim import PriceClaim, Statement, pack_statement, pack_terms
from schemas.events.dialogue import SurveyAnswered
from schemas.events.master_data import ConsentChanged, ObjectionMade, ProfileUpdated
from schemas.events.messages import MessageReaction
from schemas.events.orders import (
    LineKind,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderReturned,
    OrderStatusChanged,
    ReceiptKind,
)
from services.ingest.core.outcome import Context

Group = tuple[Any, ...]

ENVELOPE = (
    "realm", "node", "event_id", "version", "event_hash", "occurred_at", "corrected_at",
    "received_at", "channel", "type", "synthetic", "intake", "source_system", "source_store",
    "campaign", "anchor_type", "anchor_verified", "rules_version", "secret_generation",
    "ids.type", "ids.node", "ids.verified",
)  # fmt: skip
ORDER = (
    "order_action", "order_issuer", "order_id", "return_id", "order_counts", "order_currency",
    "order_value", "lines.sku", "lines.kind", "lines.category", "lines.quantity", "lines.total",
)  # fmt: skip
CONSENTS = (
    "consents.action", "consents.purpose", "consents.channel", "consents.address",
    "consents.basis", "consents.double_opt_in", "consents.text_version",
)  # fmt: skip
ATTRIBUTES = ("attrs.name", "attrs.value", "attrs.present")
OFFERS = (
    "offers.sku", "offers.market", "offers.location", "offers.basis", "offers.price",
    "offers.currency", "offers.quantity", "offers.terms",
)  # fmt: skip
CLAIMS = ("claims.kind", "claims.subject_type", "claims.subject", "claims.body")
SURVEY = ("survey_kind", "answers.question", "answers.score", "answers.expected", "answers.choice")
COLUMNS = (*ENVELOPE, *ORDER, *CONSENTS, *ATTRIBUTES, *OFFERS, *CLAIMS, *SURVEY, "payload")

ZERO = Decimal(0)
EMPTY_LINES: Group = ((), (), (), (), ())
EMPTY_ORDER: Group = ("", "", "", "", False, "", ZERO, *EMPTY_LINES)
EMPTY_CONSENTS: Group = ((), (), (), (), (), (), ())
EMPTY_ATTRIBUTES: Group = ((), (), ())
EMPTY_OFFERS: Group = ((), (), (), (), (), (), (), ())
EMPTY_CLAIMS: Group = ((), (), (), ())
EMPTY_SURVEY: Group = ("", (), (), (), ())
REVENUE_KINDS = frozenset({LineKind.PRODUCT, LineKind.SERVICE})


def order_group(context: Context, issuer: str, currency: str) -> Group:
    """Columns of an order, cancellation, return or status change."""
    body = context.event.body
    match body:
        case OrderPlaced():
            action, counts = "placed", body.receipt_kind is ReceiptKind.SALE
            value = revenue(body.lines) if body.lines else body.gross or ZERO
        case OrderCancelled():
            action, counts, value = "cancelled", True, revenue(body.lines)
        case OrderReturned():
            # Returned deposit is not a return; a return without lines is recognised by its refund.
            counts = not body.lines or any(line.kind in REVENUE_KINDS for line in body.lines)
            action = "returned"
            value = revenue(body.lines) if body.lines else body.refund or ZERO
        case OrderStatusChanged():
            head = ("status", body.issuer or issuer, body.order_id, "", False, "", ZERO)
            return (*head, *EMPTY_LINES)
        case _:
            return EMPTY_ORDER
    return_id = ""
    if isinstance(body, OrderReturned):
        return_id = body.return_id or context.event.event_id
    identity: Group = (action, body.issuer or issuer, body.order_id, return_id, counts)
    return (*identity, body.currency or currency, value, *_lines(body.lines))


def revenue(lines: list[OrderLine]) -> Decimal:
    """Gross total of the retailer's own product and service lines, after their discounts."""
    return sum(
        (line.total for line in lines if line.kind in REVENUE_KINDS and not line.seller), ZERO
    )


def _lines(lines: list[OrderLine]) -> Group:
    return (
        [line.sku for line in lines],
        [line.kind for line in lines],
        [line.category for line in lines],
        [line.quantity for line in lines],
        [line.total for line in lines],
    )


def consents_group(context: Context, address_of: Callable[[Context, str, str], int]) -> Group:
    """Columns of a consent, withdrawal or objection; unsubscribing withdraws.

    `address_of(context, channel, address)` gives the node of the address the consent is for.
    """
    event, body = context.event, context.event.body
    if isinstance(body, ConsentChanged):
        action = event.type.removeprefix("consent.")
        address = address_of(context, body.channel, body.address)
        row: Group = (action, body.purpose, body.channel, address, body.basis, body.double_opt_in)
        return tuple([value] for value in (*row, body.text_version))
    if isinstance(body, ObjectionMade):
        row = ("objection", body.purpose, body.channel, 0, "", False)
        return tuple([value] for value in (*row, ""))
    if event.type == "email.unsubscribed" and isinstance(body, MessageReaction):
        address = address_of(context, "email", body.address)
        row = ("withdrawn", "marketing", "email", address, "", False)
        return tuple([value] for value in (*row, ""))
    return EMPTY_CONSENTS


def attributes_group(context: Context) -> Group:
    """Columns of the attribute observations of a profile.updated event."""
    body = context.event.body
    if not isinstance(body, ProfileUpdated):
        return EMPTY_ATTRIBUTES
    items = body.attributes.items()
    return (
        [name for name, _ in items],
        [value or "" for _, value in items],
        [value is not None for _, value in items],
    )


def offers_group(claims: list[tuple[PriceClaim, Decimal]]) -> Group:
    """Columns of the price claims of an event."""
    if not claims:
        return EMPTY_OFFERS
    products = [claim.book.subject.parts for claim, _ in claims]
    return (
        [sku for _, sku in products],
        [market for market, _ in products],
        [claim.location for claim, _ in claims],
        [claim.basis for claim, _ in claims],
        [claim.price for claim, _ in claims],
        [claim.currency for claim, _ in claims],
        [quantity for _, quantity in claims],
        [pack_terms(claim) for claim, _ in claims],
    )


def claims_group(claims: list[tuple[Statement, Decimal]]) -> Group:
    """Columns of an event's claims of every kind but prices."""
    if not claims:
        return EMPTY_CLAIMS
    return (
        [claim.book.kind for claim, _ in claims],
        [claim.book.subject.type for claim, _ in claims],
        [claim.book.subject.key for claim, _ in claims],
        [pack_statement(claim, quantity) for claim, quantity in claims],
    )


def survey_group(context: Context) -> Group:
    """Columns of a survey answer."""
    body = context.event.body
    if not isinstance(body, SurveyAnswered):
        return EMPTY_SURVEY
    return (
        body.kind,
        [answer.question for answer in body.answers],
        [answer.score for answer in body.answers],
        [answer.expected for answer in body.answers],
        [answer.choice for answer in body.answers],
    )

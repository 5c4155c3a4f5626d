"""The row of one event in `touchpoints`: typed columns by name.

Every group of columns (order, consents, attributes, offers, claims, survey) is made by the function
for its event types.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from schemas.claim import PriceClaim, Statement, pack_statement, pack_terms
from schemas.events.dialogue import SurveyAnswered
from schemas.events.groups import AccountContactChanged, AccountUpdated, HouseholdMemberChanged
from schemas.events.master_data import ProfileUpdated
from schemas.events.orders import (
    LineKind,
    OrderCancelled,
    OrderLine,
    OrderPlaced,
    OrderReturned,
    OrderStatusChanged,
    ReceiptKind,
)
from schemas.groups import ACCOUNT, DESCRIBED, HOUSEHOLD, MEMBER
from schemas.instants import to_ms
from schemas.touchpoint import Touchpoint, types_with
from services.ingest.core.fact_row import (
    ATTRIBUTES,
    EMPTY_MEMBERSHIP,
    EMPTY_ORDER,
    MEMBERSHIP,
    ORDER,
    SURVEY,
    Group,
    RowPart,
    numbered,
)
from services.ingest.core.outcome import Context

ZERO = Decimal(0)

ACCOUNT_FIELDS = tuple(
    name for name in AccountUpdated.model_fields if name not in ("account_id", "issuer")
)
ORDER_TYPES = types_with(OrderPlaced, OrderCancelled, OrderReturned, OrderStatusChanged)
SURVEY_TYPES = types_with(SurveyAnswered)
ATTRIBUTE_TYPES = types_with(ProfileUpdated)
MEMBERSHIP_TYPES = types_with(AccountUpdated, AccountContactChanged, HouseholdMemberChanged)
GROUPED_TYPES = ORDER_TYPES | SURVEY_TYPES | ATTRIBUTE_TYPES | MEMBERSHIP_TYPES
"""Types of events that have a group of columns of their own."""
RECEIPTS = "pos"
"""The channel whose numbers are receipt numbers."""
REVENUE_KINDS = frozenset({LineKind.PRODUCT, LineKind.SERVICE})


def order_issuer(event: Touchpoint, configured: Mapping[str, str]) -> str:
    """Who assigned an order number, if the event does not say: configured by source system, else
    the till for a receipt. Tills count for themselves, and so do stores; a receipt that names
    neither has a number of the whole chain."""
    source = event.source
    issuer = configured.get(source.system, "")
    if issuer or event.channel != RECEIPTS or not (source.store or source.till):
        return issuer
    parts = (source.system, source.store, source.till)
    # Slashes within a part would make till 3 of store 1/2 out of till 2/3 of store 1.
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts).rstrip("/")


def typed_group(context: Context, issuers: Mapping[str, str], currency: str) -> RowPart:
    """The group of columns that an event has for its type, one of GROUPED_TYPES, as a part of its
    row.

    `issuers` are those configured by source system, `currency` is that of the realm.
    """
    event = context.event
    if event.type in ORDER_TYPES:
        return numbered(ORDER, order_group(context, order_issuer(event, issuers), currency))
    if event.type in ATTRIBUTE_TYPES:
        return numbered(ATTRIBUTES, attributes_group(context))
    if event.type in SURVEY_TYPES:
        return numbered(SURVEY, survey_group(context))
    issuer = issuers.get(event.source.system, "")
    return numbered(MEMBERSHIP, membership_group(context, issuer))


def order_group(context: Context, issuer: str, currency: str) -> Group:
    """Columns of an order, cancellation, return or status change."""
    body = context.event.body
    match body:
        case OrderPlaced(receipt_kind=ReceiptKind.VOID) if body.voids:
            return {
                **EMPTY_ORDER,
                "order_action": "cancelled",
                "order_issuer": body.issuer or issuer,
                "order_id": body.voids,
                "order_counts": True,
            }
        case OrderPlaced():
            action, counts = "placed", body.receipt_kind is ReceiptKind.SALE
            value = order_value(body)
        case OrderCancelled():
            action, counts, value = "cancelled", True, taken_back(body.lines)
        case OrderReturned():
            # Returned deposit is not a return; a return without lines is recognised by its refund.
            counts = not body.lines or any(line.kind in REVENUE_KINDS for line in body.lines)
            action = "returned"
            value = taken_back(body.lines) if body.lines else body.refund or ZERO
        case OrderStatusChanged():
            return {
                **EMPTY_ORDER,
                "order_action": "status",
                "order_issuer": body.issuer or issuer,
                "order_id": body.order_id,
            }
        case _:
            return EMPTY_ORDER
    return_id = ""
    if isinstance(body, OrderReturned):
        return_id = body.return_id or context.event.event_id
    return {
        "order_action": action,
        "order_issuer": body.issuer or issuer,
        "order_id": body.order_id,
        "return_id": return_id,
        "order_counts": counts,
        "order_currency": body.currency or ("" if _in_that_of_the_order(body) else currency),
        "order_value": value,
        **_lines(body.lines),
    }


def _in_that_of_the_order(body: OrderPlaced | OrderCancelled | OrderReturned) -> bool:
    """Whether the amounts of a body without a currency are in that of the order it names."""
    match body:
        case OrderCancelled():
            return bool(body.lines)
        case OrderReturned():
            return bool(body.order_id)
    return False


def revenue(lines: list[OrderLine]) -> Decimal:
    """Gross total of the retailer's own product and service lines, after their discounts."""
    return sum(
        (line.total for line in lines if line.kind in REVENUE_KINDS and not line.seller), ZERO
    )


def order_value(body: OrderPlaced) -> Decimal:
    """The revenue of an order.

    A total below the sum of the lines is a discount on the whole order. It is taken off where all
    of it concerns own products and services; otherwise nobody can tell whose it is, and the lines
    count as they are.
    """
    lines, gross = body.lines, body.gross
    if not lines:
        return gross or ZERO
    value = revenue(lines)
    return gross if gross is not None and is_order_discount(body) else value


def is_order_discount(body: OrderPlaced) -> bool:
    """Whether the total of an order tells of a discount that no line has."""
    lines, gross = body.lines, body.gross
    own = all(line.kind in REVENUE_KINDS and not line.seller for line in lines)
    return own and gross is not None and ZERO <= gross < sum(line.total for line in lines)


def taken_back(lines: list[OrderLine]) -> Decimal:
    """The value of returned or cancelled lines, whichever sign their source gives them."""
    value = revenue(lines)
    own = (line for line in lines if line.kind in REVENUE_KINDS and not line.seller)
    return -value if all(line.total <= ZERO for line in own) else value


def _lines(lines: list[OrderLine]) -> Group:
    return {
        "lines.sku": [line.sku for line in lines],
        "lines.kind": [line.kind for line in lines],
        "lines.category": [line.category for line in lines],
        "lines.quantity": [line.quantity for line in lines],
        "lines.total": [line.total for line in lines],
    }


def attributes_group(context: Context) -> Group:
    """Columns of the attribute observations of a profile.updated event."""
    body: ProfileUpdated = context.event.body
    items = body.attributes.items()
    return {
        "attrs.name": [name for name, _ in items],
        "attrs.value": [value or "" for _, value in items],
        "attrs.present": [value is not None for _, value in items],
    }


def offers_group(claims: list[tuple[PriceClaim, Decimal]]) -> Group:
    """Columns of the price claims of an event."""
    products = [claim.book.subject.parts for claim, _ in claims]
    return {
        "offers.sku": [sku for _, sku in products],
        "offers.market": [market for market, _ in products],
        "offers.location": [claim.location for claim, _ in claims],
        "offers.basis": [claim.basis for claim, _ in claims],
        "offers.price": [claim.price for claim, _ in claims],
        "offers.currency": [claim.currency for claim, _ in claims],
        "offers.quantity": [quantity for _, quantity in claims],
        "offers.terms": [pack_terms(claim) for claim, _ in claims],
    }


def claims_group(claims: list[tuple[Statement, Decimal]]) -> Group:
    """Columns of an event's claims of every kind but prices."""
    books = [claim.book for claim, _ in claims]
    return {
        "claims.kind": [kind for _, kind, _ in books],
        "claims.subject_type": [subject.type for _, _, subject in books],
        "claims.subject": [subject.key for _, _, subject in books],
        "claims.body": [pack_statement(claim, quantity) for claim, quantity in claims],
    }


def survey_group(context: Context) -> Group:
    """Columns of a survey answer. One that names nobody stays apart from the case and the order
    that it is about: they would say who answered."""
    body: SurveyAnswered = context.event.body
    is_named = bool(context.identified.identifiers)
    return {
        "survey_kind": body.kind,
        "survey": body.survey,
        "survey_wave": body.wave,
        "survey_mode": body.mode or "",
        "survey_touchpoint": body.touchpoint,
        "survey_case_id": body.case_id if is_named else "",
        "survey_order_id": body.order_id if is_named else "",
        "answers.question": [answer.question for answer in body.answers],
        "answers.score": [answer.score for answer in body.answers],
        "answers.expected": [answer.expected for answer in body.answers],
        "answers.choice": [answer.choice for answer in body.answers],
        "answers.form": [answer.form or "" for answer in body.answers],
        "answers.importance": [answer.importance for answer in body.answers],
        "answers.scale_min": [answer.scale_min for answer in body.answers],
        "answers.scale_max": [answer.scale_max for answer in body.answers],
    }


def membership_group(context: Context, issuer: str) -> Group:
    """Columns of an event about an account or household; `issuer` is that of its source."""
    body = context.event.body
    match body:
        case AccountUpdated():
            given = {name: getattr(body, name) for name in ACCOUNT_FIELDS}
            said = {name: value for name, value in given.items() if value is not None}
            return {
                **EMPTY_MEMBERSHIP,
                "group_kind": ACCOUNT,
                "group_action": DESCRIBED,
                "group_issuer": body.issuer or issuer,
                "group_id": body.account_id,
                "group.field": list(said),
                "group.value": list(said.values()),
            }
        case AccountContactChanged():
            kind, group_id, title = ACCOUNT, body.account_id, body.job_title
            roles = sorted({str(one) for one in body.roles})
        case HouseholdMemberChanged():
            kind, group_id, title = HOUSEHOLD, body.household_id, ""
            roles = [body.relation] if body.relation else []
        case _:
            return EMPTY_MEMBERSHIP
    since, until = _holds(body, context.occurred_ms)
    return {
        **EMPTY_MEMBERSHIP,
        "group_kind": kind,
        "group_action": MEMBER,
        "group_issuer": body.issuer or issuer,
        "group_id": group_id,
        "member.roles": roles,
        "member_title": title,
        "member_since": since,
        "member_until": until,
    }


def _holds(
    body: AccountContactChanged | HouseholdMemberChanged, occurred_ms: int
) -> tuple[int, int | None]:
    """From when on a statement replaces earlier ones, and when what it says ends (Unix ms).

    Who left belongs to nothing from the end on: then both are the same, unless it says since when
    it had been so.
    """
    until = None if body.until is None else to_ms(body.until)
    if until is None and body.left:
        until = occurred_ms
    since = occurred_ms if body.since is None else to_ms(body.since)
    return (since if until is None else min(since, until)), until

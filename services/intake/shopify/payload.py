"""Payloads of Shopify: what a webhook or a file is about, and who reads it.

An answer of the API (`{"orders": [...]}`) holds the same objects. What nothing here reads is
refused, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas.reject import RejectReason
from services.intake.fields import NotTaken
from services.intake.shopify.customers import agreed_to_mail, agreed_to_sms, deleted, updated
from services.intake.shopify.fulfilments import fulfilment, reported
from services.intake.shopify.goods import cart, checkout, location, product, stock, variant
from services.intake.shopify.orders import order
from services.intake.shopify.parties import SYSTEM
from services.intake.shopify.refunds import refund
from services.intake.shops.message import ShopMessage, ShopReader, ShopSystem

CONSENTS = ("consent.given", "consent.confirmed", "consent.withdrawn")
ORDER_TYPES = ("order.placed", "order.status_changed", "order.cancelled", "order.returned")
READERS: Mapping[str, ShopReader] = {
    "orders": ShopReader(
        order, ("order.placed", "order.status_changed", "order.cancelled", "order.returned")
    ),
    "refunds": ShopReader(refund, ("order.returned", "order.status_changed")),
    "customers": ShopReader(updated, ("profile.updated", *CONSENTS)),
    "customers/delete": ShopReader(deleted, ("profile.updated",)),
    "customers_email_marketing_consent": ShopReader(agreed_to_mail, CONSENTS),
    "customers_marketing_consent": ShopReader(agreed_to_sms, CONSENTS),
    "fulfillments": ShopReader(fulfilment, ("order.status_changed",)),
    "fulfillment_events": ShopReader(reported, ("order.status_changed",)),
    "carts": ShopReader(cart, ("cart.updated",)),
    "checkouts": ShopReader(checkout, ("cart.updated",)),
    "products": ShopReader(product, ("offer.published",)),
    "variants": ShopReader(variant, ("offer.published",)),
    "inventory_levels": ShopReader(stock, ("offer.published",)),
    "locations": ShopReader(location, ("store.published",)),
}
"""By topic, or by the part of a topic before its slash."""
NOT_TAKEN: Mapping[str, str] = {
    "orders/edited": "the next state of the order (`orders/updated`) says what the edit came to",
    "orders/delete": "Shopify deletes only what was cancelled or archived before",
    "customers/redact": "an erasure is ordered by whoever answers for it, and not by a message",
    "customers/data_request": "a request for access is answered by whoever answers for it",
    "shop": "says nothing of a customer",
    "products/delete": "names no article number",
    "checkouts/delete": "a checkout that is given up stays as it was",
    "inventory_levels/disconnect": "names no article number",
    "locations/delete": "names no place any more",
    "draft_orders": "a draft is no order until it is paid, and is then sent as one",
    "gift_cards": "a balance belongs to a code, and not to a purchase",
    "price_rules": "a rule is applied in orders, which name it",
    "discount_codes": "a code is used in orders, which name it",
    "marketing_events": "an advertisement reaches nobody in particular",
    "engagements": "counts of an advertisement are of nobody in particular",
    "tender_transactions": "a payment is in the states of its order",
    "transactions": "a payment is in the states of its order",
    "inventory_items": "an item without a price or a number of pieces is no offer",
    "events": "a log without the things that it is about",
    "collections": "an arrangement of products is no offer",
}
"""Why what is none of these is refused; the page of the format has the same list."""
UNKNOWN = "is nothing that this format reads"
CONTRADICTED = "is not what the body is"
ALIKE = {"checkouts": "carts"}
NAMES = {
    "order": "orders", "refund": "refunds", "customer": "customers", "cart": "carts",
    "checkout": "checkouts", "fulfillment": "fulfillments", "product": "products",
    "fulfillment_event": "fulfillment_events", "draft_order": "draft_orders",
    "gift_card": "gift_cards", "price_rule": "price_rules", "discount_code": "discount_codes",
    "engagement": "engagements", "event": "events", "inventory_item": "inventory_items",
    "inventory_level": "inventory_levels", "location": "locations", "variant": "variants",
    "marketing_event": "marketing_events", "transaction": "transactions",
    "tender_transaction": "tender_transactions", "order_edit": "orders/edited",
}  # fmt: skip
"""What an answer of the API calls the things in it, one or several."""
SHAPES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (name, frozenset(fields.split()))
    for name, fields in (
        ("refunds", "order_id refund_line_items"),
        ("fulfillment_events", "fulfillment_id status happened_at"),
        ("inventory_levels", "inventory_item_id location_id available"),
        ("customers_email_marketing_consent", "customer_id email_marketing_consent"),
        ("checkouts", "line_items abandoned_checkout_url"),
        ("draft_orders", "line_items invoice_sent_at"),
        ("fulfillments", "order_id line_items tracking_numbers"),
        ("orders", "line_items financial_status"),
        ("carts", "line_items token"),
        ("products", "variants title"),
        ("customers", "verified_email"),
        ("customers_marketing_consent", "sms_marketing_consent phone"),
        ("locations", "address1 zip country_code active"),
        ("variants", "sku price inventory_policy"),
        ("transactions", "kind gateway order_id"),
        ("tender_transactions", "order_id payment_method remote_reference"),
        ("gift_cards", "balance initial_value"),
        ("price_rules", "target_type allocation_method"),
        ("discount_codes", "code usage_count"),
        ("marketing_events", "event_type event_target"),
        ("inventory_items", "tracked sku"),
        ("events", "verb subject_type"),
    )
)
"""Fields that only one sort of thing has; the first that fits counts."""


def messages(plain: Any) -> Iterator[tuple[str, Any]]:
    """The things of a payload, each with what it is."""
    if isinstance(plain, list):
        for one in plain:
            yield from messages(one) if isinstance(one, dict) else iter([("", one)])
        return
    if len(plain) == 1:
        [(key, inside)] = plain.items()
        name = NAMES.get(key) or (key if key in NAMES.values() else "")
        if name and isinstance(inside, dict | list):
            for one in inside if isinstance(inside, list) else [inside]:
                yield name, one
            return
    yield _shape(plain), plain


def _shape(plain: Mapping[str, Any]) -> str:
    return next((name for name, fields in SHAPES if plain.keys() >= fields), "")


def read(message: ShopMessage) -> Iterable[bytes | NotTaken]:
    """The touchpoints of one thing. Raises NotTaken. The topic of a webhook is not signed, so it
    must be that of the body, as far as the body says."""
    kind = message.topic.partition("/")[0]
    for name in (message.topic, kind):
        if name in NOT_TAKEN:
            raise NotTaken("topic", NOT_TAKEN[name], RejectReason.UNKNOWN_TYPE)
        if name in READERS:
            if _family(_shape(message.fields.plain)) not in ("", _family(kind)):
                raise NotTaken("topic", CONTRADICTED)
            return READERS[name].read(message)
    raise NotTaken("topic", UNKNOWN, RejectReason.UNKNOWN_TYPE)


def _family(kind: str) -> str:
    """Things that have the same fields in some version: a customer may have consents, and a
    checkout is a cart."""
    return "customers" if kind.startswith("customers_") else ALIKE.get(kind, kind)


HEADERS = {
    "topic": "x-shopify-topic",
    "webhook_id": "x-shopify-webhook-id",
    "shop_domain": "x-shopify-shop-domain",
    "triggered_at": "x-shopify-triggered-at",
}
SHOPIFY = ShopSystem(SYSTEM, messages, read, lambda _: SYSTEM, HEADERS, READERS, NOT_TAKEN)

"""docs/reference/shops.md: what each message of a shop system becomes, and why none."""

from __future__ import annotations

from collections.abc import Iterator

from services.docs.markdown import code, page, table
from services.intake.shopify.payload import SHOPIFY
from services.intake.shops.message import ShopSystem
from services.intake.shopware.payload import SHOPWARE
from services.intake.woocommerce.payload import WOOCOMMERCE

INTRODUCTION = """
How to set up a shop, and what is meant, say the pages of the formats. A message is known by its
topic, or by the part of it that names the kind of thing; in a file by its fields.
""".strip()
REFUSED = """
A message of another topic is refused, and so is one that is not what its topic says. What becomes
no touchpoint is rejected with its own bytes and the reason ([rejected
events](../rejected-events.md)). One message may become several touchpoints, or fewer types of them
than the table has: an order that nobody cancelled is not cancelled.
""".strip()
SHOPS = {"Shopify": SHOPIFY, "WooCommerce": WOOCOMMERCE, "Shopware": SHOPWARE}


def shops_page() -> str:
    """The whole page."""
    parts = (part for title, shop in SHOPS.items() for part in _shop(title, shop))
    return page("Messages of shop systems", INTRODUCTION, REFUSED, *parts)


def _shop(title: str, shop: ShopSystem) -> Iterator[str]:
    yield f"## {title}"
    yield f"[How to set it up](../formats/{shop.name}.md)."
    taken = shop.readers.items()
    yield table(
        ("Message", "Touchpoints"),
        [(code(name), ", ".join(map(code, one.becomes))) for name, one in taken],
    )
    yield table(
        ("Message", "Not taken, because"),
        [(code(name), reason) for name, reason in shop.not_taken.items()],
    )

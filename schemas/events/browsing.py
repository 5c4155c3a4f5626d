"""What a visitor does in the shop or app before buying."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Count, Currency, Money, OptionalCode, Quantity, Title, Url
from schemas.offer import Offer


class PageViewed(Contract):
    """A page or screen was shown."""

    url: Url = ""
    title: Title = ""
    referrer: Url = ""


class ProductViewed(Contract):
    """A product page was shown, with the offer that stood on it."""

    sku: OptionalCode = ""
    title: Title = ""
    category: OptionalCode = ""
    offer: Offer | None = None


class SearchPerformed(Contract):
    """Somebody searched."""

    query: Title = ""
    results: Count | None = None


class CartItem(Contract):
    """One position of a cart."""

    sku: OptionalCode = ""
    quantity: Quantity | None = None
    offer: Offer | None = None


class CartUpdated(Contract):
    """The cart as it is now; an empty list says that it was emptied."""

    cart_id: OptionalCode = ""
    items: Annotated[list[CartItem], Field(max_length=200)] = Field(default=[])
    total: Money | None = None
    currency: Currency | None = None

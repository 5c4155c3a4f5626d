"""The prices that a channel publishes for all consumers, and the reductions that it announces.

Prices with tax, of the retailer's own goods, for everybody: neither personal prices nor those of a
customer group, nor of goods that are about to perish.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import orjson

from schemas.claim import Claim, Statement
from schemas.offer import Basis, Offer, SaleKind, TaxMode
from services.consistency.core.kind import Heard
from services.consistency.core.offers import claim_head, is_withdrawn, offers_of, window_of
from services.consistency.core.packs import same_pack

NO_PRICE, HUNDRED = Decimal(0), Decimal(100)
EXEMPT = frozenset({SaleKind.PERSONAL, SaleKind.SHORT_DATED})
REDUCTIONS = frozenset({SaleKind.PROMOTION, SaleKind.CLEARANCE})


class AskedPrice(NamedTuple):
    """The price of a published offer, and the reduction that it announces, if any."""

    price: Decimal
    former_price: Decimal | None = None
    percent: Decimal | None = None
    is_reduction: bool = False
    """A promotion, a clearance, or announced as a reduction."""

    @property
    def announces(self) -> bool:
        """Whether it is announced as a reduction, by a former price or a percentage."""
        return self.former_price is not None or self.percent is not None


def consumer_prices(heard: Heard, kind: str) -> list[Statement]:
    """The published consumer prices of an event, as statements of a kind. A withdrawal is valid for
    no time."""
    said = (
        (offer, basis)
        for offer, basis in offers_of(heard)
        if (offer.basis or basis) is Basis.PUBLISHED and _is_for_consumers(offer)
    )
    return [
        _statement(heard, kind, offer, basis, ordinal)
        for ordinal, (offer, basis) in enumerate(said)
        if offer.price or is_withdrawn(heard, offer, basis)
    ]


def _is_for_consumers(offer: Offer) -> bool:
    is_own = not offer.seller and not offer.customer_group
    return is_own and offer.tax_mode is TaxMode.GROSS and offer.sale_kind not in EXEMPT


def _statement(heard: Heard, kind: str, offer: Offer, basis: Basis, ordinal: int) -> Statement:
    valid_from, valid_to = window_of(heard, offer, basis)
    return Statement(
        *claim_head(heard, kind, offer, basis, ordinal),
        _written(offer),
        _terms_of(offer, heard.currency),
        valid_from,
        valid_to,
    )


def _written(offer: Offer) -> str:
    """The price and what is announced of it. A former price that is not above the price announces
    nothing, and a percentage beside a recommended price is one of that."""
    price, former, percent = offer.price or NO_PRICE, offer.former_price, offer.reduction_percent
    found: dict[str, str | bool] = {"price": str(price)}
    if former is not None and former > price:
        found["former_price"] = str(former)
    if percent and percent < HUNDRED and offer.recommended_price is None:
        found["percent"] = str(percent)
    if len(found) > 1 or offer.promotion or offer.sale_kind in REDUCTIONS:
        found["is_reduction"] = True
    if offer.promotion:
        found["promotion"] = offer.promotion
    return orjson.dumps(found).decode()


def read(claim: Claim) -> AskedPrice:
    """The price of a statement."""
    return _parsed(claim)[0]


def promotion_of(claim: Claim) -> str | None:
    """The promotion behind a price, perhaps empty; None if it is no reduction."""
    return _parsed(claim)[1]


def _parsed(claim: Claim) -> tuple[AskedPrice, str | None]:
    assert isinstance(claim, Statement)
    return _parsed_value(claim.value)


@lru_cache(maxsize=16_384)
def _parsed_value(value: str) -> tuple[AskedPrice, str | None]:
    said = orjson.loads(value)
    is_reduction, promotion = said.pop("is_reduction", False), said.pop("promotion", "")
    asked = AskedPrice(
        is_reduction=is_reduction, **{name: Decimal(one) for name, one in said.items()}
    )
    return asked, promotion if is_reduction else None


def _terms_of(offer: Offer, currency: str) -> str:
    pack = same_pack(offer.pack_content, offer.pack_unit)
    named = (offer.currency or currency, offer.unit, *pack, offer.variant, offer.condition)
    return _written_terms(*named)


@lru_cache(maxsize=4096)
def _written_terms(
    currency: str, unit: str, content: Decimal | None, pack_unit: str, variant: str, condition: str
) -> str:
    terms = {
        "currency": currency,
        "unit": "" if unit == "piece" else unit,
        "pack_content": "" if content is None else f"{content:f}",
        "pack_unit": pack_unit,
        "variant": variant,
        "condition": "" if condition == "new" else condition,
    }
    named = {name: value for name, value in terms.items() if value}
    return orjson.dumps(named, option=orjson.OPT_SORT_KEYS).decode()

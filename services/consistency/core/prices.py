"""Judgements about single prices: comparable or not, equal or not, which one is right, how bad.

Pure functions over claims and rules; nothing here remembers anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from schemas.claim import Claim
from schemas.incident import Severity
from schemas.offer import SaleKind, TaxMode
from schemas.rules.consistency import ConsistencyRules, RightPrice

COMPARED_SALES = frozenset({SaleKind.REGULAR, SaleKind.PROMOTION})


class Terms(NamedTuple):
    """What two claims of a book must share before their prices may be compared."""

    currency: str
    tax_mode: TaxMode
    unit: str
    pack_content: Decimal | None
    pack_unit: str
    variant: str
    condition: str
    customer_group: str


class Place(NamedTuple):
    """Where a price holds. Sorts the whole channel before zones before stores."""

    rank: int
    name: str

    @property
    def label(self) -> str:
        """As incidents show it: empty, `zone:NAME`, or the store's id."""
        return f"zone:{self.name}" if self.rank == ZONE_RANK else self.name


ZONE_RANK, STORE_RANK = 1, 2
EVERYWHERE = Place(0, "")


class Expected(NamedTuple):
    """The right price of a place at one time and the claims that make it so.

    `alone` says that it is only what the single channel there says of itself.
    """

    price: Decimal
    makers: tuple[Claim, ...]
    promoted: bool
    alone: bool = False


def terms_of(claim: Claim) -> Terms | None:
    """The claim's terms; None if its price is not comparable with any other channel's."""
    if claim.seller or claim.sale_kind not in COMPARED_SALES:
        return None
    return Terms(
        claim.currency,
        claim.tax_mode,
        claim.unit,
        claim.pack_content,
        claim.pack_unit,
        claim.variant,
        claim.condition,
        claim.customer_group,
    )


def place_of(claim: Claim) -> Place:
    """A store's price stands before its zone's; without either it is the whole channel's."""
    if claim.location:
        return Place(STORE_RANK, claim.location)
    return Place(ZONE_RANK, claim.zone) if claim.zone else EVERYWHERE


def is_promotion(claim: Claim) -> bool:
    """Whether a promotion makes this price."""
    return bool(claim.promotion) or claim.sale_kind is SaleKind.PROMOTION


def agrees(price: Decimal, expected: Decimal, rules: ConsistencyRules) -> bool:
    """Whether two prices differ by no more than the larger of both tolerances."""
    if price == expected:
        return True
    difference = abs(price - expected)
    if difference <= rules.tolerance_absolute:
        return True
    return difference * 100 <= rules.tolerance_percent * expected


def right_price(votes: Sequence[Claim], rules: ConsistencyRules) -> Expected | None:
    """The right price among one claim a channel, where no reference channel speaks."""
    if not votes:
        return None
    price = _majority(votes, rules) if rules.right_price is RightPrice.MAJORITY else None
    if price is None:
        price = min(claim.price for claim in votes)
    makers = [claim for claim in votes if agrees(claim.price, price, rules)]
    return expected_at(price, makers)._replace(alone=len(votes) == 1)


def expected_at(price: Decimal, makers: Sequence[Claim]) -> Expected:
    """The expectation of `price`, made by `makers`."""
    promoted = any(is_promotion(claim) for claim in makers if claim.price == price)
    return Expected(price, tuple(makers), promoted)


def _majority(votes: Sequence[Claim], rules: ConsistencyRules) -> Decimal | None:
    """The price that more than half of the votes agree with.

    Prices within the tolerance support each other; of several such prices the one named most
    often counts, then the lowest.
    """
    prices = [claim.price for claim in votes]

    def standing(price: Decimal) -> tuple[int, int, Decimal]:
        support = sum(agrees(other, price, rules) for other in prices)
        return support, prices.count(price), -price

    best = max(set(prices), key=standing)
    return best if standing(best)[0] * 2 > len(prices) else None


def severity_of(observed: Decimal, expected: Decimal, rules: ConsistencyRules) -> Severity:
    """How bad a deviation is: an overcharge is worse than an undercharge, a gross error worst."""
    bounds = rules.severity
    if abs(observed - expected) * 100 <= bounds.low_within_percent * expected:
        return Severity.LOW
    if observed > expected:
        gross = observed * 100 > bounds.gross_above_percent * expected
        return Severity.CRITICAL if gross else Severity.HIGH
    gross = observed * 100 < bounds.gross_below_percent * expected
    return Severity.HIGH if gross else Severity.MEDIUM

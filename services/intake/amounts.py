"""Exact amounts of foreign orders: how they are written, and how one of a whole order is spread.

Shared by the formats. Parts of an amount make it up exactly; nothing is rounded away.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from schemas.currency import digits_of
from services.intake.fields import NotTaken

ZERO, CENT = Decimal(0), Decimal("0.01")
PLACES_MAX = 4
"""Decimals of an amount in the contract."""


def plain(amount: Decimal, path: str) -> str:
    """An amount as the contract writes it: digits, and a point before at most four decimals."""
    if _exponent(amount.normalize()) < -PLACES_MAX:
        raise NotTaken(path, f"at most {PLACES_MAX} decimals")
    return f"{amount:f}"


def shares(amount: Decimal, weights: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """The amount in parts in proportion to the weights, in whole steps but for the last one that
    weighs anything, which takes what is left: the parts make up the amount exactly."""
    whole, left = sum(weights, ZERO), amount
    parts = [ZERO] * len(weights)
    bearing = [place for place, weight in enumerate(weights) if weight]
    for place in bearing[:-1]:
        parts[place] = (amount * weights[place] / whole).quantize(step, ROUND_HALF_EVEN)
        left -= parts[place]
    if bearing:
        parts[bearing[-1]] = left
    return parts


def step_of(currency: str) -> Decimal:
    """The smallest amount that is paid in a currency."""
    return Decimal(1).scaleb(-digits_of(currency))


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int), "amounts are finite"
    return exponent

"""Building blocks of every contract: bounded strings, exact money, zone-aware times.

Every string and list has a limit, so one event can never grow without bound.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Contract(BaseModel):
    """A frozen value. Fields unknown to the contract stay in the stored payload and are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        use_attribute_docstrings=True,
        defer_build=True,  # most bodies are only ever validated as part of the union
    )


Code = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
"""A short technical name or number (≤ 100 characters)."""
OptionalCode = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
"""Like Code; the empty string says "not given"."""
Title = Annotated[str, StringConstraints(max_length=300)]
"""One line a person reads (≤ 300 characters)."""
Text = Annotated[str, StringConstraints(max_length=8000)]
"""A message, a comment, a complaint (≤ 8,000 characters)."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 alphabetic code."""
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2 code."""
Money = Annotated[Decimal, Field(max_digits=15, decimal_places=4, allow_inf_nan=False)]
"""An exact amount, at most 4 decimals; its currency is a field of its own. Never a float. With 11
digits before the point the sum of 500 lines still fits its column."""
CENT = Decimal("0.01")


def written_money(amount: Decimal) -> Decimal:
    """The one written form of an amount: two decimals, more only where they are not zero."""
    cents = amount.quantize(CENT)
    return cents if cents == amount else amount.normalize()


WrittenMoney = Annotated[Decimal, AfterValidator(written_money)]
"""An amount as it is printed, comparable byte for byte."""
Quantity = Annotated[Decimal, Field(max_digits=15, decimal_places=4, allow_inf_nan=False)]
"""Pieces, or kilograms of weighed goods; at most 4 decimals."""
Rate = Annotated[Decimal, Field(max_digits=7, decimal_places=4, ge=0, le=1, allow_inf_nan=False)]
"""A share between 0 and 1."""
Instant = AwareDatetime
"""RFC 3339 time with its zone."""

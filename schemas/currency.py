"""Amounts as they are written: with the digits that their currency has.

Amounts are stored exactly, with four decimals, whatever the currency. Writing never rounds: digits
beyond those of the currency stay where they are not zero.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import BaseModel, model_validator

USUAL_DIGITS = 2
DIGITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
"""Decimals by currency, where ISO 4217 has not two."""


def digits_of(currency: str) -> int:
    """How many decimals amounts in a currency have; two if it is unknown."""
    return DIGITS.get(currency, USUAL_DIGITS)


def written_money(amount: Decimal, currency: str) -> Decimal:
    """The one written form of an amount, comparable byte for byte: `12.50` EUR, `1250` JPY,
    `12.500` KWD, and more decimals only where they are not zero."""
    exact = amount.quantize(Decimal(1).scaleb(-digits_of(currency)))
    return exact if exact == amount else amount.normalize()


class Priced(BaseModel):
    """A model whose amounts are written with the digits of their currency.

    Decimals are amounts in its field `currency`; of a map of decimals the names are the currencies.
    """

    @model_validator(mode="after")
    def _write_amounts(self) -> Self:
        values = vars(self)
        for name, value in values.items():
            if isinstance(value, Decimal):
                values[name] = written_money(value, values["currency"])
            elif isinstance(value, dict) and any(
                isinstance(one, Decimal) for one in value.values()
            ):
                values[name] = {key: written_money(one, key) for key, one in value.items()}
        return self

"""What a retailer names in its own words: events that no type of the contract stands for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Flag, Text
from schemas.scalars import Written

PROPERTIES_MAX = 500


class CustomProperty(Contract):
    """One property of an event, by its name."""

    name: Annotated[str, Written(300, min_length=1)]
    """As the sender writes it; the parts of a nested one are joined by points: `products.0.sku`."""
    value: Text = ""
    """What it says, as text."""


class CustomTracked(Contract):
    """Something happened that the retailer has a name of its own for.

    It stands in the history of the customer and can be looked for; no measure counts it, and no
    incident is judged from it.
    """

    name: Annotated[str, Written(300, min_length=1, strip=True)]
    """What happened, in the words of the retailer: `Trial Started`."""
    properties: Annotated[list[CustomProperty], Field(max_length=PROPERTIES_MAX)] = Field(
        default=[]
    )
    """What is known of it."""
    by_customer: Flag = False
    """The customer did it, and not a system on its own: a sign of life."""

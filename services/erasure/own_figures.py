"""Figures of the retailer within events of a customer, which no export for the customer holds.

What goods cost and what an order contributes says nothing of the customer that the price does not
say, and is a trade secret (GDPR, recital 63). Pure.
"""

from __future__ import annotations

from typing import Any

from schemas.events.messages import CampaignPublished
from schemas.events.orders import OrderCancelled, OrderPlaced, OrderReturned
from schemas.touchpoint import types_with

OF_LINES = types_with(OrderPlaced, OrderCancelled, OrderReturned)
OF_BODIES = types_with(CampaignPublished)
FIGURES = ("cost", "margin")


def without_own_figures(event: Any) -> Any:
    """A stored event as parsed JSON, changed in place: without `cost` and `margin`. Anything else
    than an event stays as it is."""
    body = event.get("body") if isinstance(event, dict) else None
    if isinstance(body, dict):
        kind = event.get("type")
        kind = kind if isinstance(kind, str) else ""
        lines = body.get("lines") if kind in OF_LINES else None
        bearers = [body] if kind in OF_BODIES else []
        bearers += [one for one in lines if isinstance(one, dict)] if type(lines) is list else []
        for one in bearers:
            for name in FIGURES:
                one.pop(name, None)
    return event


def remove_own_figures(document: Any) -> bool:
    """Remove `cost` and `margin` wherever they stand in parsed JSON: what was rejected may be of
    any form. Whether there were any. Changed in place, however deeply it is nested."""
    found, left = False, [document]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            for name in FIGURES:
                if name in one:
                    found = True
                    del one[name]
            left += one.values()
        elif isinstance(one, list):
            left += one
    return found

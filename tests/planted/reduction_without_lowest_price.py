"""A former price above the lowest of the last thirty days, and reductions that are right."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer

DAY = 24


def plant(at: datetime, tag: str) -> Planted:
    """Only the second promotion of one product is measured from too high a price; another product's
    grows step by step, and a third one's is measured from a recommended price."""
    make = Sayer(at, tag)
    wrong, right, recommended = f"{tag}-wrong", f"{tag}-right", f"{tag}-recommended"

    def offer(sku: str, days: float, price: str, **fields: object) -> dict[str, object]:
        return make.said(
            "offer.published", "shop", days * DAY, {"sku": sku, "price": price, **fields}
        )

    events = [offer(sku, 0, "13.00") for sku in (wrong, right, recommended)]
    week = {"sale_kind": "promotion", "valid_to": make.after(39 * DAY).isoformat()}
    events += [
        offer(wrong, 32, "10.00", former_price="13.00", **week),
        offer(wrong, 45, "11.00", former_price="13.00", sale_kind="promotion"),
        offer(right, 32, "11.00", former_price="13.00", sale_kind="clearance"),
        offer(right, 45, "9.00", reduction_percent="31", sale_kind="clearance"),
        offer(recommended, 32, "10.00", **week),
        offer(recommended, 45, "10.00", recommended_price="20.00", reduction_percent="50"),
    ]
    expected = {
        "kind": "reduction_without_lowest_price",
        "sku": wrong,
        "channel": "shop",
        "state": "open",
        "cause": "no_reduction",
    }
    return Planted(events, [expected])

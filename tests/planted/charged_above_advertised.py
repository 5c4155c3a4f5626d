"""A mailing and the price list agree on an offer, and one till charges the old price."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Json, Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The till of one store is told, once; another one follows, and a coupon lowers no price."""
    make = Sayer(at, tag)
    mailed: Json = {
        "sku": tag,
        "price": "8.00",
        "sale_kind": "promotion",
        "promotion": tag,
        "valid_from": make.after(48).isoformat(),
        "valid_to": make.after(216).isoformat(),
    }
    events = [make.said("offer.published", "shop", 0, {"sku": tag, "price": "10.00"})]
    events += [make.said("offer.published", channel, 24, mailed) for channel in ("shop", "email")]
    coupon = [{"kind": "coupon", "amount": "1.00"}]
    for hours, store, price, discounts in (
        (47, "north", "10.00", []),
        (50, "south", "8.00", coupon),
        (60, "north", "10.00", []),
        (70, "north", "10.00", []),
        (217, "north", "10.00", []),
    ):
        line: Json = {"sku": tag, "unit_price": price, "total": price, "discounts": discounts}
        body: Json = {"order_id": f"{tag}-{hours}", "lines": [line]}
        source = {"system": "till", "store": f"{tag}-{store}"}
        events.append(make.said("order.placed", "pos", hours, body, source=source))
    expected = {
        "kind": "charged_above_advertised",
        "sku": tag,
        "channel": "pos",
        "location": f"{tag}-north",
        "state": "resolved",
        "severity": "critical",
        "cause": "advertised_price_not_applied",
        "observed": "10.00",
        "expected": "8.00",
        "exposure": {
            "touchpoints": 2,
            "customers": 0,
            "orders": 2,
            "overcharged": "4.00",
            "undercharged": "0.00",
        },
    }
    return Planted(events, [expected])

"""A price rises everywhere but in the app."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The app stays behind; a personal coupon and the price of a third-party seller are none."""
    make = Sayer(at, tag)
    events = [
        make.said("offer.published", channel, hours, {"sku": tag, "price": price})
        for channel, hours, price in (
            ("shop", 0, "10.00"),
            ("pos", 0, "10.00"),
            ("app", 0, "10.00"),
            ("shop", 96, "12.00"),
            ("pos", 96, "12.00"),
        )
    ]
    other = {"sku": tag, "price": "7.00", "seller": "other"}
    coupon = {
        "order_id": tag,
        "lines": [
            {
                "sku": tag,
                "unit_price": "10.00",
                "total": "9.00",
                "discounts": [{"kind": "coupon", "amount": "1.00"}],
            }
        ],
    }
    events += [
        make.said("offer.published", "shop", 24, other),
        make.said("order.placed", "shop", 48, coupon),
    ]
    expected = {
        "kind": "price_mismatch",
        "sku": tag,
        "channel": "app",
        "state": "open",
        "observed": "10.00",
        "expected": "12.00",
    }
    return Planted(events, [expected])

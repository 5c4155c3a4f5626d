"""A price rises everywhere but in the app, which also knows an article by its GTIN only."""

from __future__ import annotations

import zlib
from datetime import datetime

from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The app stays behind; a personal coupon and the price of a third-party seller are none.

    Of another article the app knows the GTIN only, and is wrong; of a third it is right.
    """
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
    numbers = [gtin(f"{tag}-{name}") for name in "ab"]
    for number, name, dear in zip(numbers, "ab", ("13.00", "10.00"), strict=True):
        both = {"sku": f"{tag}-{name}", "gtin": number, "price": "10.00"}
        events += [
            make.said("offer.published", "shop", 0, both),
            make.said("offer.published", "pos", 0, both),
            make.said("offer.published", "app", 24, {"gtin": f"0{number}", "price": dear}),
        ]
    expected = {
        "kind": "price_mismatch",
        "sku": tag,
        "channel": "app",
        "state": "open",
        "observed": "10.00",
        "expected": "12.00",
    }
    by_gtin = expected | {"sku": numbers[0], "observed": "13.00", "expected": "10.00"}
    return Planted(events, [expected, by_gtin])


def gtin(name: str) -> str:
    """A GTIN of 13 digits; names that differ have others."""
    digits = f"40{zlib.crc32(name.encode()):010}"
    total = sum(int(one) * (1, 3)[at % 2] for at, one in enumerate(digits))
    return f"{digits}{-total % 10}"

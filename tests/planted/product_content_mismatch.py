"""A pack shrinks, and the app still names the old one."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """The app stays behind; other spellings, a rounded unit price and a variant are none."""
    make = Sayer(at, tag)
    old = {"pack_content": 500, "pack_unit": "g"}
    new = {"pack_content": 0.45, "pack_unit": "kg"}
    rounded = {"unit_price": "4.42", "unit_price_unit": "kg", "price": "1.99", **new}
    said = (
        ("shop", 0, {**old, "title": "Alpenmilch 500g"}),
        ("pos", 0, {"pack_content": 0.5, "pack_unit": "kg", "title": "ALPENM. SCHOK. 0,5 KG"}),
        ("app", 0, old),
        ("shop", 96, {**rounded, "title": "Alpenmilch 450g"}),
        ("pos", 96, {**new, "title": "ALPENM. SCHOK. 0,45 KG"}),
        ("app", 120, {**new, "variant": "nuts"}),
        ("shop", 144, {**rounded, "title": "Alpenmilch 450g"}),
    )
    events = [
        make.said("offer.published", channel, hours, {"sku": tag, **fields})
        for channel, hours, fields in said
    ]
    expected = {
        "kind": "product_content_mismatch",
        "sku": tag,
        "channel": "app",
        "state": "open",
        "cause": "stale_product_content",
        "field": "pack",
        "observed": "0.5 kg",
        "expected": "0.45 kg",
    }
    return Planted(events, [expected])

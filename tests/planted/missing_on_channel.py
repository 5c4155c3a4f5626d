"""A product that channels lack. By default nobody is asked for it, so nothing is reported."""

from __future__ import annotations

from datetime import datetime

from tests.planted import Planted, Sayer

RULES = {"carries": {"shop": ["pos"]}}
"""Rules of this kind under which exactly `missing` is reported, open."""


def missing(tag: str) -> str:
    """The product that the shop never shows."""
    return f"{tag}-missing"


def plant(at: datetime, tag: str) -> Planted:
    """Of five products that the tills publish the shop lacks one. One is only seen, one withdrawn,
    one sold in a store only, and one out of stock."""
    make = Sayer(at, tag)
    there = {"price": "2.49", "availability": "in_stock"}
    said = (
        ("pos", 0, missing(tag), there),
        ("pos", 0, f"{tag}-seen", there),
        ("pos", 0, f"{tag}-gone", there),
        ("pos", 0, f"{tag}-store", {**there, "location": tag}),
        ("pos", 0, f"{tag}-stock", {**there, "availability": "out_of_stock"}),
        ("pos", 200, f"{tag}-gone", {"availability": "discontinued"}),
        *(("pos", 24 * day, missing(tag), there) for day in range(5, 75, 10)),
        *(("pos", 24 * day, f"{tag}-seen", there) for day in range(5, 75, 10)),
    )
    events = [
        make.said("offer.published", channel, hours, {"sku": sku, **fields})
        for channel, hours, sku, fields in said
    ]
    seen = {"sku": f"{tag}-seen", "price": "2.49"}
    events.append(make.said("product.viewed", "shop", 100, {"sku": seen["sku"], "offer": seen}))
    return Planted(events, [])

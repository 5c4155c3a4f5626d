"""Purchases that were published with the figures that models make of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

CDNOW = Path(__file__).parent / "data" / "cdnow" / "CDNOW_sample.txt.gz"
"""See the README beside it."""
CALIBRATED = date(1997, 10, 1)
"""The models were fitted on the 39 weeks before; 39 more follow."""


class PublishedPurchase(NamedTuple):
    """What a customer bought on a day."""

    customer: int
    day: date
    dollars: Decimal


def cdnow() -> Iterator[PublishedPurchase]:
    """All purchases of the sample, by customer and day."""
    for line in gzip.decompress(CDNOW.read_bytes()).decode().splitlines():
        _, customer, day, _, dollars = line.split()
        yield PublishedPurchase(int(customer), date.fromisoformat(day), Decimal(dollars))

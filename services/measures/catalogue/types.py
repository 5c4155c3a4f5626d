"""Types of customers: groups of buyers who resemble each other in how they buy.

What is compared are recency, frequency and money, the shares of reduced and returned goods, service
contacts, channels and categories. The value says how well the groups are told apart (silhouette).
Beside it stands the share of each type, and in what it differs most from all buyers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log1p
from typing import Any, NamedTuple

from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell, Flag
from services.runtime.errors import ConfigurationError

BUYERS_MIN = 200
SAMPLE_MAX = 5_000
"""So many buyers, the same each time, say which types there are."""
CATEGORIES_MAX = 20
TRAITS_MAX = 5
MISSING = "this measure needs NumPy, which is not installed: pip install 'customer360[insights]'"
PLAIN = ("recency", "frequency", "money", "reduced", "returned", "service_contacts")


class TypicalBuyer(NamedTuple):
    """What one buyer of the window did."""

    recency_days: int
    occasions: int
    revenue: float
    reduced: float
    """The part of the revenue that was sold at a reduction."""
    returned: float
    """The part of it that came back."""
    contacts: int
    channels: Sequence[float]
    """The part of the orders on each channel."""
    categories: Sequence[float]
    """The part of the orders with each category."""
    channel_names: Sequence[str]
    category_names: Sequence[str]
    buyers: int
    """Of all, also those who are not in the sample."""


class TypicalBuyers(NamedTuple):
    """What the measure is made of."""

    buyers: Sequence[TypicalBuyer]


def compute(rows: TypicalBuyers, _context: MeasureContext) -> Figures:
    """See the module. Raises ConfigurationError without NumPy."""
    buyers = sorted(rows.buyers)
    total = buyers[0].buyers if buyers else 0
    nothing = Figures(total, None, "", None, {"buyers": total, "types": 0}, [])
    if len(buyers) < BUYERS_MIN:
        return nothing._replace(flags=[Flag.SMALL_SAMPLE])
    try:
        import numpy as np

        from services.measures.core.clusters import clusters, standardised
    except ModuleNotFoundError as error:
        raise ConfigurationError(MISSING, reason="insights_missing") from error
    names = [
        *PLAIN, *(f"channel {one}" for one in buyers[0].channel_names),
        *(f"category {one}" for one in buyers[0].category_names),
    ]  # fmt: skip
    points = standardised(np.array([_features(one) for one in buyers], dtype=np.float64))
    found = clusters(points)
    if found is None:
        return nothing._replace(flags=[Flag.NO_FIT])
    groups = [np.flatnonzero(found.labels == label) for label in np.unique(found.labels)]
    # The type that spends most is the first: numbers of groups mean nothing else.
    groups.sort(
        key=lambda those: (-sum(buyers[one].revenue for one in those) / len(those), those[0])
    )
    cells = list[Cell]()
    for number, those in enumerate(groups, 1):
        means = [float(one) for one in points[those].mean(axis=0)]
        cells += _cells(number, len(those), len(buyers), dict(zip(names, means, strict=True)))
    counts = {"buyers": total, "types": len(groups)}
    return nothing._replace(value=found.silhouette, counts=counts, breakdown=cells)


def _features(one: TypicalBuyer) -> list[float]:
    """In the order of the names; what has a long tail by its logarithm."""
    return [
        log1p(one.recency_days), log1p(one.occasions), log1p(max(0.0, one.revenue)), one.reduced,
        one.returned, log1p(one.contacts), *one.channels, *one.categories,
    ]  # fmt: skip


def _cells(number: int, persons: int, of: int, means: Mapping[str, float]) -> Iterator[Cell]:
    """The share of a type, and the features in which it differs most, in standard deviations."""
    yield Cell(by="type", key=str(number), n=persons, value=persons / of, unit=SHARE)
    most = sorted(means, key=lambda name: (-abs(means[name]), name))[:TRAITS_MAX]
    for name in most:
        yield Cell(by=f"type_{number}", key=name, n=persons, value=means[name], unit="")


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statement asks for."""
    return {
        "interaction_kinds": ["case", "purchase"],
        "sample_max": SAMPLE_MAX,
        "categories_max": CATEGORIES_MAX,
    }


MEASURE = Measure(
    "types",
    1,
    "Types of buyers who resemble each other",
    PERSONS,
    TypicalBuyers,
    compute,
    parameters,
)

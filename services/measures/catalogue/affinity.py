"""Affinity: pairs of articles that customers buy together more often than by chance.

Support is the share of orders with both, confidence that of the orders with one which have the
other, lift how many times as often both are as by chance. A pair is shown if chance is ruled out by
the ratio of likelihoods G² (Dunning, Computational Linguistics 19, 1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any, NamedTuple

from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell

BASKETS_MIN = 20
G2_MIN = 10.83
"""A pair without affinity is above it once in a thousand times."""
SKUS_MAX = 50
"""Of an order with more articles so many are looked at, the first ones by name."""
CANDIDATES_MAX, PAIRS_MAX = 10_000, 50
JOINT = " + "


class BoughtTogether(NamedTuple):
    """Two articles in one order."""

    first: str
    second: str
    persons: int
    """Who bought both at once."""
    both: int
    """Orders with both."""
    with_first: int
    with_second: int


class AllBaskets(NamedTuple):
    """All orders that name an article."""

    persons: int
    baskets: int


class AffinityRows(NamedTuple):
    """What the measure is made of."""

    baskets: Sequence[AllBaskets]
    pairs: Sequence[BoughtTogether]


class PairStrength(NamedTuple):
    """How two articles belong together."""

    support: float
    confidence: float
    """The share of the orders with the first that have the second."""
    lift: float
    jaccard: float
    """Orders with both in those with either."""
    g2: float


def strength(pair: BoughtTogether, baskets: int) -> PairStrength:
    """How two articles of so many orders belong together."""
    both, first, second = pair.both, pair.with_first, pair.with_second
    cells = (
        (both, first * second),
        (first - both, first * (baskets - second)),
        (second - both, (baskets - first) * second),
        (baskets - first - second + both, (baskets - first) * (baskets - second)),
    )
    g2 = 2 * sum(seen * log(seen * baskets / by_chance) for seen, by_chance in cells if seen)
    return PairStrength(
        both / baskets,
        both / first,
        both * baskets / (first * second),
        both / (first + second - both),
        g2,
    )


def compute(rows: AffinityRows, _context: MeasureContext) -> Figures:
    """See the module."""
    persons = sum(one.persons for one in rows.baskets)
    baskets = sum(one.baskets for one in rows.baskets)
    strong = sorted(
        (-found.g2, pair, found)
        for pair in rows.pairs
        if pair.persons >= GROUP_MIN
        and (found := strength(pair, baskets)).g2 > G2_MIN
        and found.lift > 1
    )
    counts = {"persons": persons, "orders": baskets, "pairs": len(strong)}
    cells = [
        Cell(by=by, key=f"{pair.first}{JOINT}{pair.second}", n=pair.persons, value=value, unit=unit)
        for _, pair, found in strong[:PAIRS_MAX]
        for by, value, unit in (
            ("lift", found.lift, ""),
            ("support", found.support, SHARE),
            ("confidence", found.confidence, SHARE),
            ("jaccard", found.jaccard, SHARE),
        )
    ]
    return Figures(persons, float(len(strong)), "pairs", None, counts, cells)


def parameters(_context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {
        "baskets_min": BASKETS_MIN,
        "skus_max": SKUS_MAX,
        "candidates_max": CANDIDATES_MAX,
    }


MEASURE = Measure(
    "affinity",
    1,
    "Pairs of articles that are bought together more often than by chance",
    PERSONS,
    AffinityRows,
    compute,
    parameters,
)

"""Search quality: the share of searches that find nothing; and those that lead nowhere.

A search leads nowhere if nothing is looked at, or put into a cart, within ten minutes. The terms
that fail most often are shown if five or more visitors searched for them; what may be an address or
a number of somebody is masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import EVERYBODY, GROUP_MIN
from services.measures.core.result import SHARE
from services.measures.core.shares import share_cell

TERMS_MAX = 50


class SearchCounts(NamedTuple):
    """All searches."""

    persons: int
    searches: int
    nothing_found: int
    finders: int
    """Visitors who found something."""
    no_click: int
    """Something was found, and nothing was looked at."""
    no_cart: int
    """Something was found, and nothing was put into a cart."""


class SearchTerm(NamedTuple):
    """Searches for the same."""

    shown: str
    persons: int
    searches: int
    failed: int
    """Nothing was found, or nothing followed."""


class Searches(NamedTuple):
    """What the measure is made of."""

    searches: Sequence[SearchCounts]
    terms: Sequence[SearchTerm]


def compute(rows: Searches, _context: MeasureContext) -> Figures:
    """See the module."""
    [total] = rows.searches or [SearchCounts(*[0] * 6)]
    value, interval = share(total.nothing_found, total.searches)
    found = total.searches - total.nothing_found
    counts = {
        "visitors": total.persons, "searches": total.searches,
        "nothing_found": total.nothing_found, "no_click": total.no_click,
        "no_cart": total.no_cart,
    }  # fmt: skip
    cells = [
        share_cell("figure", "no_click", total.finders, total.no_click, found),
        share_cell("figure", "no_cart", total.finders, total.no_cart, found),
    ]
    for one in sorted(rows.terms, key=lambda term: (-term.failed, term.shown)):
        cells.append(share_cell("term", one.shown, one.persons, one.failed, one.searches))
    return Figures(total.persons, value, SHARE, interval, counts, cells)


MEASURE = Measure(
    "search_quality",
    1,
    "Share of searches that find nothing, and which terms fail most often",
    EVERYBODY,
    Searches,
    compute,
    lambda _: {
        "interaction_kinds": ["browsing"],
        "persons_min": GROUP_MIN,
        "terms_max": TERMS_MAX,
    },
)

"""Referrals: the share of customers who recommended the retailer, and of new ones who were sent.

How many new customers each of them brings on in turn is not computed: there are too few referrals
for such a factor to mean anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.intervals import share
from services.measures.core.measure import Betrayal, Figures, Measure, MeasureContext
from services.measures.core.population import PERSONS
from services.measures.core.result import SHARE, Cell
from services.measures.core.shares import share_cell

PER_HUNDRED = 100


class ReferralGroup(NamedTuple):
    """Persons with an order before the end of the window."""

    is_customer: bool
    """At the end of it."""
    is_new: bool
    """Their first order of all lies in it."""
    has_referred: bool
    """They recommended the retailer in it."""
    was_referred: bool
    """They came by a recommendation."""
    praised: int
    """How many good reviews each of them wrote in it."""
    persons: int


class ReferralRows(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[ReferralGroup]


def compute(rows: ReferralRows, _context: MeasureContext) -> Figures:
    """See the module."""
    customers = [one for one in rows.groups if one.is_customer]
    persons = sum(one.persons for one in customers)
    referrers = sum(one.persons for one in customers if one.has_referred)
    new = sum(one.persons for one in rows.groups if one.is_new)
    referred = sum(one.persons for one in rows.groups if one.is_new and one.was_referred)
    reviews = sum(one.persons * one.praised for one in customers)
    value, interval = share(referrers, persons)
    counts = {
        "customers": persons, "referrers": referrers, "new_customers": new, "referred": referred,
        "good_reviews": reviews,
    }  # fmt: skip
    cells = [
        share_cell("figure", "referred_share", new, referred, new),
        Cell(
            by="figure", key="good_reviews", n=persons, unit="per_hundred",
            value=PER_HUNDRED * reviews / persons if persons else None,
        ),
    ]  # fmt: skip
    betrayals = [Betrayal(name, "referred_share") for name in ("new_customers", "referred")]
    return Figures(persons, value, SHARE, interval, counts, cells, betrayals=betrayals)


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    worst, best = context.rules.review_scale
    return {
        "interaction_kinds": ["word_of_mouth"],
        "active_days": context.rules.active_days,
        "good_rating": (worst + 3 * best) / 4,
    }


MEASURE = Measure(
    "referral",
    1,
    "Share of customers who recommended the retailer",
    PERSONS,
    ReferralRows,
    compute,
    parameters,
)

"""Why customers stay: for quality, price, service, or something else; and how loyal they are then.

The reason is an answer of the survey of the loyalty index. A response without one does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.measures.core.answers import instrument
from services.measures.core.intervals import share
from services.measures.core.loyalty_index import IndexGroup, index_cell
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import SHARE, Cell

REASONS = ("quality", "price", "service", "other")


class ReasonGroup(NamedTuple):
    """The responses that give one reason."""

    reason: str
    """One of REASONS; `other` for every other word, too."""
    respondents: int
    responses: int
    whole_respondents: int
    """With all three answers of the index."""
    whole: int
    """Responses with all three."""
    total: float
    """Sum of their indices."""
    squares: float
    """Sum of the squares of these."""


class Reasoned(NamedTuple):
    """Whoever gave a reason."""

    respondents: int


class Reasons(NamedTuple):
    """What the measure is made of."""

    reasons: Sequence[ReasonGroup]
    everybody: Sequence[Reasoned]


def compute(rows: Reasons, context: MeasureContext) -> Figures:
    """See the module. The value is the share of the most frequent reason."""
    groups = sorted(rows.reasons, key=lambda one: (-one.responses, REASONS.index(one.reason)))
    n = sum(one.respondents for one in rows.everybody)
    responses = sum(one.responses for one in groups)
    value, interval = share(groups[0].responses if groups else 0, responses)
    counts = dict.fromkeys(REASONS, 0) | {one.reason: one.responses for one in groups}
    return Figures(n, value, SHARE, interval, counts, list(_cells(groups, responses)))


def _cells(groups: Sequence[ReasonGroup], responses: int) -> Iterator[Cell]:
    for one in groups:
        value, interval = share(one.responses, responses)
        yield Cell(
            by="reason",
            key=one.reason,
            n=one.respondents,
            value=value,
            unit=SHARE,
            interval=interval,
        )
    for one in groups:
        yield index_cell(
            IndexGroup(
                "index", one.reason, one.whole_respondents, one.whole, 0, one.total, one.squares
            )
        )


MEASURE = Measure(
    "cli_reasons",
    1,
    "Why customers stay, and how loyal they are for each reason",
    RESPONDENTS,
    Reasons,
    compute,
    instrument("cli"),
)

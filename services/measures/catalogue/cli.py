"""Customer loyalty index: would customers recommend us, buy again, and try something else?

Each of the three answers is brought to a scale from 0 to 100; the index of a response is their
mean, and needs all three. Why customers stay is `cli_reasons`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.measures.core.answers import by_group, instrument, of_all
from services.measures.core.loyalty_index import NOBODY, IndexGroup, index_cell
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import RESPONDENTS
from services.measures.core.result import POINTS


class LoyaltyAnswers(NamedTuple):
    """What the measure is made of."""

    groups: Sequence[IndexGroup]


def compute(rows: LoyaltyAnswers, context: MeasureContext) -> Figures:
    """See the module."""
    whole = of_all(rows.groups) or NOBODY
    found = index_cell(whole)
    counts = {"responses": whole.responses, "incomplete": whole.incomplete}
    cells = list(by_group(rows.groups, index_cell))
    return Figures(whole.respondents, found.value, POINTS, found.interval, counts, cells)


MEASURE = Measure(
    "cli",
    1,
    "Customer loyalty index: recommend, buy again, try something else",
    RESPONDENTS,
    LoyaltyAnswers,
    compute,
    instrument("cli"),
)

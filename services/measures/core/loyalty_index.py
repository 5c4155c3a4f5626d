"""The loyalty index of responses, by group: a mean from 0 to 100."""

from __future__ import annotations

from typing import NamedTuple

from services.measures.core.answers import shown_key
from services.measures.core.intervals import Moments
from services.measures.core.result import POINTS, Cell


class IndexGroup(NamedTuple):
    """The responses of a group."""

    by: str
    key: str
    respondents: int
    """With all three answers."""
    responses: int
    """With all three answers."""
    incomplete: int
    """One of the three is missing, or off its scale."""
    total: float
    """Sum of the indices."""
    squares: float
    """Sum of their squares."""

    @property
    def moments(self) -> Moments:
        """Of the indices."""
        return Moments(self.responses, self.total, self.squares)


NOBODY = IndexGroup("", "", 0, 0, 0, 0, 0)


def index_cell(group: IndexGroup, by: str = "") -> Cell:
    """The mean index of a group."""
    return Cell(
        by=by or group.by,
        key=shown_key(group),
        n=group.respondents,
        value=group.moments.mean,
        unit=POINTS,
        interval=group.moments.interval,
    )

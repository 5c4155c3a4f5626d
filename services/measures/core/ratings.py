"""What measures of ratings share: answers or reviews with a number of stars, by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.measures.core.answers import by_group, of_all, shown_key
from services.measures.core.intervals import Moments, share
from services.measures.core.measure import Figures
from services.measures.core.result import POINTS, SHARE, Cell, Flag


class RatingGroup(NamedTuple):
    """The ratings of a group."""

    by: str
    key: str
    respondents: int
    """Of valid ratings."""
    ratings: int
    """Valid ones."""
    top_two: int
    """The best on its scale, and the next."""
    invalid: int
    """Off the scale, or not whole."""
    scales: int
    """How many different ones."""
    total: float
    """Sum of the valid ones."""
    squares: float
    """Sum of their squares."""


NOBODY = RatingGroup("", "", 0, 0, 0, 0, 0, 0, 0)
STARS = "stars"
"""The dimension of ratings themselves: a histogram."""


def figures(rows: Sequence[RatingGroup], *flags: Flag) -> Figures:
    """The mean, the share of the two best, a histogram, and the mean of each group."""
    whole = of_all(rows) or NOBODY
    mean = _mean(whole, flags)
    counts = {"ratings": whole.ratings, "top_two": whole.top_two, "invalid": whole.invalid}
    groups = [row for row in rows if row.by != STARS]
    cells = [
        *_shares(whole, [row for row in rows if row.by == STARS], flags),
        *by_group(groups, lambda row: _mean(row, flags)),
    ]
    return Figures(whole.respondents, mean.value, POINTS, mean.interval, counts, cells, mean.flags)


def _mean(row: RatingGroup, flags: Sequence[Flag]) -> Cell:
    moments = Moments(row.ratings, row.total, row.squares)
    is_one = row.scales <= 1
    return Cell(
        by=row.by,
        key=shown_key(row),
        n=row.respondents,
        value=moments.mean if is_one else None,
        unit=POINTS,
        interval=moments.interval if is_one else None,
        flags=[*flags] if is_one else [*flags, Flag.MIXED_SCALE],
    )


def _shares(
    whole: RatingGroup, stars: Sequence[RatingGroup], flags: Sequence[Flag]
) -> Iterator[Cell]:
    shares = [("figure", "top_two", whole.respondents, whole.top_two)]
    shares += [(STARS, row.key, row.respondents, row.ratings) for row in stars]
    for by, key, n, hits in sorted(shares):
        value, interval = share(hits, whole.ratings)
        yield Cell(by=by, key=key, n=n, value=value, unit=SHARE, interval=interval, flags=[*flags])

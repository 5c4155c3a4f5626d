"""Rows of measures of ratings."""

from __future__ import annotations

from services.measures.core.ratings import RatingGroup

RATINGS = (5, 5, 5, 4, 3, 1, 1, 1)


def group(by: str, key: str, *ratings: int, scales: int = 1) -> RatingGroup:
    """Ratings, each of somebody else."""
    top, n = sum(one >= 4 for one in ratings), len(ratings)
    return RatingGroup(by, key, n, n, top, 0, scales, sum(ratings), sum(r * r for r in ratings))


ROWS = [
    group("", "", *RATINGS),
    *(group("stars", str(one), *[one] * RATINGS.count(one)) for one in (1, 3, 4, 5)),
    group("store", "s1", 5, 5, 1),
    group("store", "", 5, 4, 3, 1, 1),
]

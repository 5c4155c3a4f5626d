"""Which articles go with which: cosine between articles over those who looked at, kept or bought
them (Sarwar and others, WWW 2001), and whether that foretells more than what sells best.

Customers and articles are rows and columns of matrices. Articles stand in the order of what sells
best, so that a stable sort fills a list with these. Needs numpy.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Bits = NDArray[np.bool_]
LISTED = 10
"""So many articles are recommended."""
NEAREST = 5
"""So many articles go with one."""
PART = 1_000
"""So many customers are judged at a time."""
SURE = 1.96
"""Standard deviations by which more hits must differ from chance: one in twenty."""


class Hits(NamedTuple):
    """How often the last order held one of the articles that would have been recommended."""

    checked: int
    """Customers with an order, and something known before it."""
    recommended: int
    popular: int
    """By what sells best instead."""
    only_recommended: int
    only_popular: int

    @property
    def is_better(self) -> bool:
        """Whether what sells best does worse, beyond chance (McNemar, Psychometrika 12, 1947)."""
        more = self.only_recommended - self.only_popular
        return more > SURE * sqrt(self.only_recommended + self.only_popular)


def nearness(weights: Numbers, persons_min: int) -> Numbers:
    """The cosine between the columns, of the NEAREST of each row alone; 0 for an article with
    itself, and where fewer persons know both."""
    products = weights.T @ weights
    lengths = np.sqrt(np.diag(products))
    known = (weights > 0).astype(np.float64)
    scale = np.outer(lengths, lengths)
    found = np.where(known.T @ known >= persons_min, products / np.where(scale > 0, scale, 1), 0)
    np.fill_diagonal(found, 0)
    # Equal articles of different lengths differ in the last digits: these decide nothing.
    found = np.round(found, 9)
    far = np.argsort(-found, axis=1, kind="stable")[:, NEAREST:]
    np.put_along_axis(found, far, 0, axis=1)
    return np.asarray(found, dtype=np.float64)


class ShopperMatrices(NamedTuple):
    """A row for each customer, a column for each article."""

    weights: Numbers
    """What the customer has to do with the article."""
    before: Numbers
    """The same as of the day before the last order."""
    barred: Bits
    """Not to be recommended then."""
    last: Bits
    """In the last order."""


def checked(known: ShopperMatrices, persons_min: int) -> Hits:
    """What would have been recommended the day before the last order, to whoever was known then."""
    before, barred, last = known.before, known.barred, known.last
    near = nearness(before, persons_min)
    judged = np.flatnonzero((before > 0).any(axis=1))
    hits = np.zeros((2, 2), dtype=np.int64)
    for start in range(0, len(judged), PART):
        part = judged[start : start + PART]
        scores = np.round(before[part] @ near, 9)
        by_near = _hit(scores, barred[part], last[part])
        by_popularity = _hit(np.zeros_like(scores), barred[part], last[part])
        np.add.at(hits, (by_near.astype(int), by_popularity.astype(int)), 1)
    both, one, other = int(hits[1, 1]), int(hits[1, 0]), int(hits[0, 1])
    return Hits(len(judged), both + one, both + other, one, other)


def _hit(scores: Numbers, barred: Bits, last: Bits) -> Bits:
    """Whether one of the first articles by these scores is in the last order."""
    first = np.argsort(np.where(barred, np.inf, -scores), axis=1, kind="stable")[:, :LISTED]
    shown = np.take_along_axis(last & ~barred, first, axis=1)
    return np.asarray(shown.any(axis=1), dtype=np.bool_)

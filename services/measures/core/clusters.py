"""Groups of customers who resemble each other: k-means on standardised features.

How many groups there are is what the mean silhouette says (Rousseeuw, Journal of Computational and
Applied Mathematics 20, 1987); a group of fewer than a twentieth of all is none. Beginnings are
drawn with a fixed seed (k-means++), so the same customers make the same groups. Needs numpy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Labels = NDArray[np.int64]
COUNTS = range(3, 9)
"""Numbers of groups that are tried."""
PART_MIN = 0.05
STARTS, STEPS_MAX, SEED = 8, 100, 1967
JUDGED_MAX = 800
"""So many customers, drawn by chance, are enough for a mean silhouette."""
EDGES = (1, 99)
"""What lies beyond these percentiles is moved to them: single values must not make groups."""


class Clusters(NamedTuple):
    """Groups, and how well they are told apart."""

    labels: Labels
    """The group of each customer."""
    silhouette: float
    """Mean of all: 1 for groups far apart, 0 for none."""


def standardised(features: Numbers) -> Numbers:
    """With a mean of 0 and a spread of 1 for each feature; one that does not vary is 0."""
    low, high = np.percentile(features, EDGES, axis=0)
    kept = np.clip(features, low, high)
    spread = kept.std(axis=0)
    return np.asarray(
        (kept - kept.mean(axis=0)) / np.where(spread > 0, spread, 1), dtype=np.float64
    )


def clusters(points: Numbers) -> Clusters | None:
    """The grouping with the best silhouette; None where every one has too small a group."""
    draw = np.random.default_rng(SEED)
    judged = draw.permutation(len(points))[:JUDGED_MAX]
    best: Clusters | None = None
    for count in COUNTS:
        labels = _grouped(points, count)
        sizes = np.bincount(labels, minlength=count)
        if sizes.min() < PART_MIN * len(points):
            continue
        found = Clusters(labels, silhouette(points[judged], labels[judged]))
        if best is None or found.silhouette > best.silhouette:
            best = found
    return best


def _grouped(points: Numbers, count: int) -> Labels:
    """The grouping with the smallest squared distances of several beginnings."""
    draw = np.random.default_rng(SEED + count)
    found = [_settled(points, _begun(points, count, draw)) for _ in range(STARTS)]
    return min(found, key=lambda one: one[0])[1]


def _begun(points: Numbers, count: int, draw: np.random.Generator) -> Numbers:
    """Centres that are far from each other."""
    centres = [points[draw.integers(len(points))]]
    for _ in range(count - 1):
        nearest = _squares(points, np.array(centres)).min(axis=1)
        total = nearest.sum()
        chances = nearest / total if total > 0 else np.full(len(points), 1 / len(points))
        centres.append(points[draw.choice(len(points), p=chances)])
    return np.array(centres)


def _settled(points: Numbers, centres: Numbers) -> tuple[float, Labels]:
    """Move the centres until nobody changes the group."""
    labels = np.full(len(points), -1, dtype=np.int64)
    for _ in range(STEPS_MAX):
        squares = _squares(points, centres)
        nearest = squares.argmin(axis=1).astype(np.int64)
        if (nearest == labels).all():
            break
        labels = nearest
        for number in range(len(centres)):
            mine = points[labels == number]
            if len(mine):
                centres[number] = mine.mean(axis=0)
    return float(_squares(points, centres).min(axis=1).sum()), labels


def _squares(points: Numbers, centres: Numbers) -> Numbers:
    found = (
        (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)[None]
    )
    return np.asarray(np.maximum(found, 0), dtype=np.float64)


def silhouette(points: Numbers, labels: Labels) -> float:
    """How much nearer customers are to their own group than to the next one, on the mean."""
    distances = np.sqrt(_squares(points, points))
    groups = np.unique(labels)
    if len(groups) < 2:
        return 0.0
    sums = np.column_stack([distances[:, labels == group].sum(axis=1) for group in groups])
    sizes = np.array([(labels == group).sum() for group in groups])
    own = np.searchsorted(groups, labels)
    rows = np.arange(len(points))
    inside = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    outside = means.min(axis=1)
    widest = np.maximum(inside, outside)
    values = np.where(
        (sizes[own] > 1) & (widest > 0), (outside - inside) / np.where(widest > 0, widest, 1), 0
    )
    return float(values.mean())

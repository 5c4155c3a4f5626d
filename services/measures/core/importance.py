"""How much attributes contribute to a judgement on the whole: shares of the explained variance.

An attribute's share is its mean contribution to R² over all orders in which attributes can enter a
regression (Lindeman, Merenda and Gold, 1980; Grömping, The American Statistician 61(2), 2007): a
Shapley value. It does not depend on an order that somebody chose, and the shares add up to R².
Needs numpy.
"""

from __future__ import annotations

from math import factorial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
ATTRIBUTES_MAX = 10
"""With more, the 2^n regressions take too long; weights of one ridge regression stand for them."""
RIDGE = 0.1
"""Added to the diagonal of the correlations then."""
TINY = 1e-9
"""Added to it else, so that attributes that always agree have a solution: they share."""
DRAWS, SEED = 200, 1980
EDGES = (2.5, 97.5)


class Importance(NamedTuple):
    """Shares of the explained variance by attribute, with the ends of their intervals."""

    shares: Numbers
    low: Numbers
    high: Numbers

    @property
    def explained(self) -> float:
        """R² of all together."""
        return float(self.shares.sum())


def importance(target: Numbers, scores: Numbers, persons: Numbers) -> Importance:
    """Of scores: a row for each way to answer, a column for each attribute, and how many persons
    answered so; intervals by drawing persons anew 200 times.

    Raises:
        ValueError: everybody judges the whole alike, so nothing can be explained.
    """
    n = int(persons.sum())
    drawn = np.random.default_rng(SEED).multinomial(n, persons / n, size=DRAWS)
    weights = np.vstack([persons, drawn]).astype(np.float64)
    correlations = _correlations(np.column_stack([target, scores]), weights)
    if not correlations[0, 0, 0] > 0:
        raise ValueError("everybody judges the whole alike")
    many = scores.shape[1] > ATTRIBUTES_MAX
    shares = _by_weights(correlations) if many else _by_orders(correlations)
    low, high = np.percentile(shares[1:], EDGES, axis=0)
    return Importance(shares[0], low, high)


def _correlations(values: Numbers, weights: Numbers) -> Numbers:
    """A matrix of correlations for each row of weights; those of what does not vary are zero."""
    n = weights.sum(axis=1)
    means = weights @ values / n[:, None]
    products = np.einsum("bw,wi,wj->bij", weights, values, values, optimize=True)
    covariances = products / n[:, None, None] - means[:, :, None] * means[:, None, :]
    spread = np.sqrt(np.maximum(np.einsum("bii->bi", covariances), 0))
    known = spread > TINY * (1 + np.abs(means))
    scale = np.where(known, 1 / np.where(known, spread, 1), 0)
    found: Numbers = covariances * scale[:, :, None] * scale[:, None, :]
    return found


def _by_orders(correlations: Numbers) -> Numbers:
    """Of every set of attributes what it explains, and of each attribute what it adds."""
    count = correlations.shape[1] - 1
    explained = np.zeros((1 << count, len(correlations)))
    for chosen in range(1, 1 << count):
        places = [place + 1 for place in range(count) if chosen >> place & 1]
        explained[chosen] = _explained(correlations, places, TINY)
    return np.column_stack([shares_of(explained, place) for place in range(count)])


def shares_of(explained: Numbers, place: int) -> Numbers:
    """What the attribute of this place adds on the mean of all orders; `explained` has what every
    set of attributes explains, a set being the sum of 2^place of its attributes."""
    count = len(explained).bit_length() - 1
    total = np.zeros(explained.shape[1], dtype=np.float64)
    for before in range(len(explained)):
        if not before >> place & 1:
            size = before.bit_count()
            orders = factorial(size) * factorial(count - size - 1) / factorial(count)
            total += orders * (explained[before | 1 << place] - explained[before])
    return total


def _by_weights(correlations: Numbers) -> Numbers:
    """The squared weights of a ridge regression, so that they add up to what it explains."""
    places = list(range(1, correlations.shape[1]))
    weights = _weights(correlations, places, RIDGE) ** 2
    total = weights.sum(axis=1, keepdims=True)
    explained = _explained(correlations, places, RIDGE)[:, None]
    found: Numbers = explained * weights / np.where(total > 0, total, 1)
    return found


def _explained(correlations: Numbers, places: list[int], ridge: float) -> Numbers:
    weights = _weights(correlations, places, ridge)
    among = correlations[:, places][:, :, places]
    fitted = 2 * np.einsum("bi,bi->b", weights, correlations[:, places, 0])
    found: Numbers = fitted - np.einsum("bi,bij,bj->b", weights, among, weights)
    return found


def _weights(correlations: Numbers, places: list[int], ridge: float) -> Numbers:
    among = correlations[:, places][:, :, places] + ridge * np.eye(len(places))
    found = np.linalg.solve(among, correlations[:, places, 0][:, :, None])[:, :, 0]
    return np.asarray(found, dtype=np.float64)

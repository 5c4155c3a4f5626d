"""BG/NBD and Gamma-Gamma: how often customers will buy again, and what they will spend.

Customers buy at rates that differ between them, and each may become inactive after any purchase; in
shops without contracts nobody says so. The model of the times is that of Fader, Hardie and Lee
("Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005); equations have their
numbers. That of the amounts is of Fader and Hardie (The Gamma-Gamma Model of Monetary Value,
2013). Times are weeks. Needs numpy and scipy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Numbers = NDArray[np.float64]
TOLERANCE = 1e-9
STEPS_MAX = 2_000
"""A good fit takes some 700; one that finds nothing ends then."""
EXPONENT_MAX = 20.0
"""Parameters lie between e^-20 and e^20; beyond, one of them says nothing."""


class History(NamedTuple):
    """Customers by what they bought; of equal length."""

    repeats: Numbers
    """Purchases after the first."""
    recency: Numbers
    """From the first to the last purchase, in weeks."""
    age: Numbers
    """From the first purchase to now, in weeks."""
    persons: Numbers
    """How many customers have these."""


class Buying(NamedTuple):
    """Parameters of BG/NBD: rates of purchases have a gamma distribution of shape `r` and rate
    `alpha`, chances of inactivity after each a beta distribution of `a` and `b`."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


class Spending(NamedTuple):
    """Parameters of Gamma-Gamma: amounts have a gamma distribution of shape `p`, whose rates have
    one of shape `q` and rate `v`."""

    p: float
    q: float
    v: float


def fitted_buying(history: History) -> Buying:
    """The parameters of greatest likelihood.

    Raises:
        ValueError: there is none: the likelihood grows without end.
    """

    def likelihood(one: Numbers) -> float:
        r, alpha, a, b = one
        return _buying_likelihood(r, alpha, a, b, history)

    (r, alpha, a, b), best = _greatest(likelihood, 4)
    return Buying(r, alpha, a, b, best)


def _buying_likelihood(r: float, alpha: float, a: float, b: float, given: History) -> float:
    """Equation 6, of all customers."""
    x = given.repeats
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + given.age)
    # Who never came back cannot have become inactive: that happens after a purchase only.
    dead = np.where(
        x > 0,
        betaln(a + 1, b + np.maximum(x, 1) - 1)
        - betaln(a, b)
        - (r + x) * np.log(alpha + given.recency),
        -np.inf,
    )
    return float(np.sum(given.persons * (common + np.logaddexp(alive, dead))))


def chance_alive(model: Buying, given: History) -> Numbers:
    """The probability that a customer is still active (equation 7)."""
    r, alpha, a, b, _ = model
    x = given.repeats
    log_odds = (
        np.log(a)
        - np.log(b + np.maximum(x, 1) - 1)
        + (r + x) * (np.log(alpha + given.age) - np.log(alpha + given.recency))
    )
    return np.where(x > 0, np.exp(-np.logaddexp(0, log_odds)), 1.0)


def expected_purchases(model: Buying, given: History, weeks: float) -> Numbers:
    """How often a customer buys in the next weeks (equation 10).

    Raises:
        ValueError: the numbers are beyond what can be computed with.
    """
    r, alpha, a, b, _ = model
    x = given.repeats
    if abs(a - 1) < TOLERANCE:
        a += 10 * TOLERANCE  # the limit is finite
    # The series times its power, by Pfaff's transformation: neither overflows alone then.
    series = hyp2f1(r + x, a - 1, a + b + x - 1, -weeks / (alpha + given.age))
    unconditional = (a + b + x - 1) / (a - 1) * (1 - series)
    found: Numbers = unconditional * chance_alive(model._replace(a=a), given)
    if not np.all(np.isfinite(found)):
        raise ValueError("some customers bought so often that nothing can be expected of them")
    return found


def fitted_spending(repeats: Numbers, means: Numbers) -> Spending:
    """The parameters of greatest likelihood, of customers with repeat purchases and the mean of
    what they spent on these, above zero.

    Raises:
        ValueError: there is none: the likelihood grows without end.
    """
    scale = float(np.mean(means))

    def likelihood(one: Numbers) -> float:
        p, q, v = one
        return _spending_likelihood(p, q, v, repeats, means / scale)

    (p, q, v), _ = _greatest(likelihood, 3)
    if q <= 1:
        raise ValueError("amounts vary so much that they have no mean")
    return Spending(p, q, v * scale)


def _spending_likelihood(p: float, q: float, v: float, x: Numbers, mean: Numbers) -> float:
    shape = p * x
    return float(
        np.sum(
            gammaln(shape + q)
            - gammaln(shape)
            - gammaln(q)
            + q * np.log(v)
            + (shape - 1) * np.log(mean)
            + shape * np.log(x)
            - (shape + q) * np.log(v + x * mean)
        )
    )


def expected_spend(model: Spending, repeats: Numbers, means: Numbers) -> Numbers:
    """What a customer spends on a purchase, between his own mean and that of all: the fewer
    purchases there are, the nearer to that of all."""
    p, q, v = model
    return (v + repeats * means) * p / (p * repeats + q - 1)


def _greatest(likelihood: Callable[[Numbers], float], count: int) -> tuple[list[float], float]:
    """Parameters above zero of the greatest likelihood, from a fixed beginning, and the
    likelihood."""
    found = minimize(
        lambda one: -likelihood(np.exp(np.clip(one, -EXPONENT_MAX, EXPONENT_MAX))),
        np.zeros(count),
        method="Nelder-Mead",
        options={"maxiter": STEPS_MAX, "maxfev": STEPS_MAX, "xatol": 1e-5, "fatol": 1e-6},
    )
    if not found.success or np.max(np.abs(found.x)) >= EXPONENT_MAX:
        raise ValueError("no parameters fit these customers best")
    return [float(one) for one in np.exp(found.x)], -float(found.fun)

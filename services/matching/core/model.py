"""The weights of a model, how learnt and configured ones are combined, and why a pair scored so.

Learnt shares count as much as there is to learn from; the configured ones are worth a fixed number
of observations. So a shop with two hundred customers gets the configured weights, a large one its
own, and no training that went astray turns a disagreement into evidence for a pair. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from math import log2
from typing import NamedTuple

from services.matching.core.fields import FIELDS

CONFIGURED_MATCHES = 100
"""Pairs of one person that the configured weights count for."""
CONFIGURED_PAIRS = 5_000
"""Random pairs that they count for."""
SHARE_MIN = 1e-7
"""No share is smaller: a degree that was never met is still possible."""
HOUSEHOLDS_USUAL, HOUSEHOLDS_MIN = 1.0, 0.5
"""Pairs of a household for each pair of one person: usually, as in a shop too small to learn from,
and at least, however few are seen. Usually as many as nothing speaks for either; what is learnt may
halve that and no more, for two persons joined by mistake are worse than one who keeps two profiles.
"""
THRESHOLD = 0.9
"""Least probability of a pair that is proposed."""
SCALE_VERSION = 4
"""Raised whenever fields, degrees or keys change."""


class Shares(NamedTuple):
    """How often each degree of a field is met, the best one first: in pairs of records of one
    person, and in random pairs."""

    same: tuple[float, ...]
    random: tuple[float, ...]


class Model(NamedTuple):
    """The weights in use."""

    fields: dict[str, Shares]
    prior: float
    """Probability that two random records are of one person."""
    households: float
    """Probability that they are of two members of one household."""
    learnt_from: int
    """Pairs of one person that the training found, about; 0: the configured weights."""

    @property
    def version(self) -> str:
        """Equal for equal weights."""
        plain = {name: [*one.same, *one.random] for name, one in sorted(self.fields.items())}
        told = json.dumps([SCALE_VERSION, self.prior, self.households, plain])
        return f"{SCALE_VERSION}-{sha256(told.encode()).hexdigest()[:12]}"


class ScorePart(NamedTuple):
    """What one field says about a pair."""

    field: str
    words: str
    """What was found."""
    weight: float
    """Added to the pair's weight, in powers of two: +3 makes one person eight times as likely."""


def configured(prior: float) -> Model:
    """The model of a shop too small to learn from."""
    fields = {
        one.name: Shares(
            tuple(degree.same for degree in one.degrees),
            tuple(degree.random for degree in one.degrees),
        )
        for one in FIELDS
    }
    return Model(fields, prior, HOUSEHOLDS_USUAL * prior, 0)


def with_random(usual: Model, learnt: Mapping[str, Sequence[float]], pairs: int) -> Model:
    """A model with the shares that were learnt of each field from so many random pairs; the
    configured ones count for `CONFIGURED_PAIRS`."""
    fields = {}
    for one in FIELDS:
        shares = usual.fields[one.name]
        own = learnt.get(one.name, shares.random)
        # Some random pairs are of one person.
        others = [max(0.0, u - usual.prior * m) for u, m in zip(own, shares.same, strict=True)]
        fields[one.name] = Shares(
            shares.same, _mixed(shares.random, others, CONFIGURED_PAIRS, pairs)
        )
    return usual._replace(fields=fields)


def _mixed(
    usual: Sequence[float], own: Sequence[float], usual_count: int, own_count: int
) -> tuple[float, ...]:
    whole = usual_count + own_count
    shares = [
        max(SHARE_MIN, (a * usual_count + b * own_count) / whole)
        for a, b in zip(usual, own, strict=True)
    ]
    total = sum(shares)
    return tuple(share / total for share in shares)


def is_sound(shares: Shares) -> bool:
    """Whether equality speaks for a pair and a difference against it."""
    return shares.same[0] > shares.random[0] and shares.same[-1] < shares.random[-1]


def degree_weight(shares: Shares, degree: int) -> float:
    """The weight of a degree (0: the best one)."""
    return log2(shares.same[degree] / shares.random[degree])


def parts_of(
    degrees: Mapping[str, int | None], weights: Mapping[str, float]
) -> Iterator[ScorePart]:
    """What each field says, by the degree that was met (None: nothing can be said)."""
    for one in FIELDS:
        degree = degrees[one.name]
        if degree is not None:
            yield ScorePart(one.name, one.degrees[degree].words, weights[one.name])

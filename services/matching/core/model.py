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

from services.matching.core.fields import FIELDS, ComparedField

CONFIGURED_MATCHES = 100
"""Pairs of one person that the configured weights count for."""
CONFIGURED_PAIRS = 5_000
"""Random pairs that they count for."""
SHARE_MIN = 1e-7
"""No share is smaller: a degree that was never met is still possible."""
THRESHOLD = 0.9
"""Least probability of a pair that is proposed."""
SCALE_VERSION = 3
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
    learnt_from: int
    """Pairs of one person that the training found, about; 0: the configured weights."""

    @property
    def version(self) -> str:
        """Equal for equal weights."""
        plain = {name: [*one.same, *one.random] for name, one in sorted(self.fields.items())}
        told = json.dumps([SCALE_VERSION, self.prior, plain])
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
    return Model(fields, prior, 0)


def combined(learnt: Mapping[str, Shares], matches: int, pairs: int, prior: float) -> Model:
    """The configured weights with what was learnt from about `matches` pairs of one person and
    `pairs` random ones. A field that was not learnt keeps the configured weights."""
    base = configured(prior)
    fields = {}
    for one in FIELDS:
        usual, own = base.fields[one.name], learnt.get(one.name)
        if own is None:
            fields[one.name] = usual
            continue
        same = _mixed(usual.same, own.same, CONFIGURED_MATCHES, matches)
        # Some random pairs are of one person.
        others = [max(0.0, u - prior * m) for u, m in zip(own.random, same, strict=True)]
        random = _mixed(usual.random, others, CONFIGURED_PAIRS, pairs)
        mixed = Shares(same, random)
        fields[one.name] = mixed if _is_sound(mixed) else Shares(usual.same, random)
    return Model(fields, prior, matches)


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


def _is_sound(shares: Shares) -> bool:
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


def is_last(field: ComparedField, degree: int | None) -> bool:
    """Whether the field is known of both, and differs."""
    return degree == len(field.degrees) - 1

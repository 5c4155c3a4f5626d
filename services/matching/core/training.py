"""Learns weights from the pairs of a shop without examples, by expectation maximisation.

Every compared pair is one person, two members of one household, or two strangers. How often each
degree is met in a household and in strangers is given; learnt is how it is in one person, and how
many pairs are of each kind. Without the second kind, families would teach that one person changes
given name and birth date. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from services.matching.core.fields import FIELDS
from services.matching.core.household import household_share
from services.matching.core.model import (
    CONFIGURED_MATCHES,
    HOUSEHOLDS_MIN,
    SHARE_MIN,
    Model,
    Shares,
    is_sound,
)

ROUNDS_MAX = 40
STEADY = 1e-3
"""Relative change of the number of matches below which training ends."""


class Pattern(NamedTuple):
    """Pairs that look alike."""

    degrees: tuple[int | None, ...]
    """Of each of `FIELDS` (0: the best one); None where nothing can be said."""
    rarity: float
    """What their rare values add, in powers of two."""
    pairs: float


class _Expected(NamedTuple):
    """What a round finds, in pairs."""

    matches: float
    households: float
    degrees: list[list[float]]
    """Of one person, by field and degree."""


def trained(model: Model, patterns: Sequence[Pattern], pairs: float) -> Model:
    """The model with what `patterns`, the compared ones among so many pairs, teach: how many are of
    each kind, and the shares of one person. The configured ones count for `CONFIGURED_MATCHES`
    pairs.
    """
    found = model
    # First how many there are of each kind: else families would teach what one person does.
    for learns in (False, True):
        matches = 0.0
        for _ in range(ROUNDS_MAX):
            expected = _expect(found, patterns)
            prior = min(0.5, (expected.matches + 1) / pairs)
            households = max(expected.households / pairs, HOUSEHOLDS_MIN * prior)
            fields = _shares(model, found, expected) if learns else found.fields
            found = Model(fields, prior, min(0.5, households), round(expected.matches))
            if abs(expected.matches - matches) <= STEADY * max(1.0, matches):
                break
            matches = expected.matches
    return found


def _expect(model: Model, patterns: Sequence[Pattern]) -> _Expected:
    """How many pairs are of each kind by a model."""
    of_same = [[log(u) for u in model.fields[one.name].same] for one in FIELDS]
    of_random = [[log(u) for u in model.fields[one.name].random] for one in FIELDS]
    priors = log(model.prior), log(model.households), _rest(model.prior + model.households)
    degrees = [[0.0] * len(one.degrees) for one in FIELDS]
    matches = households = 0.0
    for pattern in patterns:
        known = [(at, one) for at, one in enumerate(pattern.degrees) if one is not None]
        rarity = pattern.rarity * log(2)
        same = priors[0] + rarity + sum(of_same[at][one] for at, one in known)
        home = priors[1] + rarity + log(household_share(model, pattern.degrees))
        other = priors[2] + sum(of_random[at][one] for at, one in known)
        most = max(same, home, other)
        shares = [exp(one - most) for one in (same, home, other)]
        whole = sum(shares)
        count = pattern.pairs * shares[0] / whole
        matches += count
        households += pattern.pairs * shares[1] / whole
        for at, one in known:
            degrees[at][one] += count
    return _Expected(matches, households, degrees)


def _rest(share: float) -> float:
    """The logarithm of the rest of a share."""
    return log(max(1.0 - share, SHARE_MIN))


def _shares(base: Model, latest: Model, expected: _Expected) -> dict[str, Shares]:
    fields = {}
    for one, counted in zip(FIELDS, expected.degrees, strict=True):
        usual = base.fields[one.name]
        total = sum(usual.same)
        whole = CONFIGURED_MATCHES + sum(counted)
        same = tuple(
            max(SHARE_MIN, (CONFIGURED_MATCHES * share / total + count) / whole)
            for share, count in zip(usual.same, counted, strict=True)
        )
        found = Shares(same, usual.random)
        fields[one.name] = found if is_sound(found) else latest.fields[one.name]
    return fields

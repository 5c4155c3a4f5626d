"""A Markov chain of journeys: how many orders would be lost without a channel.

From each station the next one follows as often as it did. Without a channel journeys that reach it
end in nothing; what the chance of an order loses then is the effect of its removal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

BEGINNING, ORDER, NOTHING = "", "order", "nothing"
Steps = Mapping[tuple[str, str], int]
"""How often each step was taken, from the beginning to an end."""


def removal_shares(steps: Steps, whole: int) -> dict[str, int]:
    """So many parts of a whole, in proportion to what the removal of each channel costs; they add
    up to it exactly. Empty if no journey ends in an order."""
    channels = sorted({station for step in steps for station in step} - {BEGINNING, ORDER, NOTHING})
    chance = order_chance(steps)
    if not chance:
        return {}
    effects = {one: 1 - order_chance(steps, without=one) / chance for one in channels}
    total = sum(effects.values())
    shares = {one: round(whole * effect / total) for one, effect in effects.items()}
    largest = max(channels, key=lambda one: (effects[one], one))
    shares[largest] += whole - sum(shares.values())
    return shares


def order_chance(steps: Steps, without: str | None = None) -> float:
    """The chance that a journey ends in an order, by eliminating one station after the other."""
    next_of = defaultdict[str, dict[str, float]](dict)
    for (start, end), many in sorted(steps.items()):
        next_of[start][end] = next_of[start].get(end, 0.0) + many
    for start, ends in next_of.items():
        total = sum(ends.values())
        next_of[start] = {end: many / total for end, many in ends.items()}
    if without is not None:
        next_of[without] = {NOTHING: 1.0}
    for gone in sorted(next_of, reverse=True):
        if gone != BEGINNING:
            _eliminate(next_of, gone)
    return next_of[BEGINNING].get(ORDER, 0.0)


def _eliminate(next_of: dict[str, dict[str, float]], gone: str) -> None:
    """Let every step to a station go on to where it leads, without coming back to it."""
    onwards = next_of.pop(gone)
    staying = onwards.pop(gone, 0.0)
    for ends in next_of.values():
        chance = ends.pop(gone, 0.0)
        if chance:
            for end, part in onwards.items():
                ends[end] = ends.get(end, 0.0) + chance * part / (1 - staying)

"""Who was a customer at the beginning and at the end of a window: what came of them.

A person is a customer for some days after an order (`active_days`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.measures.core.measure import MeasureContext


class CustomerGroup(NamedTuple):
    """Persons with an order before the end of the window who have all this in common."""

    at_start: bool
    """They were customers when the window began."""
    at_end: bool
    """They were customers when it ended."""
    is_new: bool
    """Their first order of all lies in it."""
    persons: int


class CustomerGroups(NamedTuple):
    """The rows of measures of this kind."""

    groups: Sequence[CustomerGroup]


class Balance(NamedTuple):
    """How many persons: start = kept + lost, end = kept + new + returned."""

    start: int
    kept: int
    lost: int
    new: int
    """New ones who are customers at the end."""
    returned: int
    """Neither customers at the beginning nor new, but customers at the end."""
    end: int
    new_and_lost: int
    """New ones who no longer are customers at the end."""


def balance(groups: Iterable[CustomerGroup]) -> Balance:
    """What came of all customers."""
    start = kept = new = returned = new_and_lost = 0
    for one in groups:
        if one.at_start:
            start += one.persons
            kept += one.persons if one.at_end else 0
        elif one.at_end:
            new += one.persons if one.is_new else 0
            returned += 0 if one.is_new else one.persons
        elif one.is_new:
            new_and_lost += one.persons
    return Balance(start, kept, start - kept, new, returned, kept + new + returned, new_and_lost)


def active_days(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    return {"active_days": context.rules.active_days}

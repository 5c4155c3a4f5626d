"""What measures of surveys share: which instrument they ask for, and cells by group.

A response belongs to a group of every dimension: its survey, wave, touchpoint, channel, store and
mode. The store counts each response in all of them, and in the group of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from services.measures.core.measure import MeasureContext
from services.measures.core.result import Cell

NONE = "none"
"""Key of responses that do not say the dimension."""
SEPARATOR = "\x1f"
"""Between survey and wave in the key of a wave."""


class GroupRow(Protocol):
    """Counts of the responses of one group."""

    @property
    def by(self) -> str:
        """The dimension; empty for all."""
        ...

    @property
    def key(self) -> str:
        """The group within it; empty if it is not said."""
        ...


Row = TypeVar("Row", bound=GroupRow)


def of_all(rows: Sequence[Row]) -> Row | None:
    """The row of all responses; None if there are none."""
    return next((row for row in rows if not row.by), None)


def by_group(rows: Sequence[Row], cell: Callable[[Row], Cell]) -> Iterator[Cell]:
    """A cell for each group of each dimension that some response names."""
    for _, found in dimensions(rows).items():
        yield from map(cell, found)


def dimensions(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    """The rows of each dimension that some response names, in order of their keys."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: (one.by, one.key)):
        if row.by:
            found[row.by].append(row)
    return {by: some for by, some in found.items() if any(one.key for one in some)}


def shown_key(row: GroupRow) -> str:
    """The key of a group as it is shown."""
    return row.key.replace(SEPARATOR, " ") or NONE


def instrument(name: str) -> Callable[[MeasureContext], Mapping[str, Any]]:
    """The parameter of statements that begin with `answers`: a kind of survey."""
    return lambda _: {"instrument": name}

"""Shares of a whole, and of its parts: a cell for each, and the row of all together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from services.measures.core.intervals import share
from services.measures.core.result import SHARE, Cell

TOGETHER = ""
"""The channel of the row that is about all channels."""


class _OnAChannel(Protocol):
    @property
    def channel(self) -> str: ...


Row = TypeVar("Row", bound=_OnAChannel)


def share_cell(by: str, key: str, persons: int, hits: int, of: int) -> Cell:
    """So many of a whole that is about some persons, with its interval."""
    value, interval = share(hits, of)
    return Cell(by=by, key=key, n=persons, value=value, unit=SHARE, interval=interval)


def parted(rows: Iterable[Row], nothing: Row) -> tuple[Row, list[Row]]:
    """The row of all channels together, `nothing` if there is none, and those of single ones in the
    order of their names."""
    together, single = nothing, list[Row]()
    for one in sorted(rows, key=lambda row: row.channel):
        if one.channel == TOGETHER:
            together = one
        else:
            single.append(one)
    return together, single

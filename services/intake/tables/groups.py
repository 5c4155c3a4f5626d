"""Which rows become one event: each by itself, or those that stand together with the same key.

A row that cannot be read, beside a group, may belong to it. Half of an event is never taken for
all of it: such a group is refused as a whole. Pure; memory is bounded by the largest group allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.intake.tables.examination import is_header_again, key_of
from services.intake.tables.layout import Layout
from services.intake.tables.table import TableRow, is_empty
from services.intake.tables.translation import ROWS_MAX

BESIDE = "stands beside a row that cannot be read and may belong to the same event"
NO_KEY = "is empty, so nobody can tell to which event the row belongs"


class Together(NamedTuple):
    """Rows of one event, or why they are none."""

    rows: list[TableRow]
    fault: Fault | None = None


def together(
    layout: Layout, rows: Iterable[TableRow], is_total: Callable[[TableRow], bool]
) -> Iterator[Together]:
    """The rows with something in them, event by event."""
    some = (
        row
        for row in rows
        if row.number > layout.header and not is_empty(row) and not is_header_again(row, layout)
    )
    by = layout.checked.map.group_by
    if not by:
        yield from (Together([row]) for row in some)
        return
    yield from _Grouping(layout, is_total).groups(some)


class _Grouping:
    def __init__(self, layout: Layout, is_total: Callable[[TableRow], bool]) -> None:
        by = layout.checked.map.group_by
        self._fields = [one for one in layout.fields if one.target.name in by]
        self._is_total = is_total
        self._by = by[0]
        self._rows: list[TableRow] = []
        self._key: list[str] | None = None
        self._is_tainted = self._is_too_large = False

    def groups(self, rows: Iterable[TableRow]) -> Iterator[Together]:
        for row in rows:
            if self._is_total(row):
                yield from self._end()
                yield Together([row])
                continue
            key = None if row.fault else key_of(self._fields, row)
            if key is None:
                self._is_tainted = True
                yield from self._end()
                self._is_tainted = True  # the next one, too
                fault = Fault(RejectReason.INVALID_FIELD, "" if row.fault else self._by,
                              row.fault or NO_KEY)  # fmt: skip
                yield Together([row], fault)
                continue
            if key != self._key:
                yield from self._end()
                self._key = key
            self._rows.append(row)
            if len(self._rows) > ROWS_MAX:
                self._is_too_large = True
                yield self._taken()
        yield from self._end()

    def _end(self) -> Iterator[Together]:
        if self._rows:
            yield self._taken()
        if self._key is not None:
            self._key, self._is_tainted, self._is_too_large = None, False, False

    def _taken(self) -> Together:
        rows, self._rows = self._rows, []
        if self._is_too_large:
            message = f"an event may have {ROWS_MAX} rows"
            return Together(rows, Fault(RejectReason.TOO_LARGE, self._by, message))
        if self._is_tainted:
            return Together(rows, Fault(RejectReason.INVALID_FIELD, self._by, BESIDE))
        return Together(rows)

"""Parquet files, a thousand rows at a time: cells have the types of their columns.

pyarrow reads them; it comes with the embedded engine, and with the extra `files`. It holds one
group of rows in memory, as large as the writer of the file made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.ingest.lines import InputError
from services.intake.tables.opened import TableFile
from services.intake.tables.table import (
    CELL_CHARS_MAX,
    ROW_CELLS_MAX,
    Cell,
    TableRow,
    UnreadableCell,
    text_cell,
)
from services.runtime.errors import ConfigurationError

PARQUET = b"PAR1"
BATCH_ROWS = 1_000
NO_VALUE = "is a list or another type that is no single value"
MICROSECONDS = "us"


class ParquetTable:
    """Implements Table for a Parquet file."""

    kind = "Parquet"
    has_names = True
    is_padded = True

    def __init__(self, file: TableFile) -> None:
        """Raises InputError if it is damaged, ConfigurationError if pyarrow is not installed."""
        self._file = file
        if file.is_packed:
            raise InputError(f"{file.name} is a Parquet file within gzip; unpack it")
        with self._opened() as opened:
            self._names = [name for name, _ in _leaves(opened.schema_arrow.empty_table())]
        if len(self._names) > ROW_CELLS_MAX:
            raise InputError(f"{file.name} has over {ROW_CELLS_MAX} columns")

    def found(self) -> dict[str, str]:
        """See Table."""
        return {"columns": f"{len(self._names)}"}

    def names(self) -> list[str]:
        """See Table."""
        return self._names

    def check(self, header: int) -> None:
        """See Table."""

    def rows(self) -> Iterator[TableRow]:
        """See Table."""
        number = 0
        with self._opened() as opened:
            for batch in opened.iter_batches(BATCH_ROWS):
                columns = [_plain(column) for _, column in _leaves(batch)]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield TableRow(number, tuple(map(_cell, cells)))

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            raise ConfigurationError(
                "Parquet files need a library that is not installed: "
                "pip install 'customer360[files]'"
            ) from error
        try:
            with ParquetFile(self._file.path) as opened:
                yield opened
        except (ArrowException, OSError, ValueError, OverflowError) as error:
            kind = type(error).__name__
            raise InputError(f"{self._file.name} is a damaged Parquet file ({kind})") from error


def _leaves(table: Any) -> Iterator[tuple[str, Any]]:
    """Columns by name; those within a column of parts as `part.name`."""
    from pyarrow import types

    waiting = [(field.name, table.column(place)) for place, field in enumerate(table.schema)]
    while waiting:
        name, column = waiting.pop(0)
        if types.is_struct(column.type):
            parts = _flattened(column)
            names = [column.type.field(place).name for place in range(column.type.num_fields)]
            waiting = [
                (f"{name}.{part}", one) for part, one in zip(names, parts, strict=True)
            ] + waiting
        else:
            yield name, column


def _flattened(column: Any) -> list[Any]:
    found = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return list(found.flatten())


def _plain(column: Any) -> list[Any]:
    """Values of a column; times to the microsecond, which is what times of Python have."""
    from pyarrow import timestamp, types

    if types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(timestamp(MICROSECONDS, column.type.tz), safe=False)
    return list(column.to_pylist())


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, bool | int | float | Decimal | date | datetime):
        return value
    if isinstance(value, str):
        if len(value) > CELL_CHARS_MAX:
            return UnreadableCell("", f"has over {CELL_CHARS_MAX} characters")
        return text_cell(value)
    return UnreadableCell("", NO_VALUE)

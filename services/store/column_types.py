"""Types of columns whose values the driver writes slowly: decimals and UUIDs, also within arrays.

The bytes are those of the driver, which reads each decimal from its text and each UUID in halves. A
decimal is remembered instead, for prices and quantities come again, and UUIDs are written together.
"""

from __future__ import annotations

import decimal
from array import array
from collections.abc import Sequence
from copy import copy
from sys import byteorder
from typing import Any, cast

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.container import Array
from clickhouse_connect.datatypes.numeric import Decimal as DriverDecimal
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.datatypes.special import UUID as DriverUuid
from clickhouse_connect.driver.common import write_array
from clickhouse_connect.driver.insert import InsertContext

NUMBERS_REMEMBERED = 20_000
DECIMAL_BYTES = 8
"""Of the only size of decimals that the driver packs as whole numbers and that is remembered."""


def column_type(name: str) -> ClickHouseType:
    """The type of that name, as ClickHouse writes it."""
    return _quick(get_from_name(name))


def _quick(kind: ClickHouseType) -> ClickHouseType:
    if type(kind) is Array:
        quick = copy(kind)
        quick.element_type = _quick(kind.element_type)
        return cast(ClickHouseType, quick)
    if kind.nullable or kind.low_card:
        return kind
    if type(kind) is DriverUuid:
        return QuickUuid(kind.type_def)
    if type(kind) is DriverDecimal and kind.byte_size == DECIMAL_BYTES:
        return QuickDecimal(kind.type_def, kind.prec, kind.byte_size * 8, kind.scale)
    return kind


class _Scaled(dict[decimal.Decimal, int]):
    """Decimals as the whole numbers that a column has, computed as the driver does."""

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__()
        self._context = decimal.Context(prec=precision)
        self._factor = decimal.Decimal(10**scale)

    def __missing__(self, number: decimal.Decimal) -> int:
        if len(self) >= NUMBERS_REMEMBERED:
            self.clear()
        found = self[number] = int(self._context.multiply(number, self._factor))
        return found


class QuickDecimal(DriverDecimal, registered=False):
    """A column of decimals; of anything else, the driver writes it."""

    def __init__(self, *described: Any) -> None:
        super().__init__(*described)
        self._scaled = _Scaled(self.prec, self.scale)

    def _write_column_binary(
        self, column: Sequence[Any], dest: bytearray, ctx: InsertContext
    ) -> None:
        if set(map(type, column)) <= {decimal.Decimal}:
            write_array("q", list(map(self._scaled.__getitem__, column)), dest, ctx.column_name)
        else:
            super()._write_column_binary(column, dest, ctx)


class QuickUuid(DriverUuid, registered=False):
    """A column of UUIDs as whole numbers; of anything else, the driver writes it."""

    def _write_column_binary(
        self, column: Sequence[Any], dest: bytearray, ctx: InsertContext
    ) -> None:
        if byteorder != "little" or not set(map(type, column)) <= {int}:
            super()._write_column_binary(column, dest, ctx)
            return
        halves = array("Q", b"".join([one.to_bytes(16, "big") for one in column]))
        halves.byteswap()  # ClickHouse has the upper half first, each half from its lowest byte
        dest += halves.tobytes()

"""Values that are written without the driver have the driver's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.insert import InsertContext
from hypothesis import given
from hypothesis import strategies as st

from services.store import column_types
from services.store.column_types import column_type
from services.store.errors import BAD_VALUES

PRICE, NODE = "Decimal(18, 4)", "UUID"
PRICES = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14)
NODES = st.integers(min_value=0, max_value=2**128 - 1)


def written(kind: ClickHouseType, column: Sequence[Any]) -> bytes:
    """The bytes of a column."""
    out, context = bytearray(), InsertContext("t", ["c"], [kind], column_oriented=True)
    context.start_column("c")
    kind.write_column(column, out, context)
    return bytes(out)


def alike(name: str, column: Sequence[Any]) -> None:
    """Twice, for what was read before is remembered."""
    kind = column_type(name)
    for _ in range(2):
        assert written(kind, column) == written(get_from_name(name), column)
    assert kind.insert_name == get_from_name(name).insert_name


@given(st.lists(PRICES, min_size=1, max_size=6))
def test_decimals(column: list[Decimal]) -> None:
    """More places than the column has are cut off in the same way."""
    alike(PRICE, column)
    alike(f"Array({PRICE})", [column, (), column[:1]])


@given(st.lists(NODES, min_size=1, max_size=6))
def test_uuids(column: list[int]) -> None:
    """As whole numbers."""
    alike(NODE, column)
    alike(f"Array({NODE})", [(), column, column[:1]])


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (PRICE, [Decimal("1.5"), 2, 0.25, "3.75"]),
        (PRICE, []),
        (NODE, [UUID(int=5), UUID(int=6)]),
        (NODE, ["00000000-0000-0000-0000-00000000000a"]),
        (f"Nullable({PRICE})", [None, Decimal("1.5")]),
        (f"Array(Nullable({PRICE}))", [[None, Decimal("1.5")], []]),
        ("Nullable(UUID)", [None, 5]),
        ("Decimal(38, 4)", [Decimal("1.5")]),
        ("Array(LowCardinality(String))", [["a"], ["b", "a"]]),
    ],
)
def test_others_are_left_to_the_driver(name: str, column: Sequence[Any]) -> None:
    """Other values, and types that are not written here."""
    alike(name, column)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (PRICE, [Decimal("1e60")]),
        (PRICE, [Decimal("NaN")]),
        (PRICE, [Decimal(10) ** 15]),
        (NODE, [2**128]),
        (NODE, [-1]),
    ],
)
def test_what_does_not_fit_is_refused(name: str, column: Sequence[Any]) -> None:
    """As an error that tells a value from a fault of the store."""
    for kind in (column_type(name), get_from_name(name)):
        with pytest.raises(BAD_VALUES):
            written(kind, column)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered numbers are forgotten when there are many."""
    monkeypatch.setattr(column_types, "NUMBERS_REMEMBERED", 3)
    numbers = [Decimal(number) / 4 for number in range(10)]
    alike(PRICE, numbers)
    kind = column_type(PRICE)
    written(kind, numbers)
    assert isinstance(kind, column_types.QuickDecimal)
    assert len(kind._scaled) <= 3

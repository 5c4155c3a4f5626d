"""What judging an offer costs the consistency writer, and how that grows with the products.

Stores of ten times as many products each time are filled and judged in processes of their own. In
each one writer judges a price list (books that are not in memory) and changes of few products.
"""

from __future__ import annotations

from bench.children import Result, machine, progress, run_child

REPORT_VERSION = 1
PRODUCTS = 100_000
PRODUCTS_MIN = 100
PLACES = 20
OFFERS = 20_000
BATCH_OFFERS = 1_000
LOADS = {"price_list": "books read from the store", "changes": "books in memory"}


def measure(
    products: int = PRODUCTS, places: int = PLACES, offers: int = OFFERS, seed: int = 1
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    Three stores: a hundredth of `products`, a tenth, and all of them. A million products at
    twenty places need about 4 GB of disk.

    Raises:
        ChildFailed: a run ended with an error.
    """
    begun_on = machine()
    stores: list[Result] = []
    for count in (products // 100, products // 10, products):
        size = max(PRODUCTS_MIN, count)
        progress(f"{size:,} products at {places} places …")
        arguments = (size, places, offers, BATCH_OFFERS, seed)
        stores.append(run_child("bench.judging", *map(str, arguments)))
    return {
        "version": REPORT_VERSION,
        "benchmark": "consistency",
        "machine": begun_on,
        "places": places,
        "seed": seed,
        "stores": stores,
        "ratios": {
            name: round(_cpu(stores[-1], name) / _cpu(stores[0], name), 2) for name in LOADS
        },
    }


def _cpu(store: Result, load: str) -> float:
    return float(store["loads"][load]["cpu_us_per_offer"])


def tell(report: Result) -> str:
    """The report for people."""
    lines = [f"Consistency: one writer, {report['places']} places, batches of {BATCH_OFFERS:,}"]
    for name, what in LOADS.items():
        lines.append(
            f"  {what}: CPU per offer x {report['ratios'][name]:.2f} "
            "from the smallest to the largest store"
        )
        for store in report["stores"]:
            figures = store["loads"][name]
            lines.append(
                f"    {store['products']:>9,} products {figures['offers_per_second']:>7,} offers/s "
                f"{figures['cpu_us_per_offer']:>8,.0f} µs CPU, batch p50 "
                f"{figures['batch_ms']['p50']:,.0f} ms, p99 {figures['batch_ms']['p99']:,.0f} ms"
            )
    largest = report["stores"][-1]
    lines.append(
        f"  memory: {largest['cached_book_kib']} KiB for a book in memory, "
        f"{largest['index_bytes_per_product']} bytes for each product; peak "
        f"{largest['peak_mib']:,.0f} MiB"
    )
    return "\n".join(lines)

"""Measures of customers and purchases at scale: seconds, memory and rows read of each.

One process fills a store, others compute one measure each, so that peak memory is that of the
measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Result, machine, progress, run_child
from bench.purchase_store import FILL
from services.measures.catalogue import MEASURES

REPORT_VERSION = 1
RUN = "bench.measure_run"
PERSONS = 1_000_000


def measure(persons: int = PERSONS, names: Sequence[str] = ()) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    `names` are those of measures; none for all. A million persons need about 1 GB of disk.

    Raises:
        ChildFailed: a run ended with an error.
    """
    begun_on = machine()
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        (store := Path(directory) / "data").mkdir(mode=0o700)
        filled = run_child(RUN, FILL, str(store), str(persons))
        found = []
        for name in names or MEASURES:
            progress(f"{name} …")
            found.append(run_child(RUN, name, str(store), str(persons)))
    return {
        "version": REPORT_VERSION,
        "benchmark": "measures",
        "machine": begun_on,
        "persons": persons,
        **filled,
        "measures": found,
    }


def tell(report: Result) -> str:
    """The report for people."""
    rows = report["tables"]["orders"]["rows"]
    load = report["machine"]["load_average"][0]
    lines = [f"Measures of {report['persons']:,} persons, {rows:,} rows of orders; load {load:g}"]
    lines += [
        f"  {one['measure']:<24} {one['seconds']:>8.1f} s {one['cpu_seconds']:>8.1f} s CPU "
        f"{one['peak_mib']:>8,.0f} MiB {one['rows_read']:>12,} rows read"
        for one in report["measures"]
    ]
    return "\n".join(lines)

"""Identity at scale: new edges, verify, simulate and rebuild on graphs of growing size.

Each store is filled by one process and measured by others, one for each thing, so that peak memory
is that of what is measured. The ratios say what ten times as many identifiers cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Result, machine, progress, run_child

REPORT_VERSION = 1
IDENTIFIERS = (100_000, 1_000_000)
IDENTIFIERS_PER_PERSON = 10
EDGES = 60_000
SECONDS = 600.0
JOBS = ("write", "crowd", "verify", "simulate", "rebuild")


def measure(
    identifiers: Sequence[int] = IDENTIFIERS,
    edges: int = EDGES,
    seconds: float = SECONDS,
    jobs: Sequence[str] = JOBS,
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    `seconds` is the limit of verify, simulate and rebuild, each of which ends then and reports what
    it has looked at. Ten million identifiers need about 5 GB of disk.

    Raises:
        ChildFailed: a run ended with an error.
    """
    begun_on = machine()
    stores = [_measured(count, edges, seconds, jobs) for count in identifiers]
    first, last = stores[0]["jobs"], stores[-1]["jobs"]
    return {
        "version": REPORT_VERSION,
        "benchmark": "identity",
        "machine": begun_on,
        "stores": stores,
        "ratios": {
            job: round(last[job]["cpu_s_per_1000"] / first[job]["cpu_s_per_1000"], 2)
            for job in jobs
        },
    }


def _measured(identifiers: int, edges: int, seconds: float, jobs: Sequence[str]) -> Result:
    persons = max(2, identifiers // IDENTIFIERS_PER_PERSON)
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        (store := Path(directory) / "data").mkdir()

        def run(job: str) -> Result:
            progress(f"{identifiers:,} identifiers: {job} …")
            arguments = (job, str(store), str(persons), str(edges), str(seconds))
            return run_child("bench.identity_run", *arguments)

        filled = run("fill")
        return {"identifiers": identifiers, **filled, "jobs": {job: run(job) for job in jobs}}


def tell(report: Result) -> str:
    """The report for people."""
    lines = ["Identity at scale; ratio: processor time each, largest store ÷ smallest"]
    for job, ratio in report["ratios"].items():
        what = "edges" if job in ("write", "crowd") else "identifiers"
        lines.append(f"  {job}: x {ratio:.2f}")
        for store in report["stores"]:
            figures = store["jobs"][job]
            lines.append(
                f"    {store['identifiers']:>11,} identifiers {figures[f'{what}_per_second']:>8,} "
                f"{what}/s {figures['cpu_s_per_1000']:>8.3f} s CPU per 1,000, "
                f"{figures['rows_read_each']:>9,.1f} rows read each, "
                f"peak {figures['peak_mib']:,.0f} MiB"
                + (f" (the first {figures[what]:,})" if figures.get("cut") else "")
                + _beside(figures)
            )
    return "\n".join(lines)


def _beside(figures: Result) -> str:
    """What edges of identifiers that nobody shares cost on the same store."""
    if "not_shared" not in figures:
        return ""
    alone = figures["not_shared"]
    return (
        f"; {figures['neighbours']:,} neighbours; without: {alone['cpu_s_per_1000']:.3f} s CPU per "
        f"1,000, {alone['rows_read_each']:,.1f} rows read each"
    )

"""How long reads of one profile take at a million nodes, and how that grows with the store.

Two stores are filled and read, each in a process of its own: a hundredth of the size first, then
the full size. The ratio of the two says what a hundred times as much data costs a reader.
"""

from __future__ import annotations

from bench.children import Result, machine, progress, run_child

REPORT_VERSION = 1
NODES = 1_000_000
NODES_MIN = 2_000
READS = 500
SMALLER = 100
KINDS = {
    "round_trip": "SELECT 1, for scale",
    "resolve": "a node to its profile",
    "profile": "a whole profile, by any node",
    "profile_heavy": "one of the largest 1 %",
    "timeline_first": "first page of 50 entries",
    "timeline_next": "second page, of the largest",
}
RATIOS = ("p50", "p99")


def measure(nodes: int = NODES, reads: int = READS, seed: int = 1) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    `nodes` are at least `NODES_MIN`. Needs about 3 GB of disk for a million.

    Raises:
        ChildFailed: a run ended with an error.
    """
    begun_on = machine()
    small = _read("small", max(NODES_MIN, nodes // SMALLER), reads, seed)
    full = _read("full", nodes, reads, seed)
    return {
        "version": REPORT_VERSION,
        "benchmark": "profiles",
        "machine": begun_on,
        "seed": seed,
        "stores": {"small": small, "full": full},
        "ratios": {
            kind: {
                key: round(full["latency_ms"][kind][key] / small["latency_ms"][kind][key], 2)
                for key in RATIOS
            }
            for kind in KINDS
        },
    }


def _read(name: str, nodes: int, reads: int, seed: int) -> Result:
    progress(f"{name} store of {nodes:,} nodes …")
    return run_child("bench.reading", str(nodes), str(reads), str(seed))


def tell(report: Result) -> str:
    """The report for people."""
    full, small = report["stores"]["full"], report["stores"]["small"]
    tables = full["tables"]
    facts = full["facts_per_profile"]
    lines = [
        f"Profile reads: {tables['map']['rows']:,} nodes, {full['profiles']:,} profiles, "
        f"{tables['touchpoints']['rows']:,} facts ({tables['orders']['rows']:,} of orders) in "
        f"{tables['touchpoints']['parts']} parts; peak {full['peak_mib']:,.0f} MiB",
        f"  facts per profile read: median {facts['median']:,.0f}, at most {facts['max']:,}; "
        f"large ones {facts['heavy_median']:,.0f} and {facts['heavy_max']:,}",
        f"  {'ms':<32}{'p50':>8}{'p99':>9}    p50 against {small['tables']['map']['rows']:,} nodes",
    ]
    for kind, what in KINDS.items():
        figures, ratio = full["latency_ms"][kind], report["ratios"][kind]["p50"]
        lines.append(f"  {what:<32}{figures['p50']:>8.2f}{figures['p99']:>9.2f}    x {ratio:.2f}")
    return "\n".join(lines)

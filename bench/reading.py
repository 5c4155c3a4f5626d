"""Times profile reads on one store of a given size; to be run in a process of its own.

One thread, one connection, engine in process. The handles are drawn by a seeded hash over the whole
map, so nearly every read goes to rows that no read touched before; the files are in the system's
cache.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from typing import TypeVar

from pydantic import SecretStr

from bench.children import Result, answer, peak_mib, progress
from bench.percentiles import percentile
from bench.population import REALM, fill
from schemas.identifiers import NodeId
from schemas.profile import TimelineEntry
from services.api.read_store import ReadStore
from services.embedded.engine import Engine
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.adapters.timeline import TimelineReader
from services.profiles.core.timeline import TimelinePlace
from services.runtime.logging import configure_logging
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import RealmSettings, load_settings
from services.store.database import Database

SECRET = "identity-secret-of-the-benchmark"
WARM_UP_READS = 20
PAGE_ENTRIES = 50
MERGES_DEADLINE_S = 300
MERGES_POLL_S = 0.5
HEAVY_SHARE = 100
TABLES = (
    "touchpoints", "orders", "order_keys", "consents", "observations", "node_values", "members",
    "map",
)  # fmt: skip
# Sizes are the facts under the nodes of a profile: what a read of it has to go through.
_SIZES = """
SELECT m.profile AS profile, sum(t.said) AS facts
FROM (SELECT node, count() AS said FROM touchpoints GROUP BY node) AS t
INNER JOIN (SELECT node, profile FROM map <only>) AS m ON t.node = m.node
GROUP BY profile
"""
DRAWN_SQL = """
SELECT node, profile FROM map WHERE realm = {realm:String}
ORDER BY sipHash64(node, {seed:UInt32}), node LIMIT {count:UInt32}
"""
HEAVY_SQL = f"""
SELECT profile, facts
FROM ({_SIZES.replace("<only>", "")} ORDER BY facts DESC, profile LIMIT {{pool:UInt32}})
ORDER BY sipHash64(profile, {{seed:UInt32}}), profile LIMIT {{count:UInt32}}
"""
SIZES_SQL = _SIZES.replace("<only>", "WHERE profile IN {profiles:Array(UUID)}")
COUNTS_SQL = """
SELECT sum(rows), count() FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
"""
T = TypeVar("T")
R = TypeVar("R")


def read_store(nodes: int, reads: int, seed: int) -> Result:
    """Fill a fresh store and time reads of it: rows, parts, memory, latencies in ms."""
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        settings = load_settings(Path(directory), identity_secret=SecretStr(SECRET))
        configure_logging(settings)
        with Engine.open(settings) as engine:
            database = engine.database
            database.command("SYSTEM STOP VIEW profile_totals")  # its hour may strike meanwhile
            begun = time.perf_counter()
            profiles = fill(database, nodes, _say_filled)
            fill_s = time.perf_counter() - begun
            settled = settle_merges(database)
            tune_garbage_collector()
            reader = ReadStore(settings, engine.reading).profiles
            return {
                "profiles": profiles,
                "tables": {table: _count(database, table) for table in TABLES},
                "fill_seconds": round(fill_s, 1),
                "merges_settled": settled,
                **Reads(reader, database, reads, seed).result(),
                "peak_mib": peak_mib(),
            }


def _say_filled(persons: int, total: int) -> None:
    progress(f"  filled {persons:,} of {total:,} persons")


def settle_merges(database: Database) -> bool:
    """Wait until no merge runs, as between two loads; whether it came to that in time."""
    deadline = time.monotonic() + MERGES_DEADLINE_S
    while time.monotonic() < deadline:
        if not database.rows("SELECT count() FROM system.merges")[0][0]:
            return True
        time.sleep(MERGES_POLL_S)
    return False


def _count(database: Database, table: str) -> dict[str, int]:
    [(rows, parts)] = database.rows(COUNTS_SQL, {"table": table})
    return {"rows": rows, "parts": parts}


class Reads:
    """What is read of one store: nodes, profiles and large profiles, drawn once by a seed."""

    def __init__(self, reader: ProfileReader, database: Database, reads: int, seed: int) -> None:
        self._reader = reader
        self._timelines = TimelineReader(database, {REALM: RealmSettings()})
        self._database = database
        self._warm_up = self._draw(WARM_UP_READS, seed + 1)
        drawn = self._draw(reads, seed)
        self._nodes = [node for node, _ in drawn]
        self._profiles = [profile for _, profile in drawn]
        self._sizes = self._facts(self._profiles)
        self._heavy, self._heavy_sizes = self._draw_heavy(max(1, reads // 5), seed)

    def _draw(self, count: int, seed: int) -> list[tuple[NodeId, NodeId]]:
        """Random nodes with their profiles: any member is a handle of its profile."""
        where = {"realm": REALM, "seed": seed, "count": count}
        return [(node.int, profile.int) for node, profile in self._database.rows(DRAWN_SQL, where)]

    def _draw_heavy(self, count: int, seed: int) -> tuple[list[NodeId], list[int]]:
        """Of the hundredth of profiles that has most facts: ids and numbers of facts."""
        [(profiles,)] = self._database.rows("SELECT uniqExact(profile) FROM map")
        where = {"seed": seed, "count": count, "pool": max(1, profiles // HEAVY_SHARE)}
        rows = self._database.rows(HEAVY_SQL, where)
        return [profile.int for profile, _ in rows], [facts for _, facts in rows]

    def _facts(self, profiles: Iterable[NodeId]) -> list[int]:
        words = sorted({f"{profile:032x}" for profile in profiles})
        return [facts for _, facts in self._database.rows(SIZES_SQL, {"profiles": words})]

    def result(self) -> Result:
        """Time everything, one kind of read after the other."""
        for node, _ in self._warm_up:
            self._reader.profile(REALM, node)
        return {
            "latency_ms": self._latencies(),
            "facts_per_profile": {
                "median": median(self._sizes),
                "max": max(self._sizes),
                "heavy_median": median(self._heavy_sizes),
                "heavy_max": max(self._heavy_sizes),
            },
        }

    def _latencies(self) -> Result:
        reader = self._reader
        found: Result = {}
        _, found["round_trip"] = timed(lambda _: self._database.rows("SELECT 1"), self._nodes)
        _, found["resolve"] = timed(lambda one: reader.resolve(REALM, [one]), self._nodes)
        _, found["profile"] = timed(lambda one: reader.profile(REALM, one), self._nodes)
        _, found["profile_heavy"] = timed(lambda one: reader.profile(REALM, one), self._heavy)
        _, found["timeline_first"] = timed(lambda one: self._page(one), self._profiles)
        pages = [(profile, self._page(profile)[1]) for profile in self._heavy]
        _, found["timeline_next"] = timed(
            lambda one: self._page(*one), [page for page in pages if page[1]]
        )
        return found

    def _page(
        self, profile: NodeId, after: TimelinePlace | None = None
    ) -> tuple[list[TimelineEntry], TimelinePlace | None]:
        return self._timelines.page(REALM, profile, PAGE_ENTRIES, after)


def timed(call: Callable[[T], R], arguments: Sequence[T]) -> tuple[list[R], Result]:
    """Call once per argument (at least one): the answers, and the latencies in ms."""
    answers, seconds = [], []
    for argument in arguments:
        begun = time.perf_counter()
        answers.append(call(argument))
        seconds.append(time.perf_counter() - begun)
    latencies = [one * 1000 for one in sorted(seconds)]
    return answers, {
        "reads": len(latencies),
        "p50": round(percentile(latencies, 50), 3),
        "p99": round(percentile(latencies, 99), 3),
        "mean": round(mean(latencies), 3),
        "max": round(latencies[-1], 3),
    }


def main() -> None:
    """`python -m bench.reading NODES READS SEED`: one store, as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nodes", type=int)
    parser.add_argument("reads", type=int)
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    answer(read_store(given.nodes, given.reads, given.seed))


if __name__ == "__main__":
    main()

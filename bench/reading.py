"""Times profile reads on one store of a given size; to be run in a process of its own.

One thread, one connection, engine in process. The handles are drawn by a seeded hash over the whole
map, so most reads touch rows that no read touched before; the files are in the system's cache.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import TypeVar

from pydantic import SecretStr

from bench.children import Result, answer, peak_mib, progress
from bench.population import REALM, fill
from schemas.identifiers import NodeId
from services.embedded.engine import Engine, tune_garbage_collector
from services.profiles.adapters.clickhouse import ProfileReader
from services.runtime.clickhouse import Database
from services.runtime.logging import configure_logging
from services.runtime.settings import load_settings

SECRET = "identity-secret-of-the-benchmark"
WARM_UP_READS = 20
PAGE_ENTRIES = 50
MERGES_DEADLINE_S = 300
HEAVY_SHARE = 100
TABLES = ("touchpoints", "orders", "order_keys", "consents", "observations", "map", "node_values")
DRAWN_SQL = """
SELECT node, profile FROM map WHERE realm = {realm:String}
ORDER BY sipHash64(node, {seed:UInt32}), node LIMIT {count:UInt32}
"""
# The counts are of facts under the nodes of a profile: what a read of it has to go through.
HEAVY_SQL = """
SELECT profile, facts FROM
(
    SELECT profile, sum(said) AS facts FROM
        (SELECT node, count() AS said FROM touchpoints GROUP BY node) AS t
    INNER JOIN (SELECT node, profile FROM map) AS m ON t.node = m.node
    GROUP BY profile ORDER BY facts DESC LIMIT {pool:UInt32}
)
ORDER BY sipHash64(profile, {seed:UInt32}) LIMIT {count:UInt32}
"""
FACTS_SQL = """
SELECT count() FROM touchpoints WHERE realm = {realm:String} AND node IN
    (SELECT node FROM members WHERE realm = {realm:String} AND profile = {profile:UUID})
"""
COUNTS_SQL = """
SELECT sum(rows), count() FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
"""
MERGING_SQL = "SELECT count() FROM system.merges"
T = TypeVar("T")


def read_store(nodes: int, reads: int, seed: int) -> Result:
    """Fill a fresh store and time reads of it: latencies in ms, rows, parts, memory."""
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        settings = load_settings(Path(directory), identity_secret=SecretStr(SECRET))
        configure_logging(settings)
        with Engine.open(settings) as engine:
            database = engine.database
            database.command("SYSTEM STOP VIEW profile_totals")  # its hour may strike meanwhile
            begun = time.perf_counter()
            persons = fill(database, nodes, _filled)
            fill_s = time.perf_counter() - begun
            settled = settle_merges(database)
            tune_garbage_collector()
            return {
                "nodes": _count(database, "map")["rows"],
                "profiles": persons,
                "tables": {table: _count(database, table) for table in TABLES},
                "fill_seconds": round(fill_s, 1),
                "merges_settled": settled,
                "reads": reads,
                "latency_ms": _latencies(engine.profiles, database, reads, seed),
                "facts_per_profile_read": _facts(database, reads, seed),
                "peak_mib": peak_mib(),
            }


def _filled(persons: int, total: int) -> None:
    progress(f"  filled {persons:,} of {total:,} persons")


def settle_merges(database: Database) -> bool:
    """Wait until no merge runs, as between two loads; whether it came to that in time."""
    deadline = time.monotonic() + MERGES_DEADLINE_S
    while time.monotonic() < deadline:
        if not database.rows(MERGING_SQL)[0][0]:
            return True
        time.sleep(0.5)
    return False


def _count(database: Database, table: str) -> dict[str, int]:
    [(rows, parts)] = database.rows(COUNTS_SQL, {"table": table})
    return {"rows": rows, "parts": parts}


def _drawn(database: Database, reads: int, seed: int) -> list[tuple[NodeId, NodeId]]:
    """Random nodes with their profiles; any member of a profile is a handle of it."""
    where = {"realm": REALM, "seed": seed, "count": reads}
    return [(node.int, profile.int) for node, profile in database.rows(DRAWN_SQL, where)]


def _heavy(database: Database, reads: int, seed: int) -> list[tuple[NodeId, int]]:
    """Profiles of the hundredth that has most facts, with their number."""
    persons = database.rows("SELECT uniqExact(profile) FROM map")[0][0]
    pool = max(1, persons // HEAVY_SHARE)
    where = {"seed": seed, "pool": pool, "count": reads}
    return [(profile.int, facts) for profile, facts in database.rows(HEAVY_SQL, where)]


def _latencies(reader: ProfileReader, database: Database, reads: int, seed: int) -> Result:
    for node, _ in _drawn(database, WARM_UP_READS, seed + 1):
        reader.profile(REALM, node)
    drawn = _drawn(database, reads, seed)
    heavy = [profile for profile, _ in _heavy(database, max(1, reads // 5), seed)]
    nodes = [node for node, _ in drawn]
    profiles = [profile for _, profile in drawn]
    found = {
        "round_trip": timed(lambda _: database.rows("SELECT 1"), nodes)[1],
        "resolve": timed(lambda node: reader.resolve(REALM, [node]), nodes)[1],
        "profile": timed(lambda node: reader.profile(REALM, node), nodes)[1],
        "profile_heavy": timed(lambda one: reader.profile(REALM, one), heavy)[1],
    }
    pages, found["timeline_first"] = timed(
        lambda one: reader.timeline(REALM, one, PAGE_ENTRIES), profiles
    )
    more = [(one, cursor) for one, (_, cursor) in zip(profiles, pages, strict=True) if cursor]
    if more:
        found["timeline_next"] = timed(
            lambda one: reader.timeline(REALM, one[0], PAGE_ENTRIES, one[1]), more
        )[1]
    return found


def _facts(database: Database, reads: int, seed: int) -> Result:
    """How many facts the profiles read had (median, largest), and the heavy ones."""
    drawn = _drawn(database, min(reads, 100), seed)
    sizes = sorted(
        database.rows(FACTS_SQL, {"realm": REALM, "profile": UUID(int=profile)})[0][0]
        for _, profile in drawn
    )
    heavy = sorted(facts for _, facts in _heavy(database, max(1, reads // 5), seed))
    return {"median": sizes[len(sizes) // 2], "heavy_median": heavy[len(heavy) // 2]}


def timed(call: Callable[[T], object], arguments: Sequence[T]) -> object:
    raise NotImplementedError

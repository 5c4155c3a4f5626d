"""Fills a store with an identity graph, or measures one thing on it; run in a process of its own.

Whoever measures opens the store that another process has filled, so its peak memory is that of what
is measured. Rows read are those that the engine selected from tables (`SelectedRows`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.children import Result, answer, cpu_s, peak_mib, progress
from bench.identity_graph import REALM, VERSION, crowd_edges, fill, hub_neighbours, new_edges
from bench.reading import SECRET, settle_merges
from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.rules.identity import IdentityRules, identity_rules
from services.embedded.engine import Engine
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.main import CACHE_NODES_MAX
from services.identity.rebuild import rebuilt_parts
from services.identity.simulation import simulate
from services.identity.verification import Verified, differences
from services.identity.writer import IdentityWriter
from services.runtime.logging import configure_logging
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import load_settings
from services.store.database import Database, chunks

BATCH_EDGES = 5_000
WINDOW_EDGES = 20_000
SELECTED_SQL = "SELECT sum(value) FROM system.events WHERE event = 'SelectedRows'"
HIGHEST_SQL = "SELECT max(batch) FROM edges"
PARTS_SQL = """
SELECT sum(rows), count() FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
"""


class _Clock:
    """What has been used since it was made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows, self._cpu_s = self._selected(), cpu_s()
        self._began = time.perf_counter()

    def _selected(self) -> int:
        return int(self._database.rows(SELECTED_SQL)[0][0])

    def figures(self, what: str, count: int) -> Result:
        """Of so many edges or identifiers."""
        seconds, used_s = time.perf_counter() - self._began, cpu_s() - self._cpu_s
        return {
            what: count,
            "seconds": round(seconds, 2),
            f"{what}_per_second": round(count / seconds),
            "cpu_s_per_1000": round(1000 * used_s / max(1, count), 4),
            "rows_read_each": round((self._selected() - self._rows) / max(1, count), 1),
        }


class Until:
    """A store whose identifiers end after some seconds: what is measured is then a part of it."""

    def __init__(self, store: ClickHouseIdentityStore, seconds: float) -> None:
        self._store = store
        self._ends = time.monotonic() + seconds
        self.was_cut = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def nodes(self, realm: str, limit: int, after: NodeId | None = None) -> Iterator[list[Node]]:
        """See `VerificationSource`."""
        for page in self._store.nodes(realm, limit, after):
            self.was_cut = time.monotonic() > self._ends
            if self.was_cut:
                return
            yield page


def write(database: Database, persons: int, edges: int, _seconds: float) -> Result:
    """New edges through the writer, in batches, as the worker sets it up."""
    store = ClickHouseIdentityStore(database, sole_writer=True)
    writer = IdentityWriter(store, REALM, identity_rules(), CACHE_NODES_MAX)
    whole, windows, version = _Clock(database), list[Result](), VERSION
    for window in chunks(list(new_edges(persons, edges)), WINDOW_EDGES):
        clock = _Clock(database)
        for batch in chunks(window, BATCH_EDGES):
            version += 1
            writer.commit(writer.apply(batch), version)
        windows.append(clock.figures("edges", len(window)))
        progress(f"  {windows[-1]['edges_per_second']:,} edges/s")
    return {**whole.figures("edges", edges), "windows": windows}


def crowd(database: Database, persons: int, edges: int, _seconds: float) -> Result:
    """New neighbours of the identifier that so many share, in batches; and, before, as many edges
    of new identifiers that nobody shares."""
    store = ClickHouseIdentityStore(database, sole_writer=True)
    writer = IdentityWriter(store, REALM, identity_rules(), CACHE_NODES_MAX)
    found, [(version,)] = list[Result](), database.rows(HIGHEST_SQL)
    for shared in (False, True):
        given = list(crowd_edges(persons + edges * (1 + shared), edges, shared=shared))
        clock = _Clock(database)
        for batch in chunks(given, BATCH_EDGES):
            version += 1
            writer.commit(writer.apply(batch), version)
        found.append(clock.figures("edges", edges))
    return {**found[1], "neighbours": hub_neighbours(persons), "not_shared": found[0]}


def verify(database: Database, _persons: int, _edges: int, seconds: float) -> Result:
    """The stored map against its graph."""
    source, told, clock = _source(database, seconds), Verified(), _Clock(database)
    found = sum(1 for _ in differences(source, REALM, identity_rules(), told))
    return {**clock.figures("identifiers", told.nodes), "different": found, "cut": source.was_cut}


def try_rules(database: Database, _persons: int, _edges: int, seconds: float) -> Result:
    """What a lower limit would make of the graph."""
    source, clock = _source(database, seconds), _Clock(database)
    rules: IdentityRules = identity_rules()
    told = simulate(source, REALM, rules.model_copy(update={"hub_above": rules.hub_above // 2}))
    return {**clock.figures("identifiers", told.nodes), "moved": told.moved, "cut": source.was_cut}


def rebuild(database: Database, _persons: int, _edges: int, seconds: float) -> Result:
    """The map brought in line with rules from which it already follows."""
    source, clock = _source(database, seconds), _Clock(database)
    nodes = written = 0
    for part in rebuilt_parts(source, REALM, identity_rules()):
        nodes += part.nodes
        written += len(part.changes.placements)
    return {**clock.figures("identifiers", nodes), "written": written, "cut": source.was_cut}


def _source(database: Database, seconds: float) -> Any:
    return Until(ClickHouseIdentityStore(database), seconds)


def fill_store(database: Database, persons: int, _edges: int, _seconds: float) -> Result:
    """Write the graph and its map; what the tables hold then."""
    began = time.perf_counter()
    fill(database, persons, lambda done, _: progress(f"  filled {done:,} persons"))
    filled_s = time.perf_counter() - began
    settled = settle_merges(database)
    tables = {}
    for table in ("edges", "edges_reversed", "map"):
        [(rows, parts)] = database.rows(PARTS_SQL, {"table": table})
        tables[table] = {"rows": rows, "parts": parts}
    return {"tables": tables, "fill_seconds": round(filled_s, 1), "merges_settled": settled}


JOBS: dict[str, Callable[[Database, int, int, float], Result]] = {
    "fill": fill_store,
    "write": write,
    "crowd": crowd,
    "verify": verify,
    "simulate": try_rules,
    "rebuild": rebuild,
}


def main() -> None:
    """`python -m bench.identity_run JOB DIRECTORY PERSONS EDGES SECONDS`: one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("persons", type=int)
    parser.add_argument("edges", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    settings = load_settings(given.directory, identity_secret=SecretStr(SECRET))
    configure_logging(settings)
    with Engine.open(settings) as engine:
        tune_garbage_collector()
        job = JOBS[given.job]
        figures = job(engine.database, given.persons, given.edges, given.seconds)
    answer({**figures, "peak_mib": peak_mib()})


if __name__ == "__main__":
    main()

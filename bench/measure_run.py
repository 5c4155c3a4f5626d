"""Fills a store with customers and their orders, or computes one measure on it; run in a process of
its own.

Whoever computes opens the store that another process has filled, so its peak memory is that of the
measure. Rows and bytes read are those that the engine selected from tables.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from bench.children import Result, answer, cpu_s, peak_mib, progress
from bench.purchase_store import ENDS_MS, FILL, REALM, fill
from bench.reading import SECRET, settle_merges
from schemas.rules.insights import insight_rules
from services.embedded.engine import Engine
from services.measures.adapters.clickhouse import MeasureReader
from services.runtime.logging import configure_logging
from services.runtime.settings import load_settings
from services.store.database import Database

TABLES = ("orders", "map")
READ_SQL = """
SELECT sumIf(value, event = 'SelectedRows'), sumIf(value, event = 'SelectedBytes')
FROM system.events
"""
PARTS_SQL = """
SELECT sum(rows), count() FROM system.parts
WHERE active AND database = currentDatabase() AND table = {table:String}
"""


def fill_store(database: Database, persons: int) -> Result:
    """Write the customers and their orders; what the tables hold then."""
    began = time.perf_counter()
    fill(database, persons, lambda done, _: progress(f"  filled {done:,} persons"))
    filled_s = time.perf_counter() - began
    settled = settle_merges(database)
    tables = {}
    for table in TABLES:
        [(rows, parts)] = database.rows(PARTS_SQL, {"table": table})
        tables[table] = {"rows": rows, "parts": parts}
    return {"tables": tables, "fill_seconds": round(filled_s, 1), "merges_settled": settled}


def compute(reader: MeasureReader, database: Database, name: str) -> Result:
    """One measure of the last year, once: what it took."""
    [before], used_s, began = database.rows(READ_SQL), cpu_s(), time.perf_counter()
    found = reader.measure(name, REALM)
    seconds = time.perf_counter() - began
    [after] = database.rows(READ_SQL)
    return {
        "measure": name,
        "customers": found.n,
        "value": found.value,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_s() - used_s, 2),
        "rows_read": after[0] - before[0],
        "mib_read": round((after[1] - before[1]) / 1024**2, 1),
    }


def main() -> None:
    """`python -m bench.measure_run fill|MEASURE DIRECTORY PERSONS`: one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job")
    parser.add_argument("directory", type=Path)
    parser.add_argument("persons", type=int)
    given = parser.parse_args()
    settings = load_settings(given.directory, identity_secret=SecretStr(SECRET))
    configure_logging(settings)
    with Engine.open(settings) as engine:
        database = engine.database
        if given.job == FILL:
            figures = fill_store(database, given.persons)
        else:
            now = datetime.fromtimestamp(ENDS_MS / 1000, UTC)
            reader = MeasureReader(database, settings.realms, insight_rules(), lambda: now)
            opened_mib = peak_mib()
            figures = compute(reader, database, given.job) | {"opened_mib": opened_mib}
    answer({**figures, "peak_mib": peak_mib()})


if __name__ == "__main__":
    main()

"""Fills the store that the API is measured on; to be run in a process of its own.

A large invented customer base comes straight into the tables by SQL (bench/population.py). Beside
it stand customers that came in as events, as those of the live stream do: their identifiers can be
looked up and written to. Prints the ids that requests may ask for.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pydantic import SecretStr

from bench.children import Result, answer, progress
from bench.live_customers import LIVE_CUSTOMERS, SECRET, live_events
from bench.population import ISSUERS, REALM, fill
from bench.reading import settle_merges
from services.embedded.engine import Engine
from services.ingest.lines import Line
from services.runtime.logging import configure_logging
from services.runtime.settings import load_settings
from services.store.database import Database

IDS_MAX = 20_000
PROFILES_SQL = """
SELECT DISTINCT profile FROM members WHERE realm = {realm:String} AND kind = 'person'
    AND profile = node
ORDER BY sipHash64(profile, {seed:UInt32}), profile LIMIT {count:UInt32}
"""
COUNTS_SQL = """
SELECT (SELECT uniqExact(profile) FROM members), (SELECT count() FROM touchpoints),
    (SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase())
"""


def fill_store(data_dir: Path, profiles: int, seed: int) -> Result:
    """Fill a fresh data directory; what is in it, how long it took, ids of random profiles."""
    settings = load_settings(data_dir, identity_secret=SecretStr(SECRET))
    configure_logging(settings)
    with Engine.open(settings) as engine:
        database = engine.database
        begun_s = time.perf_counter()
        fill(database, profiles * len(ISSUERS), _told)
        ids = _ids(database, seed)  # before the live ones come: none of these ever changes
        lines = [event for number in range(LIVE_CUSTOMERS) for event in live_events(number)]
        engine.ingest([Line(one, len(one)) for one in lines], lambda _results: None)
        fill_s = time.perf_counter() - begun_s
        settled = settle_merges(database)
        [(persons, facts, disk_bytes)] = database.rows(COUNTS_SQL)
    return {
        "profiles": persons,
        "facts": facts,
        "disk_mib": round(disk_bytes / 1024**2),
        "fill_seconds": round(fill_s, 1),
        "merges_settled": settled,
        "ids": ids,
    }


def _ids(database: Database, seed: int) -> list[str]:
    rows = database.rows(PROFILES_SQL, {"realm": REALM, "seed": seed, "count": IDS_MAX})
    return [str(profile) for (profile,) in rows]


def _told(persons: int, total: int) -> None:
    progress(f"  filled {persons:,} of {total:,} profiles")


def main() -> None:
    """`python -m bench.api_fill DATA_DIR PROFILES SEED`: one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("profiles", type=int)
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    answer(fill_store(given.data_dir, given.profiles, given.seed))


if __name__ == "__main__":
    main()

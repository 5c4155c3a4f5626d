"""`c360 up` as it is, in a process that also asks its engine the bare queries of a profile.

The embedded engine serves one process, so only this one can say what the queries alone cost beside
the same stream of events. It is told so on standard input, and answers on standard output.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from bench.children import Result, answer
from bench.live_customers import SECRET
from bench.percentiles import percentile
from bench.population import REALM
from bench.store_counters import counters
from services.api.ports import Access
from services.api.queries.profiles import PROFILE_GET, ProfileGetRequest
from services.api.read_store import access_to
from services.cli.up import serve
from services.embedded.engine import Engine
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings, load_settings
from services.runtime.tracing import traced
from services.store.database import DATABASE, Database, open_embedded
from services.store.profile_map import PLACEMENTS_SQL

Statement = tuple[str, dict[str, Any] | None]


class Recorder(Database):
    """A connection that remembers what it was asked."""

    def __init__(self, database: Database) -> None:
        vars(self).update(vars(database))
        self.asked: list[Statement] = []

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """See Database."""
        self.asked.append((sql, parameters))
        return super().rows(sql, parameters)


class Bare:
    """The statements of profiles, asked by some threads with a connection each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def _open(self) -> Database:
        return open_embedded(self._settings.data_dir, self._settings.api_limit_s)

    def measure(self, asked: Result) -> Result:
        """Profiles, single keys and `SELECT 1`, one after the other."""
        ids, how = asked["ids"], (asked["connections"], asked["seconds"])
        profiles = self._recorded(ids)
        keys: list[list[Statement]] = [
            [(PLACEMENTS_SQL, {"realm": REALM, "nodes": [one]})] for one in ids
        ]
        return {
            "statements_per_profile": round(sum(map(len, profiles)) / len(profiles), 1),
            "profile": self._timed(profiles, *how),
            "key": self._timed(keys, *how),
            "select_1": self._timed([[("SELECT 1", None)]], *how),
        }

    def counted(self) -> Result:
        """What the store has counted since it was opened (bench/store_counters.py)."""
        database = self._open()
        found = counters(lambda sql: ((row[0], row[1]) for row in database.rows(sql)), DATABASE)
        database.close()
        return found

    def _recorded(self, ids: Sequence[str]) -> list[list[Statement]]:
        """What a request for each of the profiles asks."""
        recorder = Recorder(self._open())
        access: Access = access_to(self._settings, recorder, _nobody_acts)
        found = []
        for one in ids:
            recorder.asked = []
            list(PROFILE_GET.run(access, ProfileGetRequest(realm=REALM, handle=one)))
            found.append(recorder.asked)
        recorder.close()
        return found

    def _timed(
        self, reads: Sequence[Sequence[Statement]], connections: int, seconds: float
    ) -> Result:
        """Ask all statements of a read, then those of the next one, in every thread."""
        databases = [self._open() for _ in range(connections)]
        latencies: list[list[float]] = [[] for _ in databases]
        until_s = time.perf_counter() + seconds

        def ask(number: int) -> None:
            database, mine, place = databases[number], latencies[number], number
            while (begun_s := time.perf_counter()) < until_s:
                for sql, parameters in reads[place % len(reads)]:
                    database.rows(sql, parameters)
                mine.append((time.perf_counter() - begun_s) * 1000)
                place += connections

        _in_threads(ask, connections)
        for database in databases:
            database.close()
        ascending = sorted(one for mine in latencies for one in mine)
        return {
            "requests": len(ascending),
            "per_second": round(len(ascending) / seconds, 1),
            "p50": round(percentile(ascending, 50), 2),
            "p99": round(percentile(ascending, 99), 2),
        }


def _in_threads(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def _nobody_acts(_record: object) -> None:
    raise AssertionError("a read acts on nothing")


def listen(bare: Bare) -> None:
    """Answer each line of standard input with a line."""
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        answer(bare.counted() if "counters" in asked else bare.measure(asked))
        sys.stdout.flush()


def main() -> None:
    """`python -m bench.api_service DATA_DIR PORT`: until SIGTERM. Settings come as for `c360`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("port", type=int)
    given = parser.parse_args()
    settings = load_settings(given.data_dir, identity_secret=SecretStr(SECRET))
    configure_logging(settings)
    listener = socket.create_server((settings.http_host, given.port))
    with traced(settings, "c360-up"), Engine.open(settings) as engine:
        engine.database.command("SYSTEM STOP VIEW profile_totals")  # its hour may strike meanwhile
        threading.Thread(target=listen, args=(Bare(settings),), daemon=True).start()
        serve(engine, listener)


if __name__ == "__main__":
    main()

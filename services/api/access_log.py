"""The access log: entries are buffered, written by a thread of their own, and read by page.

Nothing is dropped: while the store is away entries wait, and once too many do, `note` refuses, so
that nobody's profile is read without a trace. A process that is killed loses what it noted within
the last second; one that is stopped writes it first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from schemas.api.access import AccessEntry
from schemas.instants import to_ms
from services.api.ports import AccessFilter
from services.runtime.errors import Retry
from services.store.database import Database, rows_by_key
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
ENTRIES_SQL = _STATEMENTS["entries"]
NAMING_SQL = _STATEMENTS["naming"]
BY_KEY_SQL = _STATEMENTS["by_key"]
FLUSH_S = 1.0
FLUSH_ENTRIES = 200
BATCH_ENTRIES = 2_000
"""Most entries of one insert."""
ROOM = 200_000
"""Entries, and the profiles that they name, which may wait for the store."""
STOP_S = 10.0
"""How long a stopping process tries to write what waits."""
COLUMNS = (
    "at", "entry_id", "realm", "key_id", "key_name", "operation", "purpose", "profile_ids",
    "count", "request_id", "status",
)  # fmt: skip
log = structlog.get_logger()


class AccessLog:
    """Writes the access log. Any thread may call `note`."""

    def __init__(
        self,
        open_database: Callable[[], Database],
        *,
        room: int = ROOM,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`open_database` opens the connection that the thread writes on; it may raise Retry."""
        self._open_database = open_database
        self._room = room
        self._clock_s = clock_s
        self._waiting: list[AccessEntry] = []
        self._weight = 0
        self._changed = threading.Condition()
        self._stop_until_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def note(self, entry: AccessEntry) -> None:
        """Have an entry written. Does not block.

        Raises Retry when too many wait: the profiles must not be handed out.
        """
        weight = _weight_of(entry)
        with self._changed:
            if self._stop_until_s is not None or self._weight + weight > self._room:
                raise Retry("the access log cannot be written now, so no profile can be read")
            self._waiting.append(entry)
            self._weight += weight
            if len(self._waiting) >= FLUSH_ENTRIES:
                self._changed.notify()

    @property
    def waiting(self) -> int:
        """How many entries are not written yet."""
        return len(self._waiting)

    def stop(self) -> None:
        """Write what waits, for a bounded time, and end."""
        with self._changed:
            self._stop_until_s = self._clock_s() + STOP_S
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        if self._waiting:
            log.error("access_entries_lost", entries=len(self._waiting))

    def _run(self) -> None:
        database, is_well = None, True
        while self._goes_on():
            with self._changed:
                # After a failure a full buffer is no reason to try again at once.
                self._changed.wait_for(partial(self._is_due, is_well), FLUSH_S)
                batch = self._waiting[:BATCH_ENTRIES]
            try:
                database = database or self._open_database()
                database.insert_rows("access_log", COLUMNS, [_row_of(entry) for entry in batch])
            except Exception as error:  # whatever it is, entries are kept and the thread goes on
                if is_well:
                    name = type(error).__name__
                    log.warning("access_log_not_written", error=f"{name}: {error}")
                is_well = False
                continue
            is_well = True
            with self._changed:
                del self._waiting[: len(batch)]
                self._weight -= sum(map(_weight_of, batch))
        if database is not None:
            database.close()

    def _is_due(self, is_well: bool) -> bool:
        if self._stop_until_s is not None:
            return is_well
        return is_well and len(self._waiting) >= FLUSH_ENTRIES

    def _goes_on(self) -> bool:
        """Until it is stopped, and then until all is written or the time is over."""
        ends_s = self._stop_until_s
        return ends_s is None or (bool(self._waiting) and self._clock_s() < ends_s)


def _weight_of(entry: AccessEntry) -> int:
    return 1 + len(entry.profile_ids)


def _row_of(entry: AccessEntry) -> list[Any]:
    return [getattr(entry, name) for name in COLUMNS]


class AccessReader:
    """Reads the access log. Methods block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(
        self, realm: str, filters: AccessFilter, before: tuple[int, str] | None, limit: int
    ) -> list[AccessEntry]:
        """See services.api.ports.AccessSource."""
        place = before or (filters.until_ms, "")
        if filters.profiles is None:
            return self._latest(realm, filters, place, limit)
        keys = rows_by_key(
            self._database,
            NAMING_SQL,
            realm,
            filters.profiles,
            "profiles",
            **_bound(filters, place, limit),
        )
        latest = sorted(set(keys), reverse=True)[:limit]
        if not latest:
            return []
        times, ids = zip(*latest, strict=True)
        wanted = {"realm": realm, "times": list(times), "ids": list(ids)}
        return [_entry_of(row) for row in self._database.rows(BY_KEY_SQL, wanted)]

    def _latest(
        self, realm: str, filters: AccessFilter, place: tuple[int, str], limit: int
    ) -> list[AccessEntry]:
        """Entries before a place; those that are there twice make room for more."""
        found: dict[tuple[int, str], AccessEntry] = {}
        while True:
            bound = _bound(filters, place, limit)
            rows = self._database.rows(ENTRIES_SQL, {"realm": realm, **bound})
            for entry in map(_entry_of, rows):
                place = (to_ms(entry.at), entry.entry_id)
                found[place] = entry
            if len(found) >= limit or len(rows) < limit:
                return list(found.values())[:limit]


def _bound(filters: AccessFilter, place: tuple[int, str], limit: int) -> dict[str, Any]:
    chosen = {"since": filters.since_ms, "key": filters.key_id, "limit": limit}
    return {**chosen, "before": place[0], "before_id": place[1]}


def _entry_of(row: tuple[Any, ...]) -> AccessEntry:
    return AccessEntry.model_validate(dict(zip(COLUMNS, row, strict=True)))

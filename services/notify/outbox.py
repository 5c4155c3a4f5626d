"""What is still to be sent, and how far incidents were read: one transaction for both, in SQLite.

An incident has one entry per target, of its latest state; so has a fault, if the target is told of
those (services/notify/faults.py). After a kill everything that was not
acknowledged is sent again under the same id. Not safe for several processes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from schemas.rules.routing import Route
from services.notify.faults import PREFIX, ToldFaults
from services.notify.firing import FiringAlerts
from services.notify.segment_positions import SegmentPositions
from services.runtime.errors import ConfigurationError
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
SCHEMA = """
CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), last_id TEXT);
CREATE TABLE IF NOT EXISTS told (target TEXT, incident_id TEXT, state TEXT, severity TEXT,
    changes INTEGER, PRIMARY KEY (target, incident_id));
CREATE TABLE IF NOT EXISTS outbox (target TEXT, incident_id TEXT, due REAL, route TEXT,
    record TEXT, labels TEXT, number INTEGER, tried INTEGER, refusals INTEGER, revision INTEGER,
    PRIMARY KEY (target, incident_id));
CREATE INDEX IF NOT EXISTS by_due ON outbox (target, due);
CREATE TABLE IF NOT EXISTS given_up (target TEXT, message_id TEXT, status INTEGER, at REAL,
    PRIMARY KEY (target, message_id));
"""
ENDED = frozenset({"resolved", "retracted"})
SEEN_TO = frozenset({"acknowledged", "muted"})
BEFORE = frozenset({"upcoming", "pending"})


class OutboxEntry(NamedTuple):
    """An incident, or a fault, that a target is still to hear of."""

    target: str
    incident_id: str
    """Of a fault its name in the outbox."""
    due: float
    """Unix time."""
    route: Route
    record: Mapping[str, Any]
    """The incident; of a fault the one that stands for it, with what is known of the fault."""
    labels: Mapping[str, str]
    number: int
    """Which change of the incident it is for the target, from 1."""
    refusals: int
    revision: int

    @property
    def name(self) -> str:
        """Name in messages: the id of the incident, or that of the fault and its labels."""
        return self.incident_id.removeprefix(PREFIX)


class NotifyOutbox:
    """The file. Methods block for the time of a write to disk."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError if the file cannot be used."""
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise ConfigurationError(f"state file {path} cannot be used: {error}") from error
        self.alerts = FiringAlerts(self._db)
        self.faults = ToldFaults(self._db)
        self.segments = SegmentPositions(self._db)
        path.chmod(0o600)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def last_id(self) -> str:
        """How far incidents were read; empty before the first."""
        row = self._db.execute(_STATEMENTS["position"]).fetchone()
        return row[0] if row else ""

    def advance(self, last_id: str) -> None:
        """Nothing up to here is for anybody."""
        self._db.execute("INSERT OR REPLACE INTO position VALUES (1, ?)", (last_id,))

    def take(
        self,
        record: Mapping[str, Any],
        routed: Mapping[str, tuple[Route, Mapping[str, str], float] | None],
        last_id: str = "",
    ) -> None:
        """Note an incident for the targets that are to hear of it, and how far was read.

        `routed` is route, labels and due time by target; None for a target that it is not for.
        """
        with _Transaction(self._db):
            for target, where in routed.items():
                if self.alerts.has(target):
                    self.alerts.take(target, record, where)
                elif self.faults.takes(target, record):
                    self.faults.take(target, record, where)
                else:
                    self._take(target, record, where)
            if last_id:
                self.advance(last_id)

    def forget(self, incident_id: str, last_id: str = "") -> None:
        """An incident is no more; nobody is told of that, but perhaps of the end of its fault."""
        with _Transaction(self._db):
            self.faults.forget(incident_id)
            if last_id:
                self.advance(last_id)

    def _take(
        self,
        target: str,
        record: Mapping[str, Any],
        where: tuple[Route, Mapping[str, str], float] | None,
    ) -> None:
        key = (target, record["incident_id"])
        told = self._db.execute(_STATEMENTS["told"], key).fetchone()
        waiting = self._db.execute(_STATEMENTS["waiting_entry"], key).fetchone()
        state, is_known = record["state"], bool(told or (waiting and waiting[1]))
        is_same = bool(told) and told[:2] == (state, record["severity"])
        if (is_same and not (waiting and waiting[1])) or (
            not is_known and (where is None or state in ENDED | SEEN_TO | BEFORE)
        ):
            self._db.execute("DELETE FROM outbox WHERE target = ? AND incident_id = ?", key)
            return
        if told and told[0] in ENDED and state in ENDED | BEFORE:
            return
        route, labels, due = where or (Route.PAGE, {}, time.time())
        if waiting:
            due = min(due, waiting[0])
        values = (
            due, route, orjson.dumps(record).decode(), orjson.dumps(labels).decode(),
            (told[2] if told else 0) + 1, waiting[1] if waiting else 0,
            waiting[2] + 1 if waiting else 0,
        )  # fmt: skip
        self._db.execute(
            "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)", (*key, *values)
        )

    def due(self, target: str, now: float, limit: int) -> list[OutboxEntry]:
        """The entries of a target that are due, the earliest first."""
        rows = self._db.execute(
            _STATEMENTS["due"],
            (target, now, limit),
        )
        return [
            OutboxEntry(
                name,
                incident_id,
                at,
                Route(route),
                orjson.loads(record),
                orjson.loads(labels),
                *numbers,
            )
            for name, incident_id, at, route, record, labels, *numbers in rows
        ]

    def trying(self, entries: Sequence[OutboxEntry]) -> None:
        """From now on the target may have heard of these."""

        def note(one: OutboxEntry) -> None:
            sql = "UPDATE outbox SET tried = max(tried, 1) WHERE target = ? AND incident_id = ?"
            self._db.execute(sql, one[:2])
            if "fault" in one.record:
                self.faults.trying(*one[:2], one.record)

        self._each(entries, note)

    def delivered(self, entries: Sequence[OutboxEntry]) -> None:
        """The target has these; what changed meanwhile stays to be sent."""
        self._each(entries, self._done)

    def refused(
        self, entries: Sequence[OutboxEntry], most: int, message_id: str, status: int, now: float
    ) -> bool:
        """The target refuses these; whether they are given up, being refused too often."""
        is_over = entries[0].refusals + 1 >= most

        def count(one: OutboxEntry) -> None:
            sql = "UPDATE outbox SET refusals = refusals + 1 WHERE target = ? AND incident_id = ?"
            self._db.execute(sql, one[:2])

        self._each(entries, self._done if is_over else count)
        if is_over:
            values = (entries[0].target, message_id, status, now)
            self._db.execute("INSERT OR REPLACE INTO given_up VALUES (?, ?, ?, ?)", values)
        return is_over

    def _done(self, one: OutboxEntry) -> None:
        state = one.record["state"], one.record["severity"]
        told = (one.target, one.incident_id, *state, one.number)
        self._db.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)", told)
        key = one.target, one.incident_id
        sql = "DELETE FROM outbox WHERE target = ? AND incident_id = ? AND revision = ?"
        if not self._db.execute(sql, (*key, one.revision)).rowcount:
            sql = "UPDATE outbox SET number = ?, tried = 0 WHERE target = ? AND incident_id = ?"
            self._db.execute(sql, (one.number + 1, *key))
        if "fault" in one.record:
            self.faults.delivered(*key, one.record, one.route)

    def _each(self, entries: Sequence[OutboxEntry], do: Callable[[OutboxEntry], Any]) -> None:
        with _Transaction(self._db):
            for one in entries:
                do(one)

    def lasting(self) -> set[str]:
        """Incidents that some target knows, or is to know, as not ended."""
        rows = self._db.execute(_STATEMENTS["lasting"])
        alone = {incident_id for (incident_id,) in rows}
        return alone | self.alerts.lasting() | self.faults.lasting()

    def given_up(self) -> list[tuple[str, str, int, float]]:
        """Events that targets refused: target, id, last status, Unix time."""
        return list(self._db.execute(_STATEMENTS["given_up"]))

    def overdue(self, now: float) -> tuple[int, float]:
        """How many notifications and alerts are due at `now`, and the seconds of the oldest."""
        (entries, first), (alerts, other) = (
            self._db.execute(_STATEMENTS["overdue"], (now,)).fetchone(),
            self.alerts.overdue(now),
        )
        return entries + alerts, max(0.0, now - min(first or now, other or now))

    def waiting(self) -> list[tuple[str, int, float]]:
        """By target how many entries there are, and when the oldest was due."""
        return list(self._db.execute(_STATEMENTS["waiting"]))


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")

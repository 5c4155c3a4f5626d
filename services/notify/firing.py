"""The alerts that Alertmanagers hold, or are to hold: tables in the state file of the outbox.

Alertmanager forgets an alert that is not repeated, so a row stays while its incident is open, and
goes when the end was sent. An alert is known by its labels: one whose labels change ends, and
another begins.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from schemas.rules.routing import Route
from services.notify.core.alerts import labels_of
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
SCHEMA = """
CREATE TABLE IF NOT EXISTS alertmanager (target TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS alert (target TEXT, incident_id TEXT, labels TEXT, record TEXT,
    due REAL, ended REAL, tried INTEGER, revision INTEGER,
    PRIMARY KEY (target, incident_id, labels));
CREATE INDEX IF NOT EXISTS alert_by_due ON alert (target, due);
"""
FIRES, FAULT = "open", "fault"
STILL_FIRES = "acknowledged"
"""Somebody works on it: it is not over. It begins no alert either."""


class FiringAlert(NamedTuple):
    """An alert that is to be sent now, for the first time or again."""

    target: str
    incident_id: str
    labels: str
    """A JSON object; with the target and the incident the key of the row."""
    record: Mapping[str, Any]
    ended: float | None
    """Unix time of when its end was heard of; None while it lasts."""
    revision: int


def _labels(found: dict[str, str], before: Mapping[str, Any]) -> str:
    """The labels as JSON. Another fault alone makes no other alert: one that lasts stays in the
    group in which people were notified."""
    for text, (ended, *_) in before.items():
        known = orjson.loads(text)
        if ended is None and {**known, FAULT: ""} == {**found, FAULT: ""}:
            return text
    return orjson.dumps(found).decode()


class FiringAlerts:
    """The tables. `take` is called inside a transaction of the outbox."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._targets: frozenset[str] = frozenset()
        db.executescript(SCHEMA)

    def begin(self, targets: Iterable[str]) -> set[str]:
        """Name the targets that are Alertmanagers; those that hold nothing yet are returned.

        Alerts of targets that are no more are forgotten: Alertmanager ends them by itself.
        """
        self._targets = frozenset(targets)
        listed = (orjson.dumps(sorted(self._targets)).decode(),)
        self._db.execute(_STATEMENTS["forget_alertmanagers"], listed)
        self._db.execute(_STATEMENTS["forget_alerts"], listed)
        known = {name for (name,) in self._db.execute(_STATEMENTS["alertmanagers"])}
        return set(self._targets - known)

    def filled(self, targets: Iterable[str]) -> None:
        """These were told of everything that is open."""
        rows = [(name,) for name in targets]
        self._db.executemany("INSERT OR REPLACE INTO alertmanager VALUES (?)", rows)

    def has(self, target: str) -> bool:
        """Whether a target is an Alertmanager."""
        return target in self._targets

    def take(
        self,
        target: str,
        record: Mapping[str, Any],
        where: tuple[Route, Mapping[str, str], float] | None,
    ) -> None:
        """Note an incident: its alert begins, goes on or ends. `where` as for the outbox."""
        incident_id, state, labels = record["incident_id"], record["state"], ""
        key = (target, incident_id)
        before = {one[0]: one[1:] for one in self._db.execute(_STATEMENTS["alerts_of"], key)}
        lasts = any(ended is None for ended, _, _ in before.values())
        was_sent = any(ended is None and tried for ended, tried, _ in before.values())
        if where and (state == FIRES or (state == STILL_FIRES and lasts)):
            route, added, due = where
            labels = _labels(labels_of(record, route, added), before)
            _, tried, revision = before.get(labels, (None, 0, 0))
            due = min(due, time.time()) if was_sent else due
            if labels in before and before[labels][0] is None:
                sql = "UPDATE alert SET record = ? WHERE target = ? AND incident_id = ? "
                sql += "AND labels = ?"
                self._db.execute(sql, (orjson.dumps(record).decode(), *key, labels))
            else:
                values = (orjson.dumps(record).decode(), due, None, tried, revision + 1)
                sql = "INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                self._db.execute(sql, (*key, labels, *values))
        for other, (ended, tried, _) in before.items():
            if other != labels and ended is None:
                self._end(key, other, bool(tried))

    def _end(self, key: tuple[str, str], labels: str, may_be_known: bool) -> None:
        if may_be_known:
            sql = "UPDATE alert SET ended = ?, due = min(due, ?), revision = revision + 1 "
            values: tuple[Any, ...] = (time.time(), time.time(), *key, labels)
        else:
            sql, values = "DELETE FROM alert ", (*key, labels)
        where = "WHERE target = ? AND incident_id = ? AND labels = ?"
        self._db.execute(sql + where, values)

    def due(self, target: str, now: float, limit: int) -> list[FiringAlert]:
        """The alerts that are to be sent, the earliest first."""
        rows = self._db.execute(_STATEMENTS["alerts_due"], (target, now, limit))
        return [
            FiringAlert(name, incident_id, labels, orjson.loads(record), ended, revision)
            for name, incident_id, labels, record, ended, revision in rows
        ]

    def overdue(self, now: float) -> tuple[int, float | None]:
        """How many alerts are due at `now`, and since when the oldest is; None if none is."""
        found: tuple[int, float | None] = self._db.execute(
            _STATEMENTS["alerts_overdue"], (now,)
        ).fetchone()
        return found

    def trying(self, alerts: Sequence[FiringAlert]) -> None:
        """These may be known to the target from now on."""
        sql = "UPDATE alert SET tried = 1 WHERE target = ? AND incident_id = ? AND labels = ?"
        self._in_one(sql, [one[:3] for one in alerts])

    def sent(self, alerts: Sequence[FiringAlert], again_at: float) -> None:
        """The target has these; those that last are due again, what changed meanwhile is due."""
        where = "WHERE target = ? AND incident_id = ? AND labels = ? AND revision = ?"
        over = [(*one[:3], one.revision) for one in alerts if one.ended is not None]
        last = [(again_at, *one[:3], one.revision) for one in alerts if one.ended is None]
        self._in_one(f"DELETE FROM alert {where}", over)
        self._in_one(f"UPDATE alert SET due = ? {where}", last)

    def _in_one(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(sql, rows)
        self._db.execute("COMMIT")

    def lasting(self) -> set[str]:
        """Incidents whose alert lasts."""
        return {incident_id for (incident_id,) in self._db.execute(_STATEMENTS["alerts_lasting"])}

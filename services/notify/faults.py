"""The faults that webhooks are told of instead of each of their incidents: tables of the outbox.

An incident that is for a target is a member of its fault there until it ends. A fault has at most
one entry in the outbox and one row of what was sent, under a name of its own. It is sent when its
first incident is due, when it gets worse or much larger, when all of it is seen to, and at its end.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from schemas.incident import Severity
from schemas.rules.routing import Route
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
SCHEMA = """
CREATE TABLE IF NOT EXISTS member (target TEXT, incident_id TEXT, name TEXT, state TEXT,
    page INTEGER, rank INTEGER, due REAL, record TEXT, PRIMARY KEY (target, incident_id));
CREATE INDEX IF NOT EXISTS by_weight
    ON member (target, name, state, page DESC, rank DESC, due, incident_id);
CREATE TABLE IF NOT EXISTS fault (target TEXT, name TEXT, fault_id TEXT, labels TEXT,
    size INTEGER, incidents INTEGER, page INTEGER, rank INTEGER, step INTEGER, returned INTEGER,
    PRIMARY KEY (target, name));
"""
OPEN, LASTING = "open", ("open", "acknowledged", "muted")
ENDED = frozenset({"resolved", "retracted"})
SIZES = (10, 100, 1_000, 10_000, 100_000)
"""Incidents that last at one time: a fault that reaches such a number is told again."""
PREFIX = "fault:"
"""Of names, by which rows of faults differ from those of incidents."""
LABEL_DIGITS = 8
IN_DOUBT = 2
Where = tuple[Route, Mapping[str, str], float] | None


class _Fault(NamedTuple):
    """A fault of a target, with the worst that it was told of it."""

    fault_id: str
    labels: str
    size: int
    """Incidents that last."""
    incidents: int
    """All since it began."""
    page: int
    rank: int
    step: int
    returned: int
    """Whether an incident that somebody had seen to is open again."""


class _Member(NamedTuple):
    """The incident that stands for its fault."""

    record: Mapping[str, Any]
    state: str
    page: int
    rank: int
    due: float


class _Waiting(NamedTuple):
    """The entry of a fault."""

    due: float
    tried: int
    """0; 1 after a try; 2 after one that said another state than the target was told."""
    revision: int
    number: int
    record: str
    route: str


class ToldFaults:
    """The tables. `take`, `forget` and `delivered` are called in transactions of the outbox."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._targets: frozenset[str] = frozenset()
        db.executescript(SCHEMA)

    def begin(self, targets: Iterable[str]) -> None:
        """Name the targets that are told of faults; those of others are forgotten."""
        self._targets = frozenset(targets)
        listed = (orjson.dumps(sorted(self._targets)).decode(),)
        for sql in (
            _STATEMENTS["forget_members"],
            _STATEMENTS["forget_faults"],
            _STATEMENTS["forget_told"],
            _STATEMENTS["forget_entries"],
        ):
            self._db.execute(sql, listed)

    def takes(self, target: str, record: Mapping[str, Any]) -> bool:
        """Whether an incident is told as part of its fault; not if it was told alone."""
        if target not in self._targets:
            return False
        key = (target, record["incident_id"])
        if self._db.execute(_STATEMENTS["member"], key).fetchone():
            return True
        alone = bool(self._db.execute(_STATEMENTS["known_alone"], key * 2).fetchone())
        return bool(record.get("fault_id")) and not alone

    def take(self, target: str, record: Mapping[str, Any], where: Where) -> None:
        """Note an incident that `takes` said yes to. `where` as for the outbox."""
        state, key = record["state"], (target, record["incident_id"])
        known = self._db.execute(_STATEMENTS["member"], key).fetchone()
        if known is None:
            if where is None or state not in LASTING:
                return
            name = self._join(target, record, where)
        else:
            name, was, page, due = known
            if state in LASTING:
                route, _, told_at = where or (Route.PAGE if page else Route.DIGEST, {}, due)
                is_same = page == (route is Route.PAGE)
                self._put(target, name, record, route, min(due, told_at) if is_same else told_at)
                if state == OPEN != was:
                    self._change(target, name, "returned = 1")
            else:
                self._db.execute("DELETE FROM member WHERE target = ? AND incident_id = ?", key)
                self._change(target, name, "size = size - 1")
                if state not in ENDED:  # what is pending again is not open: it was disproved
                    record = {**record, "state": "retracted"}
        self._settle(target, name, record, where)

    def forget(self, incident_id: str) -> None:
        """An incident is no more: of what it was nothing is kept but the end of its fault."""
        rows = self._db.execute(_STATEMENTS["targets_of"], (incident_id,)).fetchall()
        for target, text in rows:
            record = orjson.loads(text)
            kept = {name: record[name] for name in ("incident_id", "realm", "kind", "severity")}
            self.take(target, {**kept, "state": "retracted"}, None)

    def trying(self, target: str, name: str, record: Mapping[str, Any]) -> None:
        """From now on a target may have heard of an entry."""
        told = self._db.execute(_STATEMENTS["told"], (target, name)).fetchone()
        if told is None or told[0] != record["state"]:
            sql = "UPDATE outbox SET tried = ? WHERE target = ? AND incident_id = ?"
            self._db.execute(sql, (IN_DOUBT, target, name))

    def delivered(self, target: str, name: str, record: Mapping[str, Any], route: Route) -> None:
        """A target has an entry: remember the worst, and drop what is to be sent no more.

        The rows of the outbox were changed before.
        """
        fault = self._fault(target, name)
        if fault is None:
            return
        if record["state"] in ENDED:
            self._change(
                target, name, "page = 0, rank = -1, step = 0, returned = 0, incidents = size"
            )
        else:
            level = max((fault.page, fault.rank), (int(route is Route.PAGE), _rank(record)))
            step = max(fault.step, bisect_right(SIZES, record["fault"]["open"]))
            returned = 0 if record["state"] == OPEN else fault.returned
            self._change(
                target, name, "page = ?, rank = ?, step = ?, returned = ?", *level, step, returned
            )
        self._settle(target, name, None, None)

    def lasting(self) -> set[str]:
        """Incidents of faults that some target knows, or is to know, as not ended."""
        return {incident_id for (incident_id,) in self._db.execute(_STATEMENTS["members"])}

    def _join(
        self, target: str, record: Mapping[str, Any], where: tuple[Route, Mapping[str, str], float]
    ) -> str:
        """A new member; it keeps its fault, and the labels by which it was routed, to its end."""
        route, added, due = where
        labels = orjson.dumps(added, option=orjson.OPT_SORT_KEYS).decode()
        name = f"{PREFIX}{record['fault_id']}"
        if added:  # they say whom it is for
            name += f"-{hashlib.sha256(labels.encode()).hexdigest()[:LABEL_DIGITS]}"
        values = (target, name, record["fault_id"], labels)
        self._db.execute(
            "INSERT OR IGNORE INTO fault VALUES (?, ?, ?, ?, 0, 0, 0, -1, 0, 0)", values
        )
        self._put(target, name, record, route, due)
        self._change(target, name, "size = size + 1, incidents = incidents + 1")
        return name

    def _put(
        self, target: str, name: str, record: Mapping[str, Any], route: Route, due: float
    ) -> None:
        weight = (int(route is Route.PAGE), _rank(record), due)
        values = (target, record["incident_id"], name, record["state"], *weight)
        text = orjson.dumps(record).decode()
        self._db.execute(
            "INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, text)
        )

    def _change(self, target: str, name: str, what: str, *values: object) -> None:
        sql = f"UPDATE fault SET {what} WHERE target = ? AND name = ?"
        self._db.execute(sql, (*values, target, name))

    def _fault(self, target: str, name: str) -> _Fault | None:
        row = self._db.execute(_STATEMENTS["fault"], (target, name)).fetchone()
        return _Fault(*row) if row else None

    def _heaviest(self, target: str, name: str) -> _Member | None:
        """The incident that stands for a fault: an open one if there is any."""
        for state in LASTING:
            row = self._db.execute(_STATEMENTS["heaviest"], (target, name, state)).fetchone()
            if row is not None:
                return _Member(orjson.loads(row[0]), state, *row[1:])
        return None

    def _settle(
        self, target: str, name: str, taken: Mapping[str, Any] | None, where: Where
    ) -> None:
        """Write the entry that a target is to be sent of a fault, or remove it."""
        key = (target, name)
        told = self._db.execute(_STATEMENTS["told"], key).fetchone()
        row = self._db.execute(_STATEMENTS["waiting"], key).fetchone()
        waiting = _Waiting(*row) if row else None
        one = self._heaviest(target, name)
        if one is None or one.state != OPEN:  # what was taken back before does not matter any more
            self._change(target, name, "returned = 0")
        fault, lasts = self._fault(target, name), bool(told) and told[0] not in ENDED
        assert fault is not None
        is_news = lasts if one is None else _is_news(fault, one, told[0] if lasts else "")
        if is_news or (waiting and waiting.tried == IN_DOUBT):
            if taken is not None:
                self._write(key, fault, one, taken, where, told, waiting)
            return
        if waiting:
            self._db.execute("DELETE FROM outbox WHERE target = ? AND incident_id = ?", key)
        if waiting and waiting.tried:  # its number was used
            sql = "UPDATE told SET changes = ? WHERE target = ? AND incident_id = ?"
            self._db.execute(sql, (waiting.number, *key))
        if one is None:
            self._db.execute("DELETE FROM fault WHERE target = ? AND name = ?", key)

    def _write(
        self,
        key: tuple[str, str],
        fault: _Fault,
        one: _Member | None,
        taken: Mapping[str, Any],
        where: Where,
        told: Any,
        waiting: _Waiting | None,
    ) -> None:
        route, _, due = where or (Route.PAGE, {}, time.time())
        record = taken
        if one is not None:
            record, route = one.record, Route.PAGE if one.page else Route.DIGEST
            if not told or told[0] in ENDED:
                due = one.due
        if waiting and (one is None or told):
            due = min(due, waiting.due)
        counted = {"id": fault.fault_id, "open": fault.size, "incidents": fault.incidents}
        record = {**record, "fault": counted}
        number, revision, tried = (told[1] if told else 0) + 1, 0, 0
        if waiting:
            revision, tried = waiting.revision + 1, waiting.tried
            is_other = _level(record, route) != _level(orjson.loads(waiting.record), waiting.route)
            number = waiting.number + int(bool(tried) and is_other)  # each stands for what it said
        text = orjson.dumps(record).decode()
        values = (due, route, text, fault.labels, number, tried, 0, revision)
        self._db.execute(
            "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, *values)
        )


def _level(record: Mapping[str, Any], route: str) -> tuple[str, str, str, int]:
    """What a message says that is worth another one."""
    step = bisect_right(SIZES, record["fault"]["open"])
    return record["state"], str(route), record["severity"], step


def _is_news(fault: _Fault, one: _Member, told: str) -> bool:
    """Whether a fault that lasts is told, by the state that was told last, empty for none.

    Who has seen to a fault is not told of every incident that comes to it.
    """
    if one.state != OPEN:
        return told == OPEN
    is_worse = (one.page, one.rank) > (fault.page, fault.rank)
    is_larger = bisect_right(SIZES, fault.size) > fault.step
    return not told or is_worse or is_larger or (told != OPEN and bool(fault.returned))


def _rank(record: Mapping[str, Any]) -> int:
    return Severity(record["severity"]).rank

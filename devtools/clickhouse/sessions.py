"""Connections to the engine, and the sessions that keep one between requests.

A request without a session gets a connection of its own, so nothing it sets outlives it, as on a
server. A session keeps its SETs, its USE and its temporary tables; settings that came with one
request are taken back before the next.
"""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import suppress
from typing import Any

import chdb

from devtools.clickhouse.errors import QueryRefusal

SETTING_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")
SESSION_TIMEOUT_S, SESSION_TIMEOUT_MAX_S = 60, 3600
SESSIONS_MAX = 1000


class Connection:
    """One connection to the engine; one caller at a time."""

    def __init__(self, path: str) -> None:
        self.raw: Any = chdb.connect(path)  # type: ignore[no-untyped-call]
        self._home = self._current = "default"
        self._set: dict[str, str] = {}
        self._before: dict[str, tuple[str, bool]] = {}

    def prepare(self, database: str, settings: dict[str, str], label: str, *, kept: bool) -> None:
        """Make database and settings what this request asks for. Raises QueryRefusal.

        `label` goes into log_comment, by which a running statement is found. What a connection
        that is `kept` had before, `restore` brings back.
        """
        if settings != self._set:
            self.restore()
            if kept:
                self._before = self._values(settings)
        fresh = {} if settings == self._set else settings
        self._set = dict(settings)
        try:
            self._apply({**fresh, "log_comment": label})
            self._use(database or self._home)
        except QueryRefusal:
            self.restore()
            raise

    def restore(self) -> None:
        """Take back the settings that came with earlier requests."""
        for name, (value, changed) in self._before.items():
            literal = value if value.startswith("'") else quoted(value)
            self.run(f"SET {name} = {literal if changed else 'DEFAULT'}")
        self._before, self._set = {}, {}

    def settle(self) -> None:
        """Keep as the session's own what a SET or USE did."""
        self._home = self._current = self.run("SELECT currentDatabase() FORMAT TSVRaw").strip()

    def run(self, sql: str) -> str:
        """The answer of a statement of the endpoint's own, as text. Raises QueryRefusal."""
        try:
            return str(self.raw.query(sql, "TabSeparated").bytes().decode())
        except Exception as error:
            raise QueryRefusal.from_engine(error) from error

    def close(self) -> None:
        """Give the connection back to the engine."""
        with suppress(Exception):
            self.raw.close()

    def _apply(self, settings: dict[str, str]) -> None:
        assigned = (f"{_name(name)} = {quoted(value)}" for name, value in settings.items())
        self.run(f"SET {', '.join(assigned)}")

    def _use(self, database: str) -> None:
        if database != self._current:
            self.run(f"USE {identifier(database)}")
            self._current = database

    def _values(self, settings: dict[str, str]) -> dict[str, tuple[str, bool]]:
        names = ", ".join(quoted(_name(name)) for name in settings)
        if not names:
            return {}
        answer = self.run(
            f"SELECT name, value, changed FROM system.settings WHERE name IN ({names}) "
            "FORMAT JSONEachRow"
        )
        rows: list[dict[str, Any]] = [json.loads(line) for line in answer.splitlines()]
        return {row["name"]: (row["value"], bool(row["changed"])) for row in rows}


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted name."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _name(setting: str) -> str:
    if not SETTING_NAME.match(setting):
        raise QueryRefusal(115, f"Unknown setting {quoted(setting)} (UNKNOWN_SETTING)")
    return setting


class EngineSession:
    """A connection that stays, and until when."""

    def __init__(self, session_id: str, connection: Connection) -> None:
        self.session_id = session_id
        self.connection = connection
        self.timeout_s: float = SESSION_TIMEOUT_S
        self.expires = 0.0
        self.busy = False


class Sessions:
    """All sessions, by user-given id. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._sessions: dict[str, EngineSession] = {}

    def take(self, session_id: str, timeout_s: int, *, must_exist: bool) -> EngineSession:
        """The session, for one request; it stays busy until `give_back`. Raises QueryRefusal."""
        if not 0 <= timeout_s <= SESSION_TIMEOUT_MAX_S:
            raise QueryRefusal.of(
                374,
                f"Session timeout '{timeout_s}' is larger than max_session_timeout: "
                f"{SESSION_TIMEOUT_MAX_S}",
            )
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None and must_exist:
                raise QueryRefusal.of(372, f"Session {session_id} not found")
            if session is None:
                if len(self._sessions) >= SESSIONS_MAX:
                    raise QueryRefusal.of(202, f"Too many sessions: {SESSIONS_MAX} are open")
                session = EngineSession(session_id, Connection(self._path))
                self._sessions[session_id] = session
            if session.busy:
                raise QueryRefusal.of(373, f"Session {session_id} is locked by a concurrent client")
            session.busy, session.timeout_s = True, timeout_s
            return session

    def give_back(self, session: EngineSession) -> None:
        """The request is over; the timeout starts."""
        with self._lock:
            session.busy = False
            session.expires = time.monotonic() + session.timeout_s

    def expire(self) -> None:
        """Close every session whose time is over."""
        now = time.monotonic()
        with self._lock:
            over = [one for one in self._sessions.values() if not one.busy and one.expires < now]
            for session in over:
                del self._sessions[session.session_id]
        for session in over:
            session.connection.close()

    def close(self) -> None:
        """Close all that are not busy."""
        with self._lock:
            idle = [one for one in self._sessions.values() if not one.busy]
            self._sessions.clear()
        for session in idle:
            session.connection.close()

"""`c360 store retention` of events, with all that follows from them, killed in the middle of it."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.embedded.engine import Engine
from services.retention.removal import EventRemoval
from services.runtime.settings import load_settings
from tests.e2e.runs import DEADLINE_S, SECRET, c360
from tests.events import event, identifier, line

LIMITS = json.dumps({"page.viewed": 30, "search.performed": 60})


def _stream(path: Path) -> Path:
    """Events of ten customers of some hundred days, each known by what the page views say."""
    lines = [
        event(
            "search.performed" if day % 4 == 0 else "page.viewed",
            event_id=f"{customer}-{day}",
            occurred_at=(datetime.now(UTC) - timedelta(days=day)).isoformat(),
            identifiers=[
                identifier("email", f"{customer}@mail.example", verified=True),
                identifier("cookie", f"{customer}-{day // 20}"),
                identifier("device_id", f"tablet-{customer // 2}"),
            ],
            body={"query": "x"} if day % 4 == 0 else {},
        )
        for customer in range(10)
        for day in range(1, 100, 3)
    ]
    path.write_bytes(b"".join(line(one) + b"\n" for one in lines))
    return path


def _expire_and_die(directory: Path) -> None:
    """A removal that is killed when the facts are gone and the map is not settled."""

    def die(_removal: EventRemoval, _realm: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    EventRemoval._settle = die  # type: ignore[assignment, method-assign]
    settings = load_settings(directory, identity_secret=SECRET)
    with Engine.open(settings) as engine:
        engine.expire({"page.viewed": datetime.now(UTC) - timedelta(days=30)})


def _digests(directory: Path) -> Any:
    return json.loads(c360(directory, "state", "digest", "--json").stdout)


def test_events_expire_as_if_they_had_never_come(tmp_path: Path) -> None:
    """Killed, completed, sent again: the state is that of a directory which knew the limits before
    the first event."""
    stream = _stream(tmp_path / "stream.jsonl")
    first, second = tmp_path / "first", tmp_path / "second"
    apply = ("store", "retention", "--apply", "--json", "--within-s", "0")
    c360(first, "ingest", str(stream))
    before = _digests(first)
    looked = json.loads(
        c360(first, "store", "retention", "--json", C360_RETENTION_EVENTS_DAYS=LIMITS).stdout
    )
    assert [(one["event_type"], one["rows"], one["removed"]) for one in looked] == [
        ("page.viewed", 180, False), ("search.performed", 30, False),
    ]  # fmt: skip
    process = multiprocessing.get_context("spawn").Process(target=_expire_and_die, args=(first,))
    process.start()
    process.join(DEADLINE_S)
    assert process.exitcode == -signal.SIGKILL
    [views, searches] = json.loads(c360(first, *apply, C360_RETENTION_EVENTS_DAYS=LIMITS).stdout)
    assert (views["rows"], searches["rows"], views["removed"]) == (0, 30, True)
    kept = _digests(first)
    assert all(kept[name] != before[name] for name in ("facts", "edges", "map"))
    c360(first, "ingest", str(stream))
    assert _digests(first) == kept

    c360(second, "migrate")
    c360(second, *apply, C360_RETENTION_EVENTS_DAYS=LIMITS)
    c360(second, "ingest", str(stream))
    assert _digests(second) == kept

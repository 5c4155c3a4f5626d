"""The ingest worker's loop where the simulation does not look: odd settings, odd moments, odd
events. Its order of effects is tested in tests/simulation."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.worker import Limits
from services.runtime.errors import Fatal
from tests.events import event, line
from tests.unit.ingest.bench import Bench


def sent(**changes: Any) -> bytes:
    return line(event(**changes))


def test_fatal_on_a_quiet_topic_ends_the_worker_at_once() -> None:
    """A fault of a batch is raised without waiting for the next event."""
    bench = Bench(*[b"garbage"] * 3, limits=Limits(linger_s=0.05), consecutive_max=2)
    with pytest.raises(Fatal, match="3 events in a row were refused"):
        bench.run_until(lambda: False)
    assert bench.source.committed == []
    assert bench.outbox.sent == []


def test_no_linger_is_no_spin() -> None:
    """With a linger of zero every fetch is a batch, and the rest of the process still runs."""
    bench = Bench(*[sent(event_id=f"e{n}") for n in range(5)], limits=Limits(2, linger_s=0))
    bench.run_until(lambda: bench.source.committed[-1:] == [5])
    assert bench.source.committed[-1] == 5
    assert bench.metrics.events.labels("accepted")._value.get() == 5


def test_event_that_we_fail_on_is_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one event stops neither the others nor the worker; its text, which may
    quote the event, is kept nowhere."""
    bench = Bench(*[sent(event_id=f"e{n}") for n in range(3)], limits=Limits(linger_s=0.05))
    process = bench.core.process

    def failing(line: bytes, *rest: Any) -> Any:
        if b"e1" in line:
            raise KeyError("anna@example.com")
        return process(line, *rest)

    monkeypatch.setattr(bench.core, "process", failing)
    bench.run_until(lambda: bool(bench.source.committed))
    (letter,) = [one for one in bench.outbox.sent if one.topic == "c360.rejected"]
    headers = dict(letter.headers)
    assert headers["c360-reason"] == b"unprocessable"
    assert headers["c360-source-offset"] == b"1"
    assert letter.value == sent(event_id="e1")
    assert all(b"anna" not in value for value in headers.values())
    assert bench.metrics.events.labels("accepted")._value.get() == 2


def test_stop_finishes_what_is_in_hand() -> None:
    """A worker that is stopped before its batch is full processes and commits it."""
    bench = Bench(sent(), limits=Limits(linger_s=30))
    bench.run_until(lambda: not bench.source.left)
    assert bench.source.committed == [1]


def test_a_cloud_event_is_read_and_one_that_is_none_is_dead_lettered_as_it_came() -> None:
    """In binary mode, with its headers."""
    good = {"specversion": "1.0", "id": "ce-1", "source": "shop", "type": "page.viewed"}
    headers = tuple((f"ce_{name}", value.encode()) for name, value in good.items())
    bench = Bench(sent(event_id="e1"), sent(event_id="e2"), limits=Limits(linger_s=0.05))
    first, second = bench.source.left
    bench.source.left = [first._replace(headers=headers), second._replace(headers=headers[:-1])]
    bench.run_until(lambda: bool(bench.source.committed))
    assert bench.metrics.events.labels("accepted")._value.get() == 1
    (letter,) = [one for one in bench.outbox.sent if one.topic == "c360.rejected"]
    assert letter.value == sent(event_id="e2")
    assert set(headers[:-1]) <= set(letter.headers)
    assert dict(letter.headers)["c360-path"] == b"type"

"""Alerts that Alertmanagers are to hold: one by its labels, while the incident is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.rules.routing import Route
from services.notify.core.alerts import alert_of, labels_of
from services.notify.firing import FiringAlert
from services.notify.outbox import NotifyOutbox

A = "am"
PAGE = {A: (Route.PAGE, {"team": "tills"}, 10.0)}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[NotifyOutbox]:
    """An empty one, with an Alertmanager."""
    with closing(NotifyOutbox(tmp_path / "state.sqlite")) as opened:
        assert opened.alerts.begin([A]) == {A}
        yield opened


def record(state: str, severity: str = "high", **more: Any) -> dict[str, Any]:
    """An incident."""
    return {
        "incident_id": "i-1", "state": state, "severity": severity, "realm": "default",
        "kind": "price_mismatch", "opened_at": "2026-03-02T10:00:00Z", **more,
    }  # fmt: skip


def sent(outbox: NotifyOutbox, now: float = 1e12) -> list[tuple[str, bool]]:
    """Severity of what is due, and whether it ends; it is sent, and due again at 70."""
    due = outbox.alerts.due(A, now, 100)
    outbox.alerts.trying(due)
    outbox.alerts.sent(due, 70.0)
    return [(_severity(one), one.ended is not None) for one in due]


def _severity(one: FiringAlert) -> str:
    return str(orjson.loads(one.labels)["severity"])


def test_it_is_repeated_until_it_ends(outbox: NotifyOutbox) -> None:
    """The end is sent once, at once."""
    outbox.take(record("open"), PAGE)
    assert sent(outbox, 9.9) == []
    assert sent(outbox, 10.0) == [("high", False)]
    outbox.take(record("open"), PAGE)
    assert sent(outbox, 69.9) == []
    assert sent(outbox, 70.0) == [("high", False)]
    outbox.take(record("acknowledged"), PAGE)
    assert outbox.lasting() == {"i-1"}
    outbox.take(record("resolved"), PAGE)
    assert outbox.lasting() == set()
    assert sent(outbox) == [("high", True)]
    assert sent(outbox) == []


def test_another_severity_is_another_alert(outbox: NotifyOutbox) -> None:
    """The one ends, the other begins; and back again."""
    outbox.take(record("open"), PAGE)
    sent(outbox)
    outbox.take(record("open", "critical"), PAGE)
    assert sorted(sent(outbox)) == [("critical", False), ("high", True)]
    outbox.take(record("open"), PAGE)
    assert sorted(sent(outbox)) == [("critical", True), ("high", False)]


@pytest.mark.parametrize("state", ["resolved", "retracted", "muted", "pending", "upcoming"])
def test_what_ends_before_its_time_is_not_sent(outbox: NotifyOutbox, state: str) -> None:
    """Nor is what was acknowledged before."""
    outbox.take(record("acknowledged"), PAGE)
    outbox.take(record("open"), PAGE)
    outbox.take(record("open", "critical"), PAGE)
    assert sent(outbox, 9.9) == []
    outbox.take(record(state), PAGE)
    assert sent(outbox) == []


def test_an_end_during_a_request_is_sent_after_it(outbox: NotifyOutbox) -> None:
    """The answer to the begin does not take the end with it; nor does that to an end a begin."""
    outbox.take(record("open"), PAGE)
    begin = outbox.alerts.due(A, 10.0, 100)
    outbox.alerts.trying(begin)
    outbox.take(record("resolved"), PAGE)
    outbox.alerts.sent(begin, 70.0)
    end = outbox.alerts.due(A, 1e12, 100)
    assert [one.ended is not None for one in end] == [True]
    outbox.alerts.trying(end)
    outbox.take(record("open"), PAGE)
    outbox.alerts.sent(end, 70.0)
    assert sent(outbox) == [("high", False)]


def test_a_target_without_the_route_hears_of_the_end(outbox: NotifyOutbox) -> None:
    """As when severity falls to where the digest begins."""
    outbox.take(record("open"), PAGE)
    sent(outbox)
    outbox.take(record("open", "low"), {A: None})
    assert sent(outbox) == [("high", True)]


def test_targets_are_filled_once_and_forgotten(tmp_path: Path) -> None:
    """One that was told of what is open is not empty; rows of one that is no more are gone."""
    path = tmp_path / "state.sqlite"
    with closing(NotifyOutbox(path)) as first:
        first.alerts.begin([A])
        first.take(record("open"), PAGE)
        first.alerts.filled([A])
    with closing(NotifyOutbox(path)) as again:
        assert again.alerts.begin([A, "b"]) == {"b"}
        assert again.lasting() == {"i-1"}
        assert again.alerts.begin(["b"]) == {"b"}
        assert again.lasting() == set()


def test_an_alert_keeps_its_group(outbox: NotifyOutbox) -> None:
    """An incident that gets the id of its fault, or another, while its alert lasts."""
    for fault in ("", "f-1", "f-2"):
        outbox.take(record("open", fault_id=fault), PAGE)
        assert len(sent(outbox, 20.0)) == (0 if fault else 1)
    outbox.take(record("resolved", fault_id="f-2"), PAGE)
    outbox.take(record("open", fault_id="f-2"), PAGE)
    [alert] = [one for one in outbox.alerts.due(A, 1e12, 9) if one.ended is None]
    assert orjson.loads(alert.labels)["fault"] == "f-2"


def test_labels_of_an_incident() -> None:
    """No label is empty, and a rule cannot replace those of the incident."""
    added = {"team": "tills", "severity": "none"}
    assert labels_of(record("open", location=None, channel=""), "page", added) == {
        "alertname": "C360Incident", "incident": "i-1", "kind": "price_mismatch",
        "realm": "default", "route": "page", "severity": "high", "team": "tills",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("opened_at", "ends_in", "starts", "ends"),
    [
        # while it lasts
        ("2026-03-02T10:00:00Z", 900, "2026-03-02T10:00:00.000Z", "2026-03-02T12:15:00.000Z"),
        # a source whose clock is ahead
        ("2026-03-02T13:00:00Z", 0, "2026-03-02T12:00:00.000Z", "2026-03-02T12:00:00.000Z"),
        # the end was heard of before the clock that the begin was told by
        ("2026-03-02T11:59:00Z", -90, "2026-03-02T11:59:00.000Z", "2026-03-02T11:59:00.000Z"),
        # never opened
        (None, 900, "2026-03-02T12:00:00.000Z", "2026-03-02T12:15:00.000Z"),
    ],
)
def test_times_of_an_alert(opened_at: str | None, ends_in: int, starts: str, ends: str) -> None:
    """It never starts in the future and never ends before it starts."""
    said = record("open", opened_at=opened_at, subject={"sku": "x" * 5_000})
    alert = alert_of(said, {}, NOW, NOW + timedelta(seconds=ends_in))
    assert (alert["startsAt"], alert["endsAt"]) == (starts, ends)
    assert len(alert["annotations"]["subject"]) == 1_000


def test_how_long_the_oldest_has_been_due(outbox: NotifyOutbox) -> None:
    """Notifications and alerts together; what is due later is not late."""
    assert outbox.overdue(100.0) == (0, 0.0)
    outbox.take(record("open"), {A: (Route.PAGE, {}, 40.0), "hook": (Route.PAGE, {}, 90.0)})
    assert outbox.overdue(30.0) == (0, 0.0)
    assert outbox.overdue(70.0) == (1, 30.0)
    assert outbox.overdue(100.0) == (2, 60.0)
    outbox.alerts.sent(outbox.alerts.due(A, 100.0, 9), 160.0)
    assert outbox.overdue(100.0) == (1, 10.0)

"""Acknowledge and mute from the command line: in force at once, audited, and in the digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.runs import c360, c360_json, digest
from tests.e2e.up import running
from tests.events import event, line

WHO = ("--by", "kim", "--reason", "the shop knows")


def offer(channel: str, price: str, at: str) -> bytes:
    """A published price."""
    body = {"sku": "4711", "price": price, "currency": "EUR"}
    return line(
        event("offer.published", channel=channel, identifiers=[], occurred_at=at, body=body)
    )


WRONG = b"\n".join(
    [
        *(offer(channel, "10.00", "2026-03-01T00:00:00Z") for channel in ("app", "pos", "shop")),
        offer("shop", "12.00", "2026-03-02T00:00:00Z"),
        offer("app", "10.00", "2026-03-03T00:00:00Z"),
    ]
)
LATER = offer("pos", "10.00", "2026-03-06T00:00:00Z")
RIGHT_AGAIN = offer("shop", "10.00", "2026-03-07T00:00:00Z")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one open incident."""
    c360(tmp_path / "data", "ingest", "-", stdin=WRONG)
    return tmp_path / "data"


def only(data_dir: Path, *arguments: str) -> Any:
    """The one incident that is listed."""
    [found] = c360_json(data_dir, "incidents", "list", "--json", *arguments)
    return found


def test_all_of_a_fault(tmp_path: Path) -> None:
    """A price list that the shop missed: one command, an entry in the trail of each product."""
    data_dir = tmp_path / "data"

    def listed(channel: str, price: str, at: str, sku: str) -> bytes:
        body = {"sku": sku, "price": price, "currency": "EUR"}
        body |= {"price_list_id": "national", "price_list_edition": at[:10]}
        times = {"occurred_at": at, "identifiers": []}
        return line(event("offer.published", channel=channel, body=body, **times))

    channels, skus = ("app", "pos", "shop"), ("4711", "4712", "4713")
    old = [listed(one, "10.00", "2026-03-01T00:00:00Z", sku) for one in channels for sku in skus]
    new = [
        listed(one, "12.00", "2026-03-02T00:00:00Z", sku) for one in channels[:2] for sku in skus
    ]
    later = listed("app", "1.00", "2026-03-05T00:00:00Z", "9")
    c360(data_dir, "ingest", "-", stdin=b"\n".join([*old, *new, later]))
    counted = c360_json(data_dir, "incidents", "faults", "--state", "open", "--json")["counts"]
    fault = next(one for one in counted if one["example"]["cause"] == "stale_price")
    name = fault["group"]["fault"]
    assert (fault["incidents"], fault["subjects"], fault["places"]) == (3, 3, 1)
    assert name in c360(data_dir, "incidents", "faults").stdout
    done = c360(data_dir, "incidents", "ack", "--fault", name, *WHO).stdout
    assert f"3 of fault {name}: each is acknowledged (kim)" in done
    found = c360_json(data_dir, "incidents", "list", "--fault", name, "--json")
    assert [(one["state"], one["actions"][0]["by"]) for one in found] == [
        ("acknowledged", "kim")
    ] * 3
    undone = c360_json(data_dir, "incidents", "unack", "--fault", name, *WHO, "--json")
    assert [one["entry"]["incident_id"] for one in undone] == [one["incident_id"] for one in found]
    c360(data_dir, "incidents", "mute", "--fault", "f" * 16, *WHO, code=4)
    c360(data_dir, "incidents", "mute", *WHO, code=2)
    c360(data_dir, "incidents", "mute", "12", "--fault", name, *WHO, code=2)


def test_acknowledged_muted_and_over(data_dir: Path) -> None:
    """Each action shows at once; a mute ends by event time; at the end it is simply resolved."""
    opened = only(data_dir)
    assert (opened["state"], opened["actions"]) == ("open", [])
    short, before = opened["incident_id"][:6], digest(data_dir)
    done = c360_json(data_dir, "incidents", "ack", short, *WHO, "--json")
    assert done["entry"]["incident_id"] == opened["incident_id"]
    shown = only(data_dir, "--state", "acknowledged")
    assert {**shown, "state": "open", "actions": []} == opened
    after = digest(data_dir)
    assert {name for name in before if before[name] != after[name]} == {"incidents", "all"}

    c360(data_dir, "incidents", "mute", short, *WHO, "--until", "2026-03-05T00:00:00Z")
    assert only(data_dir, "--state", "muted")
    c360(data_dir, "ingest", "-", stdin=LATER)
    assert only(data_dir)["state"] == "acknowledged"
    c360(data_dir, "incidents", "unack", short, *WHO)
    assert only(data_dir)["state"] == "open"

    c360(data_dir, "ingest", "-", stdin=RIGHT_AGAIN)
    resolved = c360_json(data_dir, "incidents", "show", short, "--json")
    assert resolved["state"] == "resolved"
    assert [(one["action"], one["by"], one["reason"]) for one in resolved["actions"]] == [
        (action, "kim", "the shop knows") for action in ("ack", "mute", "unack")
    ]
    refused = c360(data_dir, "incidents", "unmute", short, *WHO, code=1)
    assert "is resolved since 2026-03-07" in refused.stderr


def test_what_is_asked_wrongly(data_dir: Path) -> None:
    """Unknown, ambiguous, or without who and why: the exit code and the message say which."""
    short = only(data_dir)["incident_id"][:6]
    assert "no incident 'ffff" in c360(data_dir, "incidents", "ack", "f" * 32, *WHO, code=4).stderr
    assert (
        "'mars' is not"
        in c360(data_dir, "incidents", "ack", short, *WHO, "--realm", "mars", code=4).stderr
    )
    assert "--reason" in c360(data_dir, "incidents", "ack", short, "--by", "kim", code=2).stderr
    blank = c360(data_dir, "incidents", "ack", short, "--by", " ", "--reason", "x", code=2)
    assert "by: " in blank.stderr
    for until in ("soon", "2026-03-05T00:00:00"):
        c360(data_dir, "incidents", "mute", short, *WHO, "--until", until, code=2)
    assert only(data_dir)["actions"] == []


def test_through_a_running_instance(data_dir: Path) -> None:
    """Beside `c360 up` the one writer applies it, between the batches of the intake."""
    opened = only(data_dir)
    with running(data_dir) as up:
        c360(data_dir, "incidents", "ack", opened["incident_id"], *WHO)
        assert only(data_dir)["state"] == "acknowledged"
        up.post(json.loads(RIGHT_AGAIN))
        c360(data_dir, "ingest", "-", stdin=b"")  # judges up to the latest event
        assert only(data_dir)["state"] == "resolved"
        refused = c360(data_dir, "incidents", "mute", opened["incident_id"], *WHO, code=1)
        assert "nothing is left to acknowledge or mute" in refused.stderr
        up.stop()
    assert only(data_dir)["actions"][0]["by"] == "kim"

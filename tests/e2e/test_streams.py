"""Streams of a running service: who comes and goes misses nothing and hears nothing twice."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.runs import c360, c360_json, wait_for
from tests.e2e.test_incident_actions import RIGHT_AGAIN, WRONG
from tests.e2e.up import Running, running
from tests.events import event, identifier
from tests.sse import Follower, SentEvent

INCIDENTS, PROFILES = "/v1/incidents/stream", "/v1/profiles/stream"
SCOPES = ("--scope", "profiles:read", "--scope", "incidents:read")
DEADLINE_S = 60
IDLE = 150
STOP_S_MAX = 10


def key(data_dir: Path, name: str, realm: str = "default") -> str:
    """A new key that may read."""
    made = c360_json(
        data_dir, "keys", "create", "--name", name, "--realm", realm, *SCOPES, "--json"
    )
    return str(made["key"])


def url(up: Running) -> str:
    """Where the service is."""
    return str(up.client.base_url)


def visitors(start: int, count: int) -> list[dict[str, Any]]:
    """Events that each make a profile of a cookie and a session."""
    return [
        event(identifiers=[identifier("cookie", f"c-{n}"), identifier("session", f"s-{n}")])
        for n in range(start, start + count)
    ]


def told(events: list[SentEvent]) -> list[tuple[str, int]]:
    """Which profile id was told at which version."""
    return [(one.data["profile_id"], one.data["map_version"]) for one in events]


def test_whoever_comes_back_hears_the_rest(tmp_path: Path) -> None:
    """Killed between two events, while more come in, and over a restart of the service; a client
    that stayed and one that reads all again heard the same."""
    heard: list[SentEvent] = []
    with running(tmp_path / "data") as up:
        desk = key(up.data_dir, "desk")
        stayed = Follower(url(up), PROFILES, desk)
        begin = stayed.reader.last_id
        follower = Follower(url(up), PROFILES, desk)
        for start in range(0, 60, 20):
            up.post(*visitors(start, 20))
            follower.got(1)
            last_id = follower.leave()
            heard += follower.reader.events
            up.post(*visitors(start + 1_000, 20))
            follower = Follower(url(up), PROFILES, desk, last_id)
        wait_for(lambda: len(heard) + len(follower.reader.events) >= 240)
        stayed.got(240)
        assert up.stop() == 0
        for one in (follower, stayed):
            one.ended()
            assert "stops" in one.reader.comments[-1]
        heard += follower.reader.events
        last_id = follower.reader.last_id
    with running(tmp_path / "data") as up:
        up.post(*visitors(5_000, 20))
        with Follower(url(up), PROFILES, desk, last_id) as follower:
            heard += follower.got(40)
        with Follower(url(up), PROFILES, desk, begin) as again:
            everything = told(again.got(280))
        with Follower(url(up), PROFILES, desk, stayed.reader.last_id) as rest:
            assert told(stayed.reader.events + rest.got(40)) == everything
        assert up.stop() == 0
    assert told(heard) == everything
    assert len(set(everything)) == 280
    assert {one.data["change"] for one in heard} == {"created", "identifiers"}


def test_incidents_of_the_realm_of_the_key(tmp_path: Path) -> None:
    """Opened and resolved as it happens; a key of another realm hears nothing."""
    realms = json.dumps({"default": {}, "other": {}})
    with running(tmp_path / "data", C360_REALMS=realms) as up:
        desk, other = key(up.data_dir, "desk"), key(up.data_dir, "other", "other")
        with (
            Follower(url(up), INCIDENTS, desk) as mine,
            Follower(url(up), INCIDENTS, other) as theirs,
        ):
            c360(up.data_dir, "ingest", "-", stdin=WRONG)
            wait_for(lambda: states(mine)[-1:] == ["open"])
            c360(up.data_dir, "ingest", "-", stdin=RIGHT_AGAIN)
            wait_for(lambda: states(mine)[-1:] == ["resolved"])
            shown = c360_json(up.data_dir, "incidents", "list", "--state", "resolved", "--json")
            last = mine.reader.events[-1].data
            assert last["incident_id"] == shown[0]["incident_id"]
            assert last["subject"] == shown[0]["subject"]
            assert theirs.reader.events == []
        assert up.stop() == 0


def states(follower: Follower) -> list[str]:
    """The states that were told."""
    return [one.data["state"] for one in follower.reader.events]


def test_idle_subscribers_cost_little(tmp_path: Path) -> None:
    """All of them hear the next event; they take little memory, and requests are answered."""
    with running(
        tmp_path / "data",
        C360_API_STREAMS_PER_KEY_MAX=str(IDLE),
        C360_HTTP_CONNECTIONS_MAX=str(2 * IDLE),
    ) as up:
        desk = key(up.data_dir, "desk")
        with Follower(url(up), PROFILES, desk):
            before = memory(up)
            with idle(up, desk, IDLE - 1) as sockets:
                refused = up.client.get(PROFILES, headers={"Authorization": f"Bearer {desk}"})
                assert refused.status_code == 429
                assert (memory(up) - before) / IDLE < 200_000
                assert up.post(*visitors(0, 1)).status_code == 200
                for one in sockets:
                    assert until(one, b"event: profile").count(b"event: ") >= 1
                begun_s = time.monotonic()
                assert up.stop() == 0
                assert time.monotonic() - begun_s < STOP_S_MAX


@contextmanager
def idle(up: Running, api_key: str, count: int) -> Iterator[list[socket.socket]]:
    """Open streams that nobody reads for now."""
    where = up.client.base_url
    head = f"GET {PROFILES} HTTP/1.1\r\nHost: c360\r\nAuthorization: Bearer {api_key}\r\n\r\n"
    sockets = [socket.create_connection((where.host, where.port), DEADLINE_S) for _ in range(count)]
    try:
        for one in sockets:
            one.sendall(head.encode())
        for one in sockets:
            assert until(one, b"\n:\nid: ").startswith(b"HTTP/1.1 200")
        yield sockets
    finally:
        for one in sockets:
            one.close()


def until(stream: socket.socket, text: bytes) -> bytes:
    """What comes, up to a text."""
    found = b""
    while text not in found:
        data = stream.recv(65_536)
        assert data, found
        found += data
    return found


def memory(up: Running) -> int:
    """Bytes that the service holds in memory."""
    pages = Path(f"/proc/{up.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()

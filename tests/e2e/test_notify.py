"""`c360 notify` as a process: signed events at least once, through kills, faults and refusals."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from schemas.segment_change import SegmentChangeRecord
from tests.e2e.runs import attempt, c360_json, environment, wait_for
from tests.e2e.up import running
from tests.events import event, identifier

SECRET, OLD_SECRET = (
    "whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)
)
PROGRAM = "from services.cli import main; main()"
Json = dict[str, Any]


def record(number: int, state: str = "open", severity: str = "critical") -> Json:
    """An incident as the stream of the API tells it."""
    return {
        "incident_id": f"{number:032x}", "realm": "default", "kind": "price_mismatch",
        "subject": {"type": "product", "market": "DE", "sku": "1"}, "channel": "pos",
        "location": "12", "state": state, "severity": severity, "cause": "wrong_price",
        "opened_at": "2026-03-02T00:00:00Z", "resolved_at": None, "row_version": 1,
    }  # fmt: skip


class Both:
    """An API with a stream, and receivers, on one port of the loopback."""

    def __init__(self) -> None:
        self.told: list[Json] = []
        self.changes: list[tuple[str, Json]] = []
        """Of segments, each with the name of its event."""
        self.got: dict[str, list[tuple[Any, bytes]]] = {}
        self.answers: dict[str, int] = {}
        self.port = 0
        self.denied = False
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/incidents/stream", self._stream),
                web.get("/v1/segments/stream", self._stream),
                web.get("/v1/incidents", self._list),
                web.post("/{name}", self._receive),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

        async def start() -> None:
            await self._runner.setup()
            site = web.TCPSite(self._runner, "127.0.0.1", 0)
            await site.start()
            self.port = self._runner.addresses[0][1]
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()

    def stop(self) -> None:
        async def clean() -> None:
            await self._runner.cleanup()
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(clean(), self._loop)
        self._thread.join(30)
        self._loop.close()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer key-1"
        if self.denied:
            raise web.HTTPForbidden
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        at = int(request.headers.get("Last-Event-ID", "0"))
        of_segments = request.path.startswith("/v1/segments/")
        with suppress(ConnectionError):
            while True:
                await answer.write(f"id: {at}\n\n".encode())
                incidents = [("incident", one) for one in self.told]
                events = self.changes if of_segments else incidents
                for number, (name, one) in enumerate(events[at:], at + 1):
                    text = f"id: {number}\nevent: {name}\ndata: {json.dumps(one)}\n\n"
                    await answer.write(text.encode())
                    at = number
                await asyncio.sleep(0.05)
        return answer

    async def _list(self, request: web.Request) -> web.Response:
        states = request.query.getall("state")
        latest = {one["incident_id"]: one for one in self.told}
        found = [one for one in latest.values() if one["state"] in states]
        return web.json_response({"entries": found, "next_cursor": None})

    async def _receive(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self.got.setdefault(name, []).append((request.headers.copy(), await request.read()))
        status = self.answers.get(name, 204)
        if status == 0:
            await asyncio.sleep(20)
        headers = {"Location": f"http://localhost:{self.port}/other"} if status == 302 else {}
        return web.Response(status=status, headers=headers)

    def has_ended(self, name: str, incident_id: str) -> bool:
        """Whether a receiver heard of the end of an incident."""
        ends = (f"{incident_id}.{number}.resolved" for number in (1, 2))
        return not set(ends).isdisjoint(one["id"] for one in self.events(name))

    def events(self, name: str) -> list[Json]:
        """The events that a receiver got, repeated ones included."""
        return [json.loads(body) for _, body in self.got.get(name, ())]


@pytest.fixture
def both() -> Iterator[Both]:
    """The servers."""
    made = Both()
    yield made
    made.stop()


class NotifyProcess:
    """A process with targets named by paths of the receiver."""

    def __init__(self, both: Both, directory: Path, *names: str, more: str = "") -> None:
        base = f"http://127.0.0.1:{both.port}"
        lines = [f'[source]\nurl = "{base}"\nkey = "key-1"']
        for name in names:
            lines.append(
                f'[[webhook]]\nname = "{name}"\nurl = "{base}/{name}"\ntimeout_s = 1\n'
                f'secrets = ["{SECRET}", "{OLD_SECRET}"]\ngive_up_after = 2'
            )
        self.file = directory / "targets.toml"
        self.file.write_text("\n".join([*lines, more]), "utf-8")
        self.directory = directory

    def command(self, *more: str) -> list[str]:
        """The command line."""
        own = ("notify", str(self.file), "--state", str(self.directory / "state.sqlite"))
        return [sys.executable, "-c", PROGRAM, *own, *more]

    def __enter__(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            self.command(),
            env=environment(C360_WORKER_HTTP_PORT="0"),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        assert "targets" in self.process.stderr.readline()
        return self.process

    def metrics_url(self) -> str:
        """Address of the page of metrics, which the process says when it has begun."""
        assert self.process.stderr is not None
        [url] = re.findall(r"http://\S+", self.process.stderr.readline())
        return str(url)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def ids(events: list[Json]) -> list[str]:
    """Ids of events without repetitions, in order."""
    return list(dict.fromkeys(one["id"] for one in events))


def test_signed_events_through_kills_and_faults(both: Both, tmp_path: Path) -> None:
    """Nothing is lost on kill -9, ids stay, and a dead, slow or refusing target stops no other."""
    both.answers = {"dead": 500, "slow": 0, "moved": 302}
    notify = NotifyProcess(both, tmp_path, "good", "dead", "slow", "moved")
    with notify as process:
        wait_for(lambda: (tmp_path / "state.sqlite").exists())
        both.told.append(record(1))
        wait_for(lambda: len(both.events("good")) == 1)
        wait_for(lambda: len(both.events("dead")) >= 2 and both.events("slow"))
        page = notify.metrics_url()
        assert _text(page.replace("/metrics", "/readyz")), "it reads, so it is ready"
        wait_for(lambda: 'deliveries_total{outcome="given_up"} 1.0' in _text(page))
        assert len(both.events("moved")) == 2
        process.send_signal(signal.SIGKILL)
        process.wait()
    both.told += [record(2), record(1, "resolved"), record(3), record(3, "resolved")]
    both.answers = {}
    with notify as process:
        name = record(1)["incident_id"]
        for target in ("good", "dead", "slow"):
            wait_for(partial(both.has_ended, target, name))
        wait_for(lambda: f"{record(2)['incident_id']}.1.open" in ids(both.events("dead")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    good = both.events("good")
    assert ids(good)[0] == f"{name}.1.open"
    first = good[0]
    assert (first["specversion"], first["type"]) == ("1.0", "c360.incident.opened")
    assert first["source"] == "/c360/realms/default/incidents"
    assert first["data"] == {"incident": record(1), "labels": {}}
    assert "localhost" not in str(both.got.get("other", ""))
    assert "other" not in both.got, "no redirect is followed"
    for headers, body in both.got["good"]:
        assert headers["Content-Type"].startswith("application/cloudevents+json")
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        keys = [base64.b64decode(one.removeprefix("whsec_")) for one in (SECRET, OLD_SECRET)]
        digests = [hmac.digest(key, content, hashlib.sha256) for key in keys]
        expected = [f"v1,{base64.b64encode(one).decode()}" for one in digests]
        assert headers["webhook-signature"].split() == expected
    told = subprocess.run(
        notify.command("--given-up", "--json"), env=environment(), capture_output=True, check=True
    )
    [refused] = json.loads(told.stdout)
    assert (refused["target"], refused["status"]) == ("moved", 302)
    assert refused["message_id"] == f"{name}.1.open"


def test_one_page_per_fault(both: Both, tmp_path: Path) -> None:
    """Forty incidents of a missed price list, through kill -9 and an absence: the first, the tenth
    and the end are posted. Another target hears of each."""
    fault = {"fault_id": "f" * 16}
    told = [record(number) | fault for number in range(1, 41)]
    notify = NotifyProcess(both, tmp_path, "pager", "archive")
    text = notify.file.read_text("utf-8").replace(
        'name = "archive"\n', 'name = "archive"\none_page_per = "incident"\n'
    )
    notify.file.write_text(text, "utf-8")
    with notify as process:
        both.told.append(told[0])
        wait_for(lambda: both.events("pager"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    both.told += told[1:]
    with notify as process:
        wait_for(lambda: len(set(ids(both.events("archive")))) == 40)
        process.send_signal(signal.SIGKILL)
        process.wait()
    both.told += [one | {"state": "resolved"} for one in told]
    with notify:
        wait_for(lambda: len(set(ids(both.events("archive")))) == 80)
        wait_for(lambda: both.events("pager")[-1]["type"] == "c360.incident.resolved")
    pages = {one["id"]: one for one in both.events("pager")}
    types = [one["type"].rpartition(".")[2] for one in pages.values()]
    assert types == ["opened", "opened", "resolved"]
    opened, grown, over = (one["data"]["fault"] for one in pages.values())
    assert (opened, over) == (
        {"id": "f" * 16, "open": 1, "incidents": 1},
        {"id": "f" * 16, "open": 0, "incidents": 40},
    )
    assert 10 <= grown["open"] <= 40
    assert {one["subject"] for one in pages.values()} == {"f" * 16}


def changed(number: int, segment: str = "lapsing", change: str = "entered") -> tuple[str, Json]:
    """A change of a segment as the stream of the API tells it."""
    told = {
        "version": 1, "realm": "default", "segment": segment, "definition": 1, "change": change,
        "profile_id": f"00000000-0000-0000-0000-{number:012}", "reason": "event", "sequence": 1,
        "at": f"2026-03-02T00:00:{number % 60:02}Z",
    }  # fmt: skip
    return "segment", told


def segment_targets(both: Both, directory: Path, **more: str) -> NotifyProcess:
    """A process whose only targets are these, each with settings of its own."""
    directory.mkdir(exist_ok=True)
    base = f"http://127.0.0.1:{both.port}"
    texts = [
        f'[[segment_webhook]]\nname = "{name}"\nurl = "{base}/{name}"\nsecrets = ["{SECRET}"]\n'
        f"timeout_s = 1\ngive_up_after = 2\n{settings}"
        for name, settings in more.items()
    ]
    return NotifyProcess(both, directory, more="\n".join(texts))


def test_changes_of_segments_in_their_order_through_kills(both: Both, tmp_path: Path) -> None:
    """Each before the next, again after a kill, none of other segments; a target that fails waits
    and misses nothing, one that refuses is given up after its time. Incidents are not read."""
    both.answers = {"dead": 500, "moved": 302}
    only = 'segments = ["lapsing"]'
    notify = segment_targets(both, tmp_path, all="", one=only, dead="", moved=only)
    changes = [changed(n, "loyal" if n % 3 == 0 else "lapsing") for n in range(1, 21)]
    with notify as process:
        both.changes += changes[:10]
        wait_for(lambda: len(ids(both.events("all"))) == 10 and both.events("dead"))
        page = notify.metrics_url()
        wait_for(lambda: _is_ready(page.replace("/metrics", "/readyz")))
        wait_for(lambda: re.search(r'deliveries_total{outcome="given_up"} [1-9]', _text(page)))
        process.send_signal(signal.SIGKILL)
        process.wait()
    both.answers = {}
    both.changes += [*changes[10:], ("reset", {}), changed(99, change="left")]
    with notify as process:
        wanted = 22
        for name in ("all", "dead"):
            wait_for(lambda name=name: len(ids(both.events(name))) == wanted)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    expected = [one["profile_id"] for _, one in changes] + ["reset", changed(99)[1]["profile_id"]]
    for name in ("all", "dead"):
        told = {one["id"]: one for one in both.events(name)}
        assert [one["subject"] for one in told.values()] == expected
    [last] = [one for one in both.events("all") if one["type"] == "c360.segment.left"]
    assert last["data"] == changed(99, change="left")[1]
    assert last["source"] == "/c360/realms/default/segments/lapsing"
    assert {one["data"].get("segment", "lapsing") for one in both.events("one")} == {"lapsing"}
    assert len(ids(both.events("one"))) == len([n for n in range(1, 21) if n % 3]) + 2
    given_up = subprocess.run(
        notify.command("--given-up", "--json"), env=environment(), capture_output=True, check=True
    )
    assert {one["target"] for one in json.loads(given_up.stdout)} == {"moved"}
    tried = [one["id"] for one in both.events("moved")]
    refused = [one["message_id"] for one in json.loads(given_up.stdout)]
    assert all(tried.count(one) >= 2 for one in refused)


def test_the_stream_of_a_service_reaches_its_target(both: Both, tmp_path: Path) -> None:
    """Of `c360 up`: who enters a segment by what is sent, as soon as time has come there."""
    data_dir, file = tmp_path / "data", tmp_path / "segments.toml"
    file.write_text(
        '[segment.lookers]\ntitle = "Looked at something"\npurpose = "service"\n'
        '[[segment.lookers.all]]\ndid = "page.viewed"\n'
    )
    who = [identifier("email", "anna@example.com", verified=True)]
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    with running(data_dir, C360_TICK_INTERVAL_S="1") as up:
        assert up.post(event("search.performed", identifiers=who, occurred_at=at)).is_success
        wait_for(lambda: attempt(data_dir, "segments", "apply", str(file)).returncode == 0)
        scopes = ("--scope", "segments:members")
        made = c360_json(data_dir, "keys", "create", "--name", "notify", *scopes, "--json")
        notify = segment_targets(both, tmp_path / "notify", all="")
        text = notify.file.read_text("utf-8")
        base = f"http://127.0.0.1:{both.port}"
        text = text.replace(f'[source]\nurl = "{base}"', f'[source]\nurl = "{up.client.base_url}"')
        notify.file.write_text(text.replace('"key-1"', f'"{made["key"]}"'), "utf-8")
        with notify:
            page = notify.metrics_url().replace("/metrics", "/readyz")
            wait_for(lambda: _is_ready(page))
            looked = event("page.viewed", event_id="look", identifiers=who, occurred_at=at)
            assert up.post(looked).is_success
            wait_for(lambda: both.events("all"))
        assert up.stop() == 0
    [entered, *_] = both.events("all")
    assert entered["type"] == "c360.segment.entered"
    assert SegmentChangeRecord.model_validate_json(json.dumps(entered["data"])).because == ["look"]


def _is_ready(page: str) -> bool:
    try:
        return httpx.get(page, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_a_key_without_the_scope_is_named(tmp_path: Path, both: Both) -> None:
    """The process ends, as nothing but another key helps."""
    both.denied = True
    with segment_targets(both, tmp_path, all="") as process:
        assert process.wait(60) == 78
        assert process.stderr is not None
        assert "segments:members" in process.stderr.read()


def test_wrong_targets_are_named(tmp_path: Path) -> None:
    """The message names the field and quotes no secret."""
    file = tmp_path / "targets.toml"
    file.write_text(
        '[source]\nkey = "k"\n[[webhook]]\nname = "a"\nurl = "ftp://x"\nsecrets = ["hush-hush"]\n'
    )
    command = [sys.executable, "-c", PROGRAM, "notify", str(file)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 78
    assert "webhook.0.url" in done.stderr
    assert "webhook.0.secrets.0" in done.stderr
    assert "hush" not in done.stderr

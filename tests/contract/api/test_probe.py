"""`c360 probe` against both ways of running: what it finds, what it serves, how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.api.auth import Scope
from services.cli.app import app
from services.probe.core.outcome import JourneyFinding, JourneyOutcome
from services.probe.walk import Walker
from tests.contract.api.services import OTHER_REALM, REALM, Service
from tests.e2e.runs import command, environment, wait_for

CHANNELS = {"shop", "app", "pos", "email"}
SCOPES = (Scope.EVENTS_WRITE, Scope.PROFILES_READ)
METRICS = re.compile(r"metrics at (http://\S+/metrics)")
NOWHERE, SOME_KEY = "http://127.0.0.1:1", "a-key-of-sixteen-signs"


def settings(url: str, key: str) -> dict[str, Any]:
    """The environment of a probe."""
    return {"C360_PROBE_URL": url, "C360_PROBE_KEY": key, "C360_WORKER_HTTP_PORT": "0"}


def walked(url: str, key: str, realm: str = REALM) -> JourneyFinding:
    """One journey."""

    async def walk() -> JourneyFinding:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
            return await Walker(client, realm, deadline_s=60).walk()

    return asyncio.run(walk())


def test_a_journey_is_seen_and_joined(service: Service) -> None:
    """It is one profile, of which nothing is counted."""
    found = walked(service.url, service.key(*SCOPES))
    assert found.outcome is JourneyOutcome.OK, found
    assert found.freshness_s.keys() == CHANNELS
    with service.client() as client:
        profile = client.get(f"/v1/profiles/{found.profile_id}").json()
    assert (profile["orders"], profile["channels"]) == (0, []), profile


def test_a_wrong_key_is_refused(embedded_service: Service) -> None:
    """One that nobody has, one that may not send."""
    for wrong in (SOME_KEY, embedded_service.key(Scope.PROFILES_READ)):
        assert walked(embedded_service.url, wrong).outcome is JourneyOutcome.REFUSED


def test_events_of_another_realm_are_rejected(embedded_service: Service) -> None:
    """And the finding says why."""
    found = walked(embedded_service.url, embedded_service.key(*SCOPES), OTHER_REALM)
    assert (found.outcome, found.detail) == (
        JourneyOutcome.REJECTED,
        "shop: rejected other_realm realm",
    )


@pytest.mark.parametrize("body", [b"hello", b"[]", b'{"results": []}'])
def test_something_else_that_answers(body: bytes) -> None:
    """Is no service, whatever it says."""
    with answering(body) as url:
        assert walked(url, SOME_KEY).outcome is JourneyOutcome.REFUSED


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """The address of a server that gives everybody this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("wrong", "about"),
    [
        ({"C360_PROBE_KEY": ""}, "C360_PROBE_KEY is not set"),
        ({"C360_PROBE_KEY": "schlüssel-mit-umlaut"}, "C360_PROBE_KEY: "),
        ({"C360_PROBE_URL": "http://a:b"}, "C360_PROBE_URL: "),
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, str], about: str) -> None:
    """End with an error that names the setting."""
    env = settings(NOWHERE, SOME_KEY) | wrong
    done = CliRunner().invoke(app, ["probe", "--count", "1"], env=env)
    assert about in str(done.exception), done.output


def test_a_service_that_is_away() -> None:
    """The exit code asks to try again; without JSON there is a line to read."""
    env = settings(NOWHERE, SOME_KEY)
    done = CliRunner().invoke(app, ["probe", "--count", "1"], env=env)
    assert (done.exit_code, done.stdout) == (75, "unreachable · /v1/touchpoints: ConnectError\n")


def test_a_probe_that_runs_on(embedded_service: Service, tmp_path: Path) -> None:
    """It serves every outcome from the start, 0 as well, needs no data directory, never shows its
    key; SIGTERM ends it within its pause."""
    env = environment(**settings(embedded_service.url, embedded_service.key(*SCOPES)))
    probe = subprocess.Popen(
        command(tmp_path / "none", "probe", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    try:
        assert probe.stderr is not None
        found = METRICS.search(probe.stderr.readline())
        assert found is not None
        page = wait_for(lambda: with_journey(found[1]))
        assert probe.stdout is not None
        line = json.loads(probe.stdout.readline())
        assert (line["outcome"], line["freshness_s"].keys()) == ("ok", CHANNELS)
        for outcome in JourneyOutcome:
            value = 1.0 if outcome is JourneyOutcome.OK else 0.0
            assert f'c360_probe_journeys_total{{outcome="{outcome}"}} {value}\n' in page
        probe.send_signal(signal.SIGTERM)
        assert probe.wait(30) == 0
        assert env["C360_PROBE_KEY"] not in "".join([*probe.stdout, *probe.stderr])
        assert not (tmp_path / "none").exists()
    finally:
        probe.kill()
        probe.communicate()


def with_journey(url: str) -> str | None:
    """The metrics, once a journey is among them."""
    page = httpx.get(url, trust_env=False).text
    return page if 'c360_probe_freshness_seconds_count{channel="email"} 1.0' in page else None

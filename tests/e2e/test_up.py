"""`c360 up`: events over HTTP, health, metrics, and other commands beside it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.prometheus import lint
from tests.e2e.conftest import Reference, Stream
from tests.e2e.runs import API_KEY, c360, c360_json, digest, wait_for
from tests.e2e.up import PUBLIC_KEY, Running, running
from tests.events import event, identifier

EMAIL = identifier("email", "anna@example.com", verified=True)
NUMBER = identifier("customer_number", "1001", issuer="shop", verified=True)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    """A `c360 up` on an empty directory."""
    with running(tmp_path / "data") as started:
        yield started
        started.client.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for tests that do not mind what others sent."""
    with running(tmp_path_factory.mktemp("up") / "data") as started:
        yield started
        started.client.close()


def test_results_by_event(standing: Running) -> None:
    """A bad event never rejects the others; each has its own answer, in order."""
    good = event(identifiers=[EMAIL])
    results = standing.post(good, event("no.such.type", event_id="bad"), good, "text").json()[
        "results"
    ]
    assert [one["status"] for one in results] == ["accepted", "rejected", "duplicate", "rejected"]
    assert results[1]["event_id"] == "bad"
    assert (results[1]["reason"], results[1]["path"]) == ("unknown_type", "type")
    assert standing.post(good).json()["results"][0]["status"] == "duplicate"


def test_one_unreadable_event_costs_only_itself(standing: Running) -> None:
    """A lone surrogate, NaN, an endless number or endless nesting in one event does not reject
    the others."""
    good, other = (json.dumps(event()) for _ in range(2))
    odd = json.dumps(event(event_id="odd"))
    nested = ["[" * deep + "]" * deep for deep in (300, 1_000, 1_100)]
    for broken in ('"cut \\ud83d"', "NaN", "1e400", "9" * 5_000, *nested):
        spoilt = odd.replace('"odd"', '"odd", "body": {"title": ' + broken + "}")
        body = f'{{"batch": [{good}, {spoilt}, {other}]}}'.encode()
        headers = {"Authorization": f"Bearer {API_KEY}"}
        answer = standing.client.post("/v1/touchpoints", content=body, headers=headers)
        statuses = [one["status"] for one in answer.json()["results"]]
        assert statuses[1] == "rejected", answer.text
        assert "rejected" not in (statuses[0], statuses[2])


def test_unknown_path_is_a_problem_document(standing: Running) -> None:
    """Every error has the same form."""
    for answer in (standing.client.get("/v2/nothing"), standing.client.get("/v1/touchpoints")):
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"] == "application/problem+json"


def test_other_commands_work_beside_it(up: Running, stream: Stream, reference: Reference) -> None:
    """From a second terminal: profile, why, ingest, incidents, digest; nothing fails."""
    up.post(event("identity.linked", identifiers=[EMAIL, NUMBER]))
    by_email = c360_json(
        up.data_dir, "profile", "get", "--json", "--identifier", "email=anna@example.com"
    )
    by_number = c360_json(
        up.data_dir, "profile", "get", "--json", "--identifier", "customer_number=1001"
    )
    assert by_email["profile_id"] == by_number["profile_id"]
    answer = c360_json(
        up.data_dir,
        "identity",
        "why",
        "--json",
        "email=anna@example.com",
        "customer_number@shop=1001",
    )
    assert answer["same"]
    assert len(answer["path"]) == 1
    report = c360_json(up.data_dir, "ingest", "--json", str(stream.file))
    assert report["accepted"] > 1000
    assert c360_json(up.data_dir, "incidents", "list", "--json")
    assert c360_json(up.data_dir, "rejected", "list", "--json")
    assert digest(up.data_dir).keys() == reference.digest.keys()
    assert c360(up.data_dir, "profile", "get", "--id", "nonsense", code=4).stderr
    assert c360_json(up.data_dir, "migrate", "--json") == []
    assert c360_json(up.data_dir, "store", "audit", "--json") == []
    (up.data_dir / "settings.env").touch()  # as if a demo had made it
    refused = c360(None, "demo", "--directory", str(up.data_dir), code=74)
    assert "is in use" in refused.stderr


def test_public_key_joins_nobody(up: Running) -> None:
    """What a web page sends is taken in and believed in nothing."""
    up.post(event("identity.linked", identifiers=[EMAIL, NUMBER]))
    stranger = identifier("cookie", "stranger")
    up.post(event("identity.linked", identifiers=[stranger, EMAIL]), key=PUBLIC_KEY)
    answer = c360_json(
        up.data_dir, "identity", "why", "--json", "email=anna@example.com", "cookie=stranger"
    )
    assert not answer["same"]
    assert [aside["why"] for aside in answer["set_aside"]]


@pytest.mark.parametrize(
    ("content", "key", "status"),
    [
        (b'{"batch": []}', "wrong", 401),
        (b"{", API_KEY, 400),
        (b"[]", API_KEY, 400),
        (b'{"batch": {}}', API_KEY, 400),
        (json.dumps({"batch": [{}] * 5001}).encode(), API_KEY, 400),
        (b"x" * (4 * 1024 * 1024 + 1), API_KEY, 413),
    ],
)
def test_bad_requests(standing: Running, content: bytes, key: str, status: int) -> None:
    """A request that cannot be read is answered with a problem document that says what to do."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = standing.client.post("/v1/touchpoints", content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"title", "status", "detail"} <= answer.json().keys()


def test_many_requests_at_once(up: Running) -> None:
    """Concurrent requests share batches and lose nothing."""
    events = [event(identifiers=[identifier("cookie", f"c-{n}")]) for n in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(up.post, events))
    assert all(one.json()["results"][0]["status"] == "accepted" for one in answers)
    assert len(c360_json(up.data_dir, "identity", "export", "--format", "json")) == 200


def test_overload_is_refused_and_loses_nothing(stream: Stream, tmp_path: Path) -> None:
    """More than may wait is answered with 429; sent again, it ends in the state of calm days."""
    lines = _readable(stream.file)[:600]
    calm = tmp_path / "calm.jsonl"
    calm.write_bytes(b"\n".join(lines))
    c360(tmp_path / "calm", "ingest", str(calm))
    events = [json.loads(line) for line in lines]
    batches = [events[start : start + 50] for start in range(0, len(events), 50)]
    refusals: list[httpx.Response] = []
    with running(tmp_path / "busy", C360_INTAKE_QUEUE_EVENTS_MAX="60") as busy:

        def is_taken(batch: list[Any]) -> bool:
            answer = busy.post(*batch)
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                refusals.append(answer)
            else:
                assert answer.status_code == httpx.codes.OK, answer.text
            return answer.status_code == httpx.codes.OK

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda batch: wait_for(lambda: is_taken(batch)), batches))
        assert busy.post(events[0]).json()["results"][0]["status"] == "duplicate"
        assert "c360_intake_queued_events 0.0" in busy.client.get("/metrics").text
        c360(busy.data_dir, "ingest", "-", stdin=b"")  # judges up to the latest event
        assert busy.stop() == 0
    assert refusals
    for refusal in refusals:
        assert int(refusal.headers["retry-after"]) > 0
        assert refusal.headers["content-type"] == "application/problem+json"
        assert int(refusal.json()["detail"].split()[0]) <= 60
    assert digest(tmp_path / "busy") == digest(tmp_path / "calm")


def _readable(file: Path) -> list[bytes]:
    """The lines of a stream that are JSON objects of a size that a request may have."""
    lines = file.read_bytes().splitlines()
    return [one for one in lines if one[:1] + one[-1:] == b"{}" and len(one) < 20_000]


def test_health_and_metrics(up: Running) -> None:
    """Live and ready; the metrics count what was sent."""
    made_up = {"system": "probe", "synthetic": True}
    up.post(event(), event(source=made_up), event("no.such.type"))
    assert up.client.get("/livez").text == "ok"
    assert up.client.get("/readyz").text == "ok"
    text = up.client.get("/metrics").text
    assert lint(text) == ""
    assert 'c360_channel_events_total{channel="shop"} 1.0' in text
    assert 'c360_channel_events_total{channel="email"} 0.0' in text
    assert 'c360_events_total{status="accepted"} 2.0' in text
    assert 'c360_rejected_events_total{reason="unknown_type"} 1.0' in text


def test_internal_channel_needs_the_token(standing: Running) -> None:
    """Nobody but a command that may read the data directory can ask for profiles."""
    for headers in ({}, {"Authorization": f"Bearer {API_KEY}"}):
        answer = standing.client.post(
            "/internal/v1/profile_list", json={"realm": "default"}, headers=headers
        )
        assert answer.status_code == 401
    assert (standing.data_dir / "up.json").stat().st_mode & 0o077 == 0


def test_stops_cleanly_and_starts_again(tmp_path: Path) -> None:
    """SIGTERM ends with 0 and leaves no note behind; what was answered is there afterwards."""
    data_dir = tmp_path / "data"
    with running(data_dir) as first:
        first.post(event(identifiers=[EMAIL]))
        assert first.stop() == 0
    assert not (data_dir / "up.json").exists()
    with running(data_dir) as second:
        assert second.post(event(identifiers=[EMAIL])).json()["results"][0]["status"] == "accepted"
        second.stop()
    timeline = c360_json(
        data_dir, "profile", "timeline", "--json", "--identifier", "email=anna@example.com"
    )
    assert len(timeline["entries"]) == 2


def test_readiness_turns_before_the_listener_closes(tmp_path: Path) -> None:
    """After SIGTERM it says that it stops, still answers, ends each connection with its answer,
    and then ends; a second SIGTERM ends it at once."""
    with running(tmp_path / "data", C360_HTTP_DRAIN_S="600") as up:
        up.process.send_signal(signal.SIGTERM)
        wait_for(lambda: up.client.get("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE)
        wait_for(lambda: up.client.get("/livez").headers.get("connection") == "close")
        assert up.post(event(identifiers=[EMAIL])).json()["results"][0]["status"] == "accepted"
        assert up.stop() == 0
    with running(tmp_path / "data", C360_HTTP_DRAIN_S="0.5") as up:
        assert up.stop() == 0


def test_killed_after_the_answer_nothing_is_lost(tmp_path: Path) -> None:
    """SIGKILL right after the answers: every accepted event is there."""
    data_dir = tmp_path / "data"
    with running(data_dir) as first:
        for n in range(20):
            first.post(event(identifiers=[EMAIL, identifier("cookie", f"c-{n}")]))
        first.stop(signal.SIGKILL)
    rows = c360_json(data_dir, "identity", "export", "--format", "json")
    assert len(rows) == 21
    assert len({row["profile_id"] for row in rows}) == 1


def test_port_in_use(standing: Running, tmp_path: Path) -> None:
    """A taken port is told with its number and the way out."""
    port = str(standing.client.base_url.port)
    done = c360(tmp_path / "other", "up", "--port", port, code=78)
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr

"""`c360 api` beside workers: what it acknowledges is stored once, whatever dies in between."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.kafka import Cluster
from devtools.prometheus import lint
from services.stream.dead_letters import REJECTED_TOPIC
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.distributed import Api, Distributed
from tests.e2e.runs import API_KEY, c360, wait_for
from tests.e2e.up import PUBLIC_KEY, running
from tests.events import event, identifier
from tests.kafka import read_all, renew_catalogue
from tests.otlp import Collector

WRONG_CONFIGURATION = 78
DEADLINE_S = "2"
REALMS = {name: {"region": "DE", "time_zone": "Europe/Berlin", "currency": "EUR"}
          for name in ("default", "second")}  # fmt: skip
OF_REALMS: dict[str, Any] = {"C360_REALMS": json.dumps(REALMS)}
SETTINGS: dict[str, Any] = {
    **OF_REALMS,
    "C360_PUBLIC_WRITE_KEYS": json.dumps([PUBLIC_KEY]),
    "C360_INTAKE_DEADLINE_S": DEADLINE_S,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A broker of our own, for it is stopped."""
    with Cluster() as cluster:
        asyncio.run(renew_catalogue(cluster.bootstrap_servers))
        yield cluster


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """A store of our own, for it is killed."""
    with ClickHouseEndpoint(tmp_path_factory.mktemp("store") / "data") as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Takes the spans of all processes."""
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def run(
    cluster: Cluster,
    endpoint: ClickHouseEndpoint,
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Distributed]:
    """Workers of two services, with tracing on."""
    directory = tmp_path_factory.mktemp("run")
    settings = {**SETTINGS, **collector.settings}
    with Distributed(
        directory, cluster.bootstrap_servers, endpoint, supervised=True, **settings
    ) as run:
        run.prepare()
        for service in ("ingest", "identity"):
            run.add(service)
        run.wait_ready()
        yield run


@pytest.fixture(scope="module")
def api(run: Distributed) -> Api:
    """A `c360 api` that takes events."""
    api = run.add_api()
    run.wait(api.is_ready, "ready", 60)
    return api


def stored(run: Distributed) -> Counter[str]:
    """How often each event is stored."""
    rows = run.rows("SELECT event_id, count() FROM touchpoints FINAL GROUP BY event_id")
    return Counter({row[0]: row[1] for row in rows})


class Sender(threading.Thread):
    """Sends events, one batch after the other, each until it is acknowledged."""

    def __init__(self, api: Api, name: str, batches: int) -> None:
        super().__init__()
        self.api = api
        self.label = name
        self.batches = batches
        self.acknowledged: list[str] = []
        self.refused: Counter[int] = Counter()
        self.slowest_s = 0.0

    def run(self) -> None:
        """Until all batches are acknowledged."""
        for number in range(self.batches):
            names = [f"{self.label}-{number}-{one}" for one in range(5)]
            sent = [event(event_id=name) for name in names]
            while not self._is_acknowledged(sent):
                time.sleep(0.05)  # the client's own pause between two attempts
            self.acknowledged += names

    def _is_acknowledged(self, sent: list[dict[str, Any]]) -> bool:
        begun = time.monotonic()
        try:
            answer = self.api.post(*sent)
        except httpx.TransportError:
            return False
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        if answer.status_code != httpx.codes.OK:
            self.refused[answer.status_code] += 1
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["code"] == "unavailable"
            return False
        assert {one["status"] for one in answer.json()["results"]} == {"accepted"}
        return True


@pytest.mark.parametrize(("key", "trace"), [(API_KEY, "a" * 32), (PUBLIC_KEY, "b" * 32)])
def test_one_event_is_one_trace(
    key: str, trace: str, run: Distributed, api: Api, collector: Collector
) -> None:
    """From a sender's request over HTTP by the headers of records to the ingest worker's insert,
    and on to the identity worker; a public key's request by way of its turn."""
    sent = event(
        channel="app", identifiers=[identifier("cookie", trace), identifier("device_id", trace)]
    )
    carrier = f"00-{trace}-{'c' * 16}-01"
    answer = httpx.post(
        f"{api.base_url}/v1/touchpoints",
        json={"batch": [sent]},
        headers={"Authorization": f"Bearer {key}", "traceparent": carrier},
        trust_env=False,
    )
    assert answer.json()["results"][0]["status"] == "accepted"
    wait_for(lambda: collector.spans("process c360.edges", trace))
    spans = {one.name: one for one in collector.spans(trace_id=trace)}
    request, send = spans["POST /v1/touchpoints"], spans["send touchpoints.app"]
    assert (request.service, request.parent_id) == ("c360-api", "c" * 16)
    above = request if key == API_KEY else spans["batch"]
    assert send.parent_id == above.span_id
    assert above is request or above.links == [(trace, request.span_id)]
    processed, edges = spans["process"], spans["process c360.edges"]
    assert (processed.service, edges.service) == ("c360-ingest", "c360-identity")
    assert processed.links == [(trace, send.span_id)]
    assert spans["INSERT touchpoints"].parent_id == spans["store"].span_id
    assert spans["store"].parent_id == processed.span_id
    assert edges.links == [(trace, spans["send c360.edges"].span_id)]
    assert spans["send c360.edges"].parent_id == processed.span_id
    assert spans["INSERT members"].service == "c360-identity"
    records = asyncio.run(read_all(run.servers, "touchpoints.app"))
    assert ("traceparent", f"00-{trace}-{send.span_id}-01".encode()) in [
        header for record in records for header in record.headers
    ]


def test_killed_in_the_middle(run: Distributed, api: Api) -> None:
    """SIGKILL again and again while clients send: every acknowledged event is stored, none of them
    twice."""
    senders = [Sender(api, f"kill-{number}", 20) for number in range(4)]
    for sender in senders:
        sender.start()
    for kills in range(1, 3):
        wait_for(lambda kills=kills: sum(len(s.acknowledged) for s in senders) > 100 * kills)
        api.kill()
        api.start()
    for sender in senders:
        sender.join()
    run.wait_drained()
    found = stored(run)
    sent = [name for sender in senders for name in sender.acknowledged]
    assert len(sent) == 4 * 20 * 5
    assert [name for name in sent if found[name] != 1] == []


def test_broker_away(run: Distributed, api: Api, cluster: Cluster) -> None:
    """Requests are answered with 503 in time and not piled up; the service stays alive, says what
    it waits for, and goes on by itself."""
    run.wait(api.is_ready, "ready", 60)
    senders = [Sender(api, f"away-{number}", 20) for number in range(4)]
    for sender in senders:
        sender.start()
    wait_for(lambda: sum(len(sender.acknowledged) for sender in senders) > 50)
    cluster.kill(0)
    wait_for(lambda: all(sender.refused[503] > 3 for sender in senders))
    assert api.get("/livez").status_code == 200
    not_ready = api.get("/readyz")
    assert not_ready.status_code == 503
    assert "Kafka" in not_ready.text or "broker" in not_ready.text, not_ready.text
    cluster.start(0)
    for sender in senders:
        sender.join()
    assert max(sender.slowest_s for sender in senders) < 3 * float(DEADLINE_S)
    run.wait(api.is_ready, "ready", 60)
    run.wait_drained()
    found = stored(run)
    sent = [name for sender in senders for name in sender.acknowledged]
    assert [name for name in sent if found[name] != 1] == []


def test_stopping_answers_what_is_in_hand(run: Distributed) -> None:
    """SIGTERM while requests are under way: each is answered, or never begun; exit code 0."""
    api = run.add_api()
    run.wait(api.is_ready, "ready", 60)
    answers: list[httpx.Response] = []

    def send() -> None:
        while True:
            try:
                answers.append(api.post(*(event() for _ in range(50))))
            except httpx.ConnectError:
                return
            except httpx.TransportError:  # a kept connection, closed between two requests
                continue

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answers) > 10)
    assert run.stop([api]) == [0]
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {200, 503}
    run.wait_drained()
    found = stored(run)
    ids = [one["event_id"] for answer in answers if answer.is_success
           for one in answer.json()["results"]]  # fmt: skip
    assert [name for name in ids if found[name] != 1] == []


def test_rejects_are_dead_letters_and_can_be_replayed(run: Distributed, api: Api) -> None:
    """With bytes and reason; what a public key sent keeps its rights on every way."""
    run.wait(api.is_ready, "ready", 60)
    bad = event(channel="carrier_pigeon")
    refused = api.post(bad).json()["results"]
    assert [(one["status"], one["path"]) for one in refused] == [("rejected", "channel")]
    visitor = event(identifiers=[identifier("cookie", "c-9"), identifier("email", "a@b.example")])
    answers = api.post(visitor, event("order.placed", body={"order_id": "1"}), key=PUBLIC_KEY)
    assert [one["status"] for one in answers.json()["results"]] == ["accepted", "rejected"]
    run.wait_drained()
    assert stored(run)[f"public:{visitor['event_id']}"] == 1
    letters = asyncio.run(read_all(run.servers, REJECTED_TOPIC))
    assert [one for one in letters if bad["event_id"].encode() == one.key]
    replayed = json.loads(run.c360("rejected", "replay", "--all", "--json").stdout)
    assert (replayed["matched"], replayed["replayed"]) == (2, 2)
    run.wait_drained()
    again = Counter(dict(one.headers)["c360-reason"] for one in
                    asyncio.run(read_all(run.servers, REJECTED_TOPIC)))  # fmt: skip
    assert again == {b"invalid_field": 2, b"not_allowed": 2}


def test_a_key_of_a_realm(run: Distributed, api: Api, tmp_path: Path) -> None:
    """Sends events of its realm and no others, here and on a data directory."""

    def results_with(post: Any, key: str) -> list[str]:
        sent = [event(realm="second"), event(realm="default"), event()]
        return [one["reason"] or one["status"] for one in post(*sent, key=key).json()["results"]]

    made = ("keys", "create", "--name", "x", "--realm", "second", "--scope", "events:write")
    key = json.loads(run.c360(*made, "--json").stdout)["key"]
    assert results_with(api.post, key) == ["accepted", "other_realm", "other_realm"]
    assert results_with(api.post, API_KEY) == ["accepted"] * 3
    with running(tmp_path / "data", **OF_REALMS) as up:
        key = json.loads(c360(up.data_dir, *made, "--json", **OF_REALMS).stdout)["key"]
        assert results_with(up.post, key) == ["accepted", "other_realm", "other_realm"]
        listed = json.loads(c360(up.data_dir, "rejected", "list", "--json").stdout)
        assert [one["reason"] for one in listed] == ["other_realm"] * 2
        done = c360(up.data_dir, "rejected", "replay", "--all", code=1, **OF_REALMS)
        assert done.stderr.count("a key of another realm sent it") == 2
        assert up.stop() == 0


def test_without_brokers_it_reads(run: Distributed) -> None:
    """It is ready, and answers events with a problem that says why it takes none."""
    api = run.add_api(C360_KAFKA_BOOTSTRAP_SERVERS="")
    run.wait(api.is_ready, "ready", 60)
    answer = api.post(event())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "no brokers" in answer.json()["detail"]
    assert lint(api.get("/metrics").text) == ""
    assert run.stop([api]) == [0]


def test_the_intake_worker_goes_on_without_the_store(
    run: Distributed, endpoint: ClickHouseEndpoint
) -> None:
    """It takes events, Segment calls and webhooks, answers no questions, and stays ready while the
    store is away; all of it is stored once the store is back."""
    intake = run.add_api("worker", "intake")
    run.wait(intake.is_ready, "ready", 60)
    asked: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {API_KEY}"},
        "trust_env": False,
        "timeout": 30,
    }
    endpoint.kill()
    try:
        sent = [event() for _ in range(3)]
        assert {one["status"] for one in intake.post(*sent).json()["results"]} == {"accepted"}
        call = {
            "messageId": "call-of-the-intake",
            "userId": "u-7",
            "event": "Asked",
            "type": "track",
        }
        called = httpx.post(f"{intake.base_url}/v1/track", json=call, **asked)
        assert called.status_code == 200, called.text
        assert intake.is_ready()
        assert httpx.get(f"{intake.base_url}/v1/incidents", **asked).status_code == 404
        assert lint(intake.get("/metrics").text) == ""
    finally:
        endpoint.start()
    run.wait_ready()
    run.wait_drained()
    found = stored(run)
    assert [found[one["event_id"]] for one in sent] == [1, 1, 1]
    assert [count for name, count in found.items() if "call-of-the-intake" in name] == [1]
    assert run.stop([intake]) == [0]


def test_the_intake_worker_needs_brokers(tmp_path: Path) -> None:
    """It says which setting is missing, and what takes events into a data directory."""
    store: dict[str, Any] = {"C360_CLICKHOUSE_URL": "http://127.0.0.1:1"}
    done = c360(tmp_path / "data", "worker", "intake", code=WRONG_CONFIGURATION, **store)
    assert "C360_KAFKA_BOOTSTRAP_SERVERS" in done.stderr
    assert "c360 up" in done.stderr


def test_it_starts_before_the_store_and_the_brokers(tmp_path: Path) -> None:
    """Alive at once, not ready, with what it waits for; a store that can never be used ends it."""
    endpoint = ClickHouseEndpoint(tmp_path / "data")
    with Distributed(tmp_path / "run", "127.0.0.1:1", endpoint, **SETTINGS) as run:
        api = run.add_api()
        run.wait(lambda: api.url is not None, "listening", 60)
        assert api.get("/livez").status_code == 200
        assert api.get("/readyz").status_code == 503
        assert api.post(event()).status_code == 503
        assert api.get("/v1/whoami").status_code == 401
        with endpoint:  # without a schema
            assert api.process.wait(60) == WRONG_CONFIGURATION
            assert "c360 migrate" in api.said()


def test_a_data_directory_is_not_for_it(tmp_path: Path) -> None:
    """It says which setting is missing, and what serves a directory."""
    done = c360(tmp_path / "data", "api", code=WRONG_CONFIGURATION)
    assert "C360_CLICKHOUSE_URL" in done.stderr
    assert "c360 up" in done.stderr

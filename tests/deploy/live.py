"""The whole service as operators run it: brokers, a store, workers and an API, as processes.

Each process keeps its metrics page at one address for its whole life, also when it is started
again, so that a Prometheus can scrape it under the job names of the manifests. `Traffic` sends what
a shop sends, good and bad, and asks what clients ask, until it is told to stop. Nothing here judges
what comes of it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx

from devtools.kafka import Cluster
from devtools.ports import free_port
from services.api.auth import Scope
from tests.background import Background
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.distributed import SERVICES, Api, Distributed, Worker
from tests.e2e.runs import API_KEY, c360, environment
from tests.events import event, identifier

API, PROBE = "api", "probe"
PAUSE_S = 0.2
"""Between two waves of traffic: a client's own pause."""
BATCH_EVENTS = 200


def job_of(service: str) -> str:
    """The `job` label of a service's processes."""
    return f"c360-{service}"


class Probe(Worker):
    """A `c360 probe` that walks every second."""

    serves = re.compile(r"c360 probe: metrics at (http://\S+)/metrics")

    def __init__(self, number: int, logs: Path, env: dict[str, str]) -> None:
        super().__init__(PROBE, number, logs, env)
        self._command = (PROBE, "--every-s", "1")


class LiveSystem:
    """Brokers, a store, the workers asked for and one API; a context manager.

    Args:
        directory: for data and logs; it stays.
        workers: how many of each service.
        supervised: processes that end with a code that asks for it are started again while
            something waits (`Distributed`).
        settings: `C360_…` of everything that runs.
    """

    def __init__(
        self,
        directory: Path,
        *,
        brokers: int = 1,
        workers: Mapping[str, int] | None = None,
        supervised: bool = False,
        **settings: str,
    ) -> None:
        self.directory = directory
        self.cluster = Cluster(brokers)
        self.endpoint = ClickHouseEndpoint(directory / "store")
        self._workers = dict.fromkeys(SERVICES, 1) if workers is None else workers
        self._supervised = supervised
        self._replication = brokers
        self._settings = settings
        self._addresses: dict[str, list[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.cluster)
            stack.enter_context(self.endpoint)
            self.run = stack.enter_context(
                Distributed(
                    self.directory,
                    self.cluster.bootstrap_servers,
                    self.endpoint,
                    replication=self._replication,
                    supervised=self._supervised,
                    **self._settings,
                )
            )
            self.run.prepare()
            for service, number in self._workers.items():
                for _ in range(number):
                    self.add(service)
            self.api = self.add_api()
            self.run.wait_ready()
            self.key = self._made_key(SCOPES)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, service: str) -> Worker:
        """One more worker, started, with its metrics page at a port of its own."""
        port = free_port()
        self._addresses.setdefault(job_of(service), []).append(f"127.0.0.1:{port}")
        return self.run.add(service, C360_WORKER_HTTP_PORT=str(port))

    def add_api(self) -> Api:
        """One more API, started."""
        api = self.run.add_api()
        self._addresses.setdefault(job_of(API), []).append(api.base_url.removeprefix("http://"))
        return api

    def add_probe(self) -> Probe:
        """Synthetic journeys through the API once it is started: then nothing drains any more."""
        scopes = (Scope.EVENTS_WRITE, Scope.PROFILES_READ)
        port = free_port()
        self._addresses[job_of(PROBE)] = [f"127.0.0.1:{port}"]
        env = environment(
            C360_PROBE_URL=self.api.base_url,
            C360_PROBE_KEY=self._made_key(scopes),
            C360_WORKER_HTTP_PORT=str(port),
        )
        probe = Probe(0, self.run.logs, env)
        self.run.workers.append(probe)
        return probe

    def _made_key(self, scopes: Sequence[Scope]) -> str:
        asked = [word for scope in scopes for word in ("--scope", scope)]
        made = self.run.c360("keys", "create", "--name", "live", "--json", *asked)
        key: str = json.loads(made.stdout)["key"]
        return key

    @property
    def targets(self) -> dict[str, list[str]]:
        """The addresses to scrape, by job."""
        return {job: list(addresses) for job, addresses in self._addresses.items()}

    def client(self, key: str | None = None) -> httpx.Client:
        """A client of the API, with a key that may do everything or with another one."""
        return httpx.Client(
            base_url=self.api.base_url,
            headers={"Authorization": f"Bearer {self.key if key is None else key}"},
            timeout=30,
            trust_env=False,
        )


def sample_lines(directory: Path, households: int = 4, seed: int = 7) -> list[bytes]:
    """The lines of a sample stream: with duplicates, contradictions, wrong prices and garbage."""
    out = directory / "sample.jsonl"
    c360(
        None, "sample", "build", "--households", str(households), "--seed", str(seed),
        "--out", str(out), "--truth", str(directory / "truth"),
    )  # fmt: skip
    return out.read_bytes().splitlines()


class Traffic(Background):
    """Events and requests, wave after wave, from the start of the thread until `stop`.

    A wave sends a part of the lines while there are some, and events of a new visitor; one event
    that is rejected, and one under an id that is known with another body. The first sends prices
    that contradict each other for good, once time has come as far as the visits. A wave reads
    profiles and incidents, asks for what does not exist, and one connection speaks no HTTP. An API
    that is away is asked again in the next wave.
    """

    def __init__(self, system: LiveSystem, lines: list[bytes] | None = None) -> None:
        super().__init__("traffic")
        self.waves = 0
        self.answers: dict[int, int] = {}
        self._system = system
        self._batches = _batches(lines or [])
        self._numbers = count(1)

    def work(self) -> None:
        """See Background."""
        with self._system.client() as reader, self._system.client(API_KEY) as sender:
            while not self.leaving.is_set():
                with suppress(httpx.TransportError):
                    self._send(sender)
                    self._ask(reader)
                    self._bother()
                self.waves += 1
                self.leaving.wait(PAUSE_S)

    def _send(self, client: httpx.Client) -> None:
        number = next(self._numbers)
        refused = event(event_id=f"bad-{number}", channel="nowhere")
        prices = _contradictions() if number == 1 else []
        batch = [*next(self._batches, []), *_visit(number), *prices, refused]
        self._noted(client.post("/v1/touchpoints", json={"batch": batch}))
        self._noted(client.post("/v1/touchpoints", content=b"{", headers=JSON))

    def _ask(self, client: httpx.Client) -> None:
        known = {"identifiers": [{"type": "email", "value": "visitor-1@example.com"}]}
        found = self._noted(client.post("/v1/profiles/lookup", json=known))
        if found.is_success:
            profile = f"/v1/profiles/{found.json()['profile_id']}"
            for path in (profile, profile, f"{profile}/timeline"):
                self._noted(client.get(path))
        incidents = self._noted(client.get("/v1/incidents?state=open"))
        if incidents.is_success and len(incidents.json()["data"]) > 1:  # one stays open
            one = incidents.json()["data"][0]["incident_id"]
            seen = {"action": "ack", "reason": "known"}
            self._noted(client.post(f"/v1/incidents/{one}/actions", json=seen))
        self._noted(client.get("/v1/profiles/00000000-0000-0000-0000-000000000000"))
        self._noted(client.get("/v1/incidents", headers={"Authorization": "Bearer nobody"}))

    def _bother(self) -> None:
        """A stranger who speaks no HTTP; the service closes the connection."""
        host, _, port = self._system.api.base_url.removeprefix("http://").partition(":")
        with suppress(OSError), socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(b"Hello?\r\n\r\n")
            while connection.recv(1024):
                pass

    def _noted(self, answer: httpx.Response) -> httpx.Response:
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        return answer


JSON = {"Content-Type": "application/json"}


def _batches(lines: list[bytes]) -> Iterator[list[Any]]:
    """The events that are JSON, as many as a request takes at once."""
    events = []
    for line in lines:
        with suppress(ValueError):
            events.append(json.loads(line))
    yield from (
        events[start : start + BATCH_EVENTS] for start in range(0, len(events), BATCH_EVENTS)
    )


def _contradictions() -> list[dict[str, Any]]:
    """Two products whose price in a mailing is not that of the shop and the app."""
    return [
        event(
            "offer.published",
            event_id=f"price-{sku}-{channel}",
            channel=channel,
            identifiers=[],
            occurred_at="2026-11-17T10:00:00+01:00",
            body={"sku": sku, "price": price},
        )
        for sku in ("chair", "table")
        for channel, price in (("shop", "10"), ("app", "10"), ("email", "12"))
    ]


def _visit(number: int) -> list[dict[str, Any]]:
    """A visitor and a customer; those of the wave before turn out to be one person, and somebody
    claims that two customers are one. One value says nothing, one attribute has another name."""
    email, before = (
        identifier("email", f"visitor-{one}@example.com", verified=True)
        for one in (number, number - 1)
    )
    browser = identifier("cookie", f"cookie-{number}")
    seen = [
        event(event_id="visit", body={"url": f"https://shop.example/{number}"}),
        event(event_id=f"visit-{number}", identifiers=[browser, identifier("email", "unknown")]),
        event(
            "profile.updated",
            event_id=f"name-{number}",
            identifiers=[email],
            body={"attributes": {"firstName": "Ada"}},
        ),
    ]
    linked = {
        "login": [browser, email],
        "customer": [_customer(number), identifier("loyalty_card", f"{5_000_000 + number}")],
        "known": [before, _customer(number - 1)],
        "wrong": [before, _customer(number - 2)],
    }
    return seen + [
        event("identity.linked", event_id=f"{name}-{number}", identifiers=both)
        for name, both in linked.items()
    ]


def _customer(number: int) -> dict[str, Any]:
    return identifier("customer_number", f"{1_000_000 + number}", issuer="shop", verified=True)


SCOPES = (Scope.PROFILES_READ, Scope.PROFILES_PII, Scope.INCIDENTS_READ, Scope.INCIDENTS_WRITE)

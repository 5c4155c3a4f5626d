"""The distributed runtime as a whole: brokers, a store, and workers in processes of their own.

Everything is real and runs as an operator runs it: `c360 topics apply`, `c360 migrate`, `c360
worker …`, `c360 publish`. Waiting is for conditions with a deadline; one that passes fails with
the lag, which workers are alive, and their last log lines. Workers die with the test, however it
ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from devtools.child import LAUNCHER
from devtools.ports import free_port
from schemas.topics import CATALOGUE
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import API_KEY, DEADLINE_S, attempt, c360, command, environment

SERVICES = ("ingest", "identity", "consistency")
TOPICS: dict[str, tuple[str, ...]] = {
    "ingest": tuple(topic.name for topic in CATALOGUE.touchpoints),
    "identity": ("c360.edges",),
    "consistency": ("c360.offers",),
}
"""What each group reads; one that is drained sends no more to the groups after it."""
POLL_S = 0.5  # a look at all groups connects anew, for CPU that the workers need
DRAIN_DEADLINE_S = 300.0
READY_DEADLINE_S = 60.0
LOOK_TIMEOUT_S = 10.0
SHOWN_LINES = 8
TRY_AGAIN, NOT_LIVE = 75, 503
RESTARTED_CODES = (70, TRY_AGAIN)
"""Exit codes after which a supervisor starts a worker again."""
HEALTH = re.compile(r'"url": "(http://[^"]+)", "event": "serving_health"')


class Behind(NamedTuple):
    """A partition whose group has not come to its end."""

    partition: TopicPartition
    position: int
    end: int


API = re.compile(r"c360 (?:api|worker intake) is at (https?://\S+) ")


class Worker:
    """One worker process; `start` again gives it a new process and a new log."""

    serves = HEALTH
    """How its log says where its pages are."""

    def __init__(self, service: str, number: int, logs: Path, env: dict[str, str]) -> None:
        self.service = service
        self.name = f"{service}-{number}"
        self._logs = logs
        self._env = env
        self._starts = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._command: tuple[str, ...] = ("worker", service)
        self.log = logs

    def start(self, **env: str) -> Worker:
        """Start the process; does not wait until it is ready."""
        self.log = self._logs / f"{self.name}.{next(self._starts)}.log"
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid())]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *command(None, *self._command)],
                env={**self._env, **env},
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process of the latest start."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or when it was never started."""
        return self._process.poll() if self._process is not None else None

    @property
    def url(self) -> str | None:
        """Where it serves its health pages; None before it has logged it."""
        found = self.serves.search(self.said())
        return found[1] if found else None

    def get(self, page: str) -> httpx.Response:
        """One of its pages."""
        url = self.url
        assert url is not None, f"{self.name} serves no pages"
        return httpx.get(f"{url}{page}", timeout=30, trust_env=False)

    def is_ready(self) -> bool:
        """Whether /readyz says so now."""
        try:
            return self.url is not None and self.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def said(self) -> str:
        """The log of the latest start."""
        return self.log.read_text("utf-8", "replace") if self.log.is_file() else ""

    def is_stuck(self) -> bool:
        """Whether /livez asks for a restart now."""
        try:
            return self.url is not None and self.get("/livez").status_code == NOT_LIVE
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self, deadline_s: float = DEADLINE_S) -> int:
        """SIGTERM, and wait for the end; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(deadline_s)

    def told(self) -> str:
        """What it is doing, for a failure."""
        lines = self.said().splitlines()[-SHOWN_LINES:]
        state = "runs" if self.exit_code is None else f"ended with {self.exit_code}"
        return "\n    ".join([f"{self.name} {state}; its last lines:", *lines])


class Api(Worker):
    """A `c360 api`, or another command that takes events; started again, it listens where it did
    before."""

    serves = API

    def __init__(self, number: int, logs: Path, env: dict[str, str], *called: str) -> None:
        super().__init__(called[-1], number, logs, env)
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self._command = (*called, "--port", str(port))

    def post(self, *events: Any, key: str = API_KEY, timeout_s: float = 60) -> httpx.Response:
        """Send events."""
        return httpx.post(
            f"{self.base_url}/v1/touchpoints",
            json={"batch": events},
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout_s,
            trust_env=False,
        )


class Distributed:
    """Brokers and a store that others made, prepared for a run of its own, and its workers.

    Args:
        supervised: workers that end by themselves with a code that asks for it, and those that are
            stuck, are started again while something waits; otherwise any end fails the test.
    """

    def __init__(
        self,
        directory: Path,
        servers: str,
        endpoint: ClickHouseEndpoint,
        *,
        replication: int = 1,
        supervised: bool = False,
        **settings: str,
    ) -> None:
        token = secrets.token_hex(4)
        self.directory = directory
        self.servers = servers
        self.endpoint = endpoint
        self.prefix = f"run-{token}"
        self.database = f"c360_run_{token}"
        self.supervised = supervised
        self.restarts = 0
        self.workers: list[Worker] = []
        self._served: set[str] = set()
        self.logs = directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count(1)
        self._settings = {
            "C360_KAFKA_BOOTSTRAP_SERVERS": servers,
            "C360_KAFKA_REPLICATION": str(replication),
            "C360_KAFKA_SESSION_TIMEOUT_S": "6",
            "C360_CLICKHOUSE_URL": endpoint.url,
            "C360_CLICKHOUSE_DATABASE": self.database,
            "C360_CLICKHOUSE_PASSWORD": endpoint.password,
            "C360_CLICKHOUSE_TIMEOUT_S": "10",
            "C360_WORKER_HTTP_PORT": "0",
            "C360_WORKER_LINGER_MS": "100",
            "C360_TICK_INTERVAL_S": "1",
            "C360_LOG_FORMAT": "json",
            "C360_LOG_LEVEL": "debug",
            **settings,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.exit_code is None:
                worker.kill()

    @property
    def env(self) -> dict[str, str]:
        """The settings of everything that runs."""
        return {**self._settings, "C360_KAFKA_GROUP_PREFIX": self.prefix}

    def c360(self, *arguments: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        """A command with the settings of the run."""
        return c360(None, *arguments, code=code, stdin=None, **{**self.env, **env})

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, whatever its exit code is."""
        return attempt(None, *arguments, stdin=None, **self.env)

    def prepare(self) -> Self:
        """Topics and schema. The topics have to be empty, or gone."""
        self.c360("topics", "apply")
        self.c360("migrate")
        return self

    def drop(self) -> None:
        """Drop the database: the endpoint may serve other runs."""
        client = self.endpoint.client(database="system")
        client.command(f"DROP DATABASE IF EXISTS {self.database} SYNC")
        client.close()

    def add(self, service: str, **env: str) -> Worker:
        """One more worker, started."""
        own = environment(**{**self.env, **env})
        worker = Worker(service, next(self._numbers), self.logs, own)
        self.workers.append(worker)
        self._served.add(service)
        return worker.start()

    def add_api(self, *called: str, **env: str) -> Api:
        """A `c360 api`, or the command that is given, started; it is no part of what drains."""
        own = environment(**{**self.env, **env})
        api = Api(next(self._numbers), self.logs, own, *(called or ("api",)))
        self.workers.append(api)
        api.start()
        return api

    def of(self, service: str) -> list[Worker]:
        """The workers of a service that run."""
        return [one for one in self.workers if one.service == service and one.exit_code is None]

    def stop_all(self) -> list[int]:
        """SIGTERM to all that run; their exit codes."""
        return self.stop([one for one in self.workers if one.exit_code is None])

    def stop(self, workers: Sequence[Worker]) -> list[int]:
        """SIGTERM to some workers at once, which are no part of the run any more; exit codes."""
        for worker in workers:
            worker.process.send_signal(signal.SIGTERM)
        self.workers = [one for one in self.workers if one not in workers]
        return [worker.process.wait(DEADLINE_S) for worker in workers]

    def publish(self, file: Path) -> dict[str, Any]:
        """Send a file, again and again until every line is acknowledged; the last report."""
        return self.published(file, self.publishing(file))

    def publishing(self, file: Path) -> subprocess.Popen[str]:
        """Begin to send a file."""
        return subprocess.Popen(
            command(None, "publish", "--json", str(file)),
            env=environment(**self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def published(self, file: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait until a file is sent, starting it again while the brokers are away."""
        end = time.monotonic() + DRAIN_DEADLINE_S
        while True:
            out, err = process.communicate(timeout=DEADLINE_S)
            if process.returncode in (0, 1):  # 1: a line is too large for any topic
                report: dict[str, Any] = json.loads(out)
                return report
            assert process.returncode == TRY_AGAIN, f"exit {process.returncode}\n{out}\n{err}"
            assert time.monotonic() < end, f"not published\n{err}"
            process = self.publishing(file)

    def wait_ready(self, deadline_s: float = READY_DEADLINE_S) -> None:
        """Until every worker holds its share and reaches its store."""
        self.wait(lambda: all(worker.is_ready() for worker in self.workers), "ready", deadline_s)

    def wait_drained(self, deadline_s: float = DRAIN_DEADLINE_S) -> None:
        """Until every group that ever had a worker has committed the end of all it reads, seen
        twice in a row."""
        services = [service for service in SERVICES if service in self._served]
        seen: list[object] = []

        def drained() -> bool:
            ends = self._look(services)
            seen.append(None if ends is None or any(_behind(ends)) else ends)
            return len(seen) > 1 and seen[-1] is not None and seen[-1] == seen[-2]

        self.wait(drained, "drained", deadline_s)

    def lag(self, service: str) -> int:
        """Records that the service's group has not committed; 0 while nobody can say."""
        ends = self._look((service,))
        return sum(one.end - one.position for one in _behind(ends)) if ends else 0

    def final_tick(self) -> None:
        """Time comes as far as the latest event, as at the end of a file; and all is judged."""
        self.c360("incidents", "tick")
        self.wait_drained()

    def digest(self) -> dict[str, str]:
        """The state digest by section."""
        found: dict[str, str] = json.loads(self.c360("state", "digest", "--json").stdout)
        return found

    def rows(self, sql: str) -> Sequence[Sequence[Any]]:
        """The rows of a query on the run's database."""
        client = self.endpoint.client(database=self.database)
        try:
            return client.query(sql).result_rows
        finally:
            client.close()

    def injected(self, fault: str) -> int:
        """How many faults of a kind the store has injected since its start."""
        auth = ("default", self.endpoint.password)
        told = httpx.get(f"{self.endpoint.url}/dev/faults", auth=auth, trust_env=False)
        return int(told.raise_for_status().json()["injected"].get(fault, 0))

    def wait(self, condition: Callable[[], bool], what: str, deadline_s: float) -> None:
        """Until the condition holds. Fails with the state of everything."""
        end = time.monotonic() + deadline_s
        while True:
            self.look_after()
            if condition():
                return
            assert time.monotonic() < end, f"not {what} within {deadline_s:g} s\n{self.told()}"
            time.sleep(POLL_S)

    def look_after(self) -> None:
        """Start workers again that ended by themselves; fail when they should not have. A worker
        that says itself that it is stuck is started again, too, as Kubernetes does."""
        for worker in self.workers:
            if self.supervised and worker.exit_code is None and worker.is_stuck():
                worker.kill()
                self.restarts += 1
                worker.start()
            code = worker.exit_code
            if code is None:
                continue
            assert self.supervised, worker.told()
            assert code in RESTARTED_CODES, worker.told()
            self.restarts += 1
            worker.start()

    def told(self) -> str:
        """The state of everything, for a failure."""
        ends = self._look()
        behind = "nobody can say" if ends is None else [tuple(one) for one in _behind(ends)]
        return "\n".join([f"behind: {behind}", *(worker.told() for worker in self.workers)])

    def _look(self, services: Sequence[str] = SERVICES) -> list[Behind] | None:
        """Where the groups stand, upstream first; None when brokers do not answer."""
        try:
            return asyncio.run(_positions(self.servers, self.prefix, services))
        except (KafkaError, TimeoutError, OSError):
            return None


def _behind(ends: Sequence[Behind]) -> list[Behind]:
    return [one for one in ends if one.position < one.end]


async def _positions(servers: str, prefix: str, services: Sequence[str]) -> list[Behind]:
    """Of each partition: what the group has committed (at least its beginning), and its end."""
    found: list[Behind] = []
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    async with asyncio.timeout(LOOK_TIMEOUT_S):
        try:
            await admin.start()
            await consumer.start()
            for service in services:
                committed = await admin.list_consumer_group_offsets(f"{prefix}-{service}")
                places = [
                    TopicPartition(topic, number)
                    for topic in TOPICS[service]
                    for number in range(CATALOGUE.by_name[topic].partitions)
                ]
                begins = await consumer.beginning_offsets(places)
                ends = await consumer.end_offsets(places)
                for place in places:
                    position = committed[place].offset if place in committed else 0
                    found.append(Behind(place, max(position, begins[place]), ends[place]))
        finally:
            await consumer.stop()
            await admin.close()
    return found

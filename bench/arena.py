"""One broker and one ClickHouse endpoint on loopback for the benchmark of the workers.

Both are what `c360 dev` starts: an Apache Kafka of one broker, and chDB behind the ClickHouse
protocol. They share the machine with the contestants, and end with the thread that started them.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Self

from bench.children import ChildFailed, Result, environment, run_child
from bench.processes import cpu_s_of, pin
from devtools.child import LAUNCHER, end_all, spawn
from devtools.kafka import Cluster
from devtools.ports import HOST, free_port

C360 = (sys.executable, "-c", "from services.cli import main; main()")
START_TIMEOUT_S = 60
READY_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
GRACE_S = 10
POLL_S = 0.05
KIB = 1024
Settings = dict[str, str]


class Arena:
    """Broker, store and topics; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._cluster = Cluster(1)
        self._numbers = itertools.count(1)
        self._store_url = f"http://{HOST}:{free_port()}"
        self._store: subprocess.Popen[bytes] | None = None
        self.directory = Path()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory = Path(stack.enter_context(TemporaryDirectory(prefix="c360-bench-")))
            stack.enter_context(self._cluster)
            port = self._store_url.rpartition(":")[2]
            where = ("--data-dir", str(self.directory / "store"), "--port", port)
            log = self.directory / "store.log"
            self._store = process = spawn([*C360, "dev", "clickhouse", *where], log)
            stack.callback(end_all, [process], GRACE_S)
            wait(lambda: answers(f"{self._store_url}/ping"), "the store", [process], log)
            c360("topics", "apply", settings=self._settings("none"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _settings(self, database: str) -> Settings:
        return {
            "C360_IDENTITY_SECRET": "identity-secret-of-the-benchmark",
            "C360_KAFKA_BOOTSTRAP_SERVERS": self._cluster.bootstrap_servers,
            "C360_KAFKA_REPLICATION": "1",
            "C360_KAFKA_GROUP_PREFIX": f"bench-{secrets.token_hex(4)}",
            "C360_CLICKHOUSE_URL": self._store_url,
            "C360_CLICKHOUSE_DATABASE": database,
            "C360_WORKER_HTTP_PORT": "0",
            "C360_LOG_LEVEL": "error",
        }

    @contextmanager
    def run(self, *, storing: bool = True) -> Iterator[Settings]:
        """Settings of one run: an empty database of its own, groups that have read nothing."""
        database = f"bench_{next(self._numbers)}"
        settings = self._settings(database)
        if storing:
            c360("migrate", settings=settings)
        try:
            yield settings
        finally:
            self.query(f"DROP DATABASE IF EXISTS {database} SYNC")

    def cpu_s(self) -> tuple[float, float]:
        """Seconds of processor time so far of the store and of the broker."""
        store, *brokers = self._servers()
        return cpu_s_of(store), sum(map(cpu_s_of, brokers))

    def pin(self, cpus: set[int]) -> None:
        """Keep the store and the broker on these CPUs from now on."""
        for pid in self._servers():
            pin(pid, cpus)

    def _servers(self) -> list[int]:
        assert self._store is not None
        return [self._store.pid, *self._cluster.processes.values()]

    def query(self, sql: str) -> str:
        """The answer of the store as text."""
        request = urllib.request.Request(self._store_url, sql.encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode().strip())

    def stored_events(self, settings: Settings) -> int:
        """Different events in the database of a run."""
        database = settings["C360_CLICKHOUSE_DATABASE"]
        return int(self.query(f"SELECT uniqExact(realm, event_id) FROM {database}.touchpoints"))

    def fill(self, file: Path, batch: int, events_max: int) -> int:
        """Send the lines of a file to the topic that all contestants read; how many went."""
        arguments = (str(file), str(batch), str(events_max))
        told = run_child("bench.worker_fill", *arguments, settings=self._settings("none"))
        return int(told["events"])


class Contestant:
    """A running contestant: reports its partitions, and its result when it is done."""

    def __init__(self, command: Sequence[str], settings: Settings, log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [*bound(), *command],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(settings),
            )

    def pin(self, cpus: set[int]) -> None:
        """Keep it on these CPUs from now on."""
        pin(self.process.pid, cpus)

    def hear(self) -> Result:
        """Its next message. Raises ChildFailed when it ends instead."""
        assert self.process.stdout is not None
        stream: IO[bytes] = self.process.stdout
        for line in stream:
            if line.startswith(b"{"):
                told: Result = json.loads(line)
                return told
        raise ChildFailed(f"a contestant ended before its result\n{tail(self._log)}")

    def result(self) -> Result:
        """Its result, when it is done."""
        while "contestant" not in (told := self.hear()):
            pass
        return told

    def end(self) -> None:
        """SIGTERM, and wait; one that does not end is killed."""
        end_all([self.process], STOP_TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Worker:
    """A `c360 worker` with its health pages."""

    def __init__(self, service: str, settings: Settings, log: Path) -> None:
        self.service = service
        self.log = log
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*bound(), *C360, "worker", service],
                stdout=output,
                stderr=output,
                env=environment(settings | {"C360_WORKER_HTTP_PORT": str(port)}),
            )

    def wait_ready(self) -> None:
        """Wait until it holds its partitions and reaches its store. Raises ChildFailed."""
        ready = f"{self.url}/readyz"
        wait(lambda: answers(ready), self.service, [self.process], self.log, READY_TIMEOUT_S)

    def metrics(self) -> str:
        """Its metrics page."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def stop(self) -> None:
        """SIGTERM, and wait; one that does not end is killed."""
        end_all([self.process], STOP_TIMEOUT_S)

    def peak_mib(self) -> float:
        """The most memory it held, as the kernel counts it for this program alone."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [one for one in status.splitlines() if one.startswith("VmHWM")]
        return round(int(line.split()[1]) / KIB, 1)

    def cpu_s(self) -> float:
        """Seconds of processor time so far, user and system."""
        return cpu_s_of(self.process.pid)


def bound() -> list[str]:
    """What goes before a command so that its process does not outlive ours (devtools/child.py)."""
    return [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid())]


def c360(*arguments: str, settings: Settings) -> str:
    """Run a command of the product; what it prints. Raises ChildFailed with its output."""
    done = subprocess.run(
        [*C360, *arguments], env=environment(settings), capture_output=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode()
        raise ChildFailed(f"c360 {' '.join(arguments)} ended with {done.returncode}\n{said}")
    return done.stdout.decode()


def wait(
    condition: Callable[[], bool],
    what: str,
    processes: Sequence[subprocess.Popen[bytes]],
    log: Path,
    timeout_s: float = START_TIMEOUT_S,
) -> None:
    """Wait until the condition holds. Raises ChildFailed when a process ends or on timeout."""
    end = time.monotonic() + timeout_s
    while not condition():
        if any(one.poll() is not None for one in processes) or time.monotonic() > end:
            raise ChildFailed(f"{what} did not get ready\n{tail(log)}")
        time.sleep(POLL_S)


def answers(url: str) -> bool:
    """Whether this address answers with success now."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])

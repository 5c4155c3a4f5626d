"""Real Kafka brokers for development and tests, on loopback, in a directory that goes away again.

One broker, or three with a quorum among them. Each is broker and controller at once (KRaft). The
listeners have no password and take connections of this machine only. Not for production.
"""

from __future__ import annotations

import base64
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from devtools.child import end_all, spawn
from devtools.kafka_jars import Distribution, distribution, java_command
from devtools.ports import HOST, free_ports, require_free
from services.runtime.errors import ConfigurationError, Fatal

BROKERS_ALLOWED = (1, 3)
HEAP_MIB = 256
START_TIMEOUT_S = 60
STOP_GRACE_S = 10
THROW_AWAY_GRACE_S = 2
SETTLED_S = 1.0
"""Two heartbeats of a broker."""
POLL_S = 0.05
LOG_LINES_SHOWN = 15
SETTINGS = """process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
log.dirs={storage}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={insync}
offsets.topic.num.partitions=4
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={insync}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={insync}
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.io.buffer.size=65536
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1500
replica.lag.time.max.ms=3000
replica.fetch.wait.max.ms=200
"""
"""Internal topics with few partitions, a dedupe buffer that fits the heap, and failover within
seconds. What clients see of a broker is left as Kafka has it."""


class Cluster:
    """One or three brokers; a context manager. Brokers are numbered from 0.

    Blocking, for one thread at a time. The brokers die with the thread that started them.
    """

    def __init__(self, brokers: int = 1, directory: Path | None = None, port: int = 0) -> None:
        """`directory` keeps the data of an earlier run, and keeps it afterwards; without one it is
        a temporary one. `port` is the first broker's, the others follow it; 0 picks free ones.

        Raises:
            ConfigurationError: a number of brokers that makes no quorum, or a port that is taken.
        """
        if brokers not in BROKERS_ALLOWED:
            raise ConfigurationError(f"{brokers} brokers: choose 1, or 3 for failover")
        self._wanted = directory
        self._ports = free_ports(2 * brokers, list(range(port, port + brokers)) if port else [])
        self._brokers = brokers
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._directory: Path | None = None
        self._distribution: Distribution | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all brokers, as clients take them."""
        return ",".join(f"{HOST}:{port}" for port in self._ports[: self._brokers])

    @property
    def processes(self) -> dict[int, int]:
        """Process id of each broker that was started and not stopped."""
        return {broker: process.pid for broker, process in self._processes.items()}

    @property
    def directory(self) -> Path:
        """Where settings, data and logs of the brokers are. Raises Fatal unless it is open."""
        if self._directory is None:
            raise Fatal("the cluster is not open")
        return self._directory

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Start all brokers; returns when each of them knows of all.

        Raises:
            ConfigurationError: a program is missing, or a port is taken.
            Retry: Kafka could not be fetched.
            Fatal: a broker did not come up; its last log lines are in the message.
        """
        self._distribution = distribution()
        if self._wanted is None:
            self._directory = Path(tempfile.mkdtemp(prefix="c360-kafka-"))
        else:
            self._directory = self._wanted.absolute()
            self._directory.mkdir(parents=True, exist_ok=True)
        try:
            cluster = self._cluster_id()
            for broker in range(self._brokers):
                self._format(broker, cluster)
                self._spawn(broker)
            for broker in range(self._brokers):
                self._wait_until_up(broker)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop what runs, and remove the directory unless it was given."""
        processes = list(self._processes.values())
        self._processes.clear()
        # The last of a quorum cannot take its leave and waits in vain: not for data nobody keeps.
        end_all(processes, STOP_GRACE_S if self._wanted else THROW_AWAY_GRACE_S)
        if self._directory is not None and self._wanted is None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = None

    def start(self, broker: int) -> None:
        """Start a broker that was stopped or killed, with its ports and data. Raises as open."""
        if broker in self._processes:
            raise Fatal(f"broker {broker} runs already")
        require_free(self._ports[broker])
        self._spawn(broker)
        self._wait_until_up(broker)

    def stop(self, broker: int) -> None:
        """Shut a broker down in order: it hands its partitions over first."""
        end_all([self._processes.pop(broker)], STOP_GRACE_S)

    def kill(self, broker: int) -> None:
        """SIGKILL: the broker says nothing to anybody."""
        process = self._processes.pop(broker)
        process.kill()
        process.wait()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Freeze the brokers: connections stay open, and nobody answers on them.

        Returns when every broker knows of all again and stays so: on waking up, the controller may
        find that it has not heard of a broker for too long, and drop it until the next heartbeat.

        Raises:
            Fatal: a broker did not come back.
        """
        for process in self._processes.values():
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self._processes.values():
                process.send_signal(signal.SIGCONT)
            end = time.monotonic() + SETTLED_S
            while time.monotonic() < end:
                for broker in self._processes:
                    if not self._knows_all(broker):
                        self._wait_until_up(broker)
                        end = time.monotonic() + SETTLED_S
                time.sleep(POLL_S)

    def check(self) -> None:
        """Raises Fatal when a broker ended by itself."""
        for broker, process in self._processes.items():
            if process.poll() is not None:
                raise Fatal(self._told(broker, f"ended by itself (exit {process.returncode})"))

    def _home(self, broker: int) -> Path:
        return self.directory / f"broker-{broker}"

    def _cluster_id(self) -> str:
        """The one of an earlier run in this directory, or a new one."""
        meta = self._home(0) / "storage" / "meta.properties"
        lines = meta.read_text("utf-8").splitlines() if meta.is_file() else []
        known = [line.removeprefix("cluster.id=") for line in lines if "cluster.id=" in line]
        return known[0] if known else _kafka_id()

    def _format(self, broker: int, cluster: str) -> None:
        """Write a broker's settings, and what Kafka's own tool writes into an empty storage."""
        assert self._distribution is not None
        home = self._home(broker)
        storage = home / "storage"
        count, ports = self._brokers, self._ports
        settings = SETTINGS.format(
            node=broker + 1,
            host=HOST,
            port=ports[broker],
            controller_port=ports[count + broker],
            voters=",".join(f"{one + 1}@{HOST}:{ports[count + one]}" for one in range(count)),
            storage=storage,
            replicas=count,
            insync=max(1, count - 1),
        )
        storage.mkdir(parents=True, exist_ok=True)
        (home / "server.properties").write_text(settings, "utf-8")
        meta = storage / "meta.properties"
        if not meta.exists():
            shutil.copy(self._distribution.bootstrap, storage)
            text = f"version=1\nnode.id={broker + 1}\ncluster.id={cluster}\n"
            meta.write_text(f"{text}directory.id={_kafka_id()}\n", "utf-8")

    def _spawn(self, broker: int) -> None:
        assert self._distribution is not None
        home = self._home(broker)
        java = java_command(self._distribution.java, self._distribution.jars, HEAP_MIB)
        command = [*java, "kafka.Kafka", str(home / "server.properties")]
        self._processes[broker] = spawn(command, home / "console.log")

    def _wait_until_up(self, broker: int) -> None:
        """Until the broker answers, and knows of every broker that runs."""
        process = self._processes[broker]
        end = time.monotonic() + START_TIMEOUT_S
        while not self._knows_all(broker):
            if process.poll() is not None:
                raise Fatal(self._told(broker, f"did not start (exit {process.returncode})"))
            if time.monotonic() > end:
                raise Fatal(self._told(broker, f"did not answer within {START_TIMEOUT_S} seconds"))
            time.sleep(POLL_S)

    def _knows_all(self, broker: int) -> bool:
        return {one + 1 for one in self._processes} <= _nodes_known(self._ports[broker])

    def _told(self, broker: int, what: str) -> str:
        """What happened to a broker, with the last lines it wrote."""
        written = (self._home(broker) / "console.log").read_text("utf-8", "replace").splitlines()
        shown = written[-LOG_LINES_SHOWN:] or ["(it wrote nothing)"]
        return "\n  ".join([f"Kafka broker {broker} {what}. Its last lines:", *shown])


def _nodes_known(port: int) -> set[int]:
    """Node ids of the live brokers that the broker at this port knows; none while it is not up.

    Asks with one Metadata request (version 1) by hand: no client, no event loop, no log lines.
    """
    header = struct.pack(">hhi", 3, 1, 1) + struct.pack(">h", 4) + b"c360"
    request = header + struct.pack(">i", 0)
    with suppress(OSError, struct.error), socket.create_connection((HOST, port), 2) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        with connection.makefile("rb") as answer:
            _, _, count = struct.unpack(">iii", answer.read(12))
            found = set()
            for _ in range(count):
                node, length = struct.unpack(">ih", answer.read(6))
                answer.read(length + 4)
                (rack_length,) = struct.unpack(">h", answer.read(2))
                answer.read(max(0, rack_length))
                found.add(node)
            return found
    return set()


def _kafka_id() -> str:
    """A UUID as Kafka writes it."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")

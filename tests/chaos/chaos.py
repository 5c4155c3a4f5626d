"""One run of the sample in which things go wrong: the stage, the feed, and the account at the end.

Events are fed in parts. A fault is injected while workers process a part: the store
delays the statement during which it is injected.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from devtools.kafka import Cluster
from services.runtime.errors import Retry
from tests.chaos.harm import GARBAGE, READ_TOPICS, send_compressed
from tests.chaos.small_disk import SmallDisk
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.accounts import alerts_astray, dead_letters, doubled, lost, profile_changes_astray
from tests.e2e.distributed import SERVICES, Distributed, Worker

STORED_COUNT_SQL = "SELECT count() FROM touchpoints FINAL"
DISK_MIB = 1024
HOLD_S = 1.5
HELD_DEADLINE_S = 60
WRITES = {
    "ingest": "INSERT INTO .*touchpoints",
    "identity": "INSERT INTO .*members",
    "consistency": "(SELECT .*FROM offers|INSERT INTO .*(incident_states|timers))",
}
"""A statement in the midst of a batch of each service."""


@dataclass
class Tally:
    """What was done to a run, and what became of it."""

    name: str
    kills: int = 0
    """SIGKILLs of workers, brokers and the store."""
    stops: int = 0
    """SIGTERMs of workers and brokers."""
    cut_short: int = 0
    """Of these, workers that were not done within their grace period and ended unfinished."""
    restarts: int = 0
    """Workers that ended on their own or reported a stall, and were restarted."""
    rebalances: int = 0
    events: int = 0
    """Sent, poison included."""
    redelivered: int = 0
    """Events that came to an ingest worker once more after they were stored."""
    lost: int = 0
    doubled: int = 0
    differences: list[str] = field(default_factory=list)
    """Sections of the digest and outputs that differ from the undisturbed run."""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Nothing lost, nothing doubled, nothing different."""
        return not (self.lost or self.doubled or self.differences)


class Chaos:
    """The stage of one run; a context. Disturbances act on what it holds."""

    def __init__(
        self, name: str, directory: Path, file: Path, seed: int, brokers: int = 1, parts: int = 2
    ) -> None:
        self.tally = Tally(name)
        self.rng = random.Random(f"{seed} {name}")
        self.cluster = Cluster(brokers)
        self.disk = SmallDisk(directory / "disk", DISK_MIB)
        self._directory = directory
        self._brokers = brokers
        self._lines = file.read_bytes().splitlines()
        self._sent: list[bytes] = []
        self._poison: Counter[bytes] = Counter()
        self._parts = self._cut(parts)
        self._stack = ExitStack()
        self._names = itertools.count(1)
        self._began_s = time.monotonic()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.cluster)
            stack.enter_context(self.disk)
            self.store = ClickHouseEndpoint(self.disk.path / "data")
            self.store.launcher = self.disk.launcher
            stack.enter_context(self.store)
            self.run = stack.enter_context(
                Distributed(
                    self._directory,
                    self.cluster.bootstrap_servers,
                    self.store,
                    replication=self._brokers,
                    supervised=True,
                    C360_WORKER_BATCH_EVENTS_MAX="500",
                    C360_WORKER_STALLED_AFTER_S="30",
                )
            )
            self.run.prepare()
            for service in SERVICES:
                self.add(service)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, service: str) -> Worker:
        """One more worker: every other one has a name that the group remembers it by."""
        named = self.rng.random() < 0.5
        name = f"chaos-{next(self._names)}" if named else ""
        return self.run.add(service, C360_WORKER_ID=name)

    def feed(self) -> None:
        """Publish the next part, if one is left."""
        part = self._next()
        if part is not None:
            self.run.publish(part)

    def feed_compressed(self) -> None:
        """Send the next part as other producers do."""
        part = self._next()
        if part is not None:
            send_compressed(self.run.servers, part.read_bytes().splitlines())

    def feed_into(self, service: str, strike: Any) -> None:
        """Publish the next part, and strike while a worker of the service is in mid-batch with it.

        `strike` is called with that service's first worker.
        """
        held = self.run.injected("delay")
        self.store.fault(delay_s=HOLD_S, match=WRITES[service], count=2)
        part = self._next()
        assert part is not None, "no part of the sample is left to feed"
        process = self.run.publishing(part)
        self.run.wait(
            lambda: self.run.injected("delay") > held, f"{service} in mid-batch", HELD_DEADLINE_S
        )
        strike(self.run.of(service)[0])
        self.run.published(part, process)

    def kill(self, worker: Worker) -> None:
        """SIGKILL, and start again."""
        worker.kill()
        worker.start()
        self.tally.kills += 1

    def terminate(self, worker: Worker) -> None:
        """SIGTERM, an end in order within the grace period, and start again."""
        code = worker.stop()
        assert code == 0, f"exit {code}\n{worker.told()}"
        worker.start()
        self.tally.stops += 1

    def restart_all(self) -> None:
        """SIGTERM to all workers, then start as many again."""
        services = [worker.service for worker in self.run.workers]
        self.stop_all()
        for service in services:
            self.add(service)

    def stop_all(self) -> None:
        """SIGTERM to all workers once they are up."""
        self.run.wait_ready()
        self.stop(list(self.run.workers))

    def stop(self, workers: Sequence[Worker]) -> None:
        """SIGTERM to some workers at once; each ends within its grace period.

        In the midst of a rebalance it may take all of it: then it ends as after a SIGKILL.
        """
        codes = self.run.stop(workers)
        told = "\n".join(worker.told() for worker in workers)
        assert set(codes) <= {0, Retry.exit_code}, f"{codes}\n{told}"
        self.tally.stops += len(codes)
        self.tally.cut_short += codes.count(Retry.exit_code)

    def poisoned(self) -> None:
        """All garbage was sent to every topic: there must be as many dead letters."""
        for _, value in GARBAGE:
            self._poison[value or b""] += len(READ_TOPICS)

    def account(self, reference: dict[str, str]) -> Tally:
        """Feed what is left, heal, drain, and compare with the undisturbed run."""
        while self._parts:
            self.feed()
        self.store.heal()
        self.run.wait_ready()
        self.run.wait_drained()
        self.run.final_tick()
        tally, found = self.tally, self.run.digest()
        tally.differences = [name for name in reference if found[name] != reference[name]]
        tally.differences += profile_changes_astray(self.run)[:3] + alerts_astray(self.run)[:3]
        astray = self._poison - Counter(dead_letters(self.run))
        tally.lost = len(lost(self.run, self._lines)) + astray.total()
        tally.doubled = len(doubled(self.run))
        told = list(self._told())
        tally.events = len(self._sent) + self._poison.total()
        tally.redelivered = self._redelivered(told)
        tally.rebalances = sum(one["event"] == "assigned" for one in told)
        tally.restarts = self.run.restarts
        tally.seconds = time.monotonic() - self._began_s
        return tally

    def _redelivered(self, told: list[dict[str, Any]]) -> int:
        """Duplicates that workers saw, without those of the sample itself."""
        refused = set(dead_letters(self.run))
        accepted = sum(line not in refused for line in self._sent)
        own = accepted - int(self.run.rows(STORED_COUNT_SQL)[0][0])
        return sum(int(one["duplicates"]) for one in told if one["event"] == "batch") - own

    def _told(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.run.logs.iterdir()):
            for line in path.read_text("utf-8", "replace").splitlines():
                if line.startswith("{") and line.endswith("}"):  # a kill may cut one short
                    yield json.loads(line)

    def _cut(self, parts: int) -> list[Path]:
        size = -(-len(self._lines) // parts)
        files = []
        for number in range(parts):
            file = self._directory / f"part-{number:02}.jsonl"
            lines = self._lines[number * size : (number + 1) * size]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"".join(line + b"\n" for line in lines))
            files.append(file)
        return files

    def _next(self) -> Path | None:
        if not self._parts:
            return None
        part = self._parts.pop(0)
        self._sent += part.read_bytes().splitlines()
        return part

"""The faults of a game day: what is done, which alerts belong to it, and what may fire beside them.

A fault is a context: it happens at the beginning and is mended at the end. Nothing here knows a
rule's expression; names of alerts are those of deploy/prometheus/rules.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer

from tests.deploy.live import LiveSystem
from tests.drills.shop import Shop
from tests.e2e.distributed import Worker
from tests.e2e.test_skewed_clocks import LIBRARY

SLOW_INSERT_S, SLOW_READ_S = 6, 1.5
CLOCK_BEHIND_S = -20
GARBAGE_OF_TEN = 3
READ_OF_A_PROFILE = r"FROM touchpoints WHERE realm = \S+ AND node IN"
"""A statement that no worker runs."""


@dataclass(frozen=True)
class Stage:
    """What faults act on."""

    system: LiveSystem
    shop: Shop
    directory: Path

    def worker(self, service: str) -> Worker:
        """The one worker of a service."""
        return next(one for one in self.system.run.workers if one.service == service)


@dataclass(frozen=True)
class Fault:
    """One way to break the service."""

    name: str
    happens: Callable[[Stage], AbstractContextManager[None]]
    expected: frozenset[str]
    within_s: float = 60
    allowed: Mapping[str, str] = field(default_factory=dict)
    """Alerts that may fire beside, and why that is right."""


LATE = "what waited is late when it is read"
BUDGET = "so long an outage takes its share of the month's budget, too"
LATE_TOO = {
    "C360FreshnessBurnsFast": LATE,
    "C360FreshnessBurnsSlowly": BUDGET,
}
ERRORS_TOO = {"C360ApiAvailabilityBurnsSlowly": BUDGET}
STANDS_TOO = {"C360WorkerStalled": "no worker gets on meanwhile"}
RETRIES_TOO = {"C360StoreRetries": "every attempt to write is counted"}


@contextmanager
def _worker_killed(stage: Stage) -> Iterator[None]:
    worker = stage.worker("ingest")
    worker.kill()
    yield
    worker.start()


@contextmanager
def _worker_frozen(stage: Stage) -> Iterator[None]:
    process = stage.worker("identity").process
    process.send_signal(signal.SIGSTOP)
    yield
    process.send_signal(signal.SIGCONT)


@contextmanager
def _broker_away(stage: Stage) -> Iterator[None]:
    stage.system.cluster.kill(0)
    yield
    stage.system.cluster.start(0)


@contextmanager
def _store_away(stage: Stage) -> Iterator[None]:
    stage.system.endpoint.kill()
    yield
    stage.system.endpoint.start()


@contextmanager
def _store_slow(stage: Stage) -> Iterator[None]:
    stage.system.endpoint.fault(delay_s=SLOW_INSERT_S, match="INSERT INTO .*touchpoints", count=0)
    yield
    stage.system.endpoint.heal()


@contextmanager
def _reads_refused(stage: Stage) -> Iterator[None]:
    stage.system.endpoint.fault(code=241, match=READ_OF_A_PROFILE, count=0)
    yield
    stage.system.endpoint.heal()


@contextmanager
def _reads_slow(stage: Stage) -> Iterator[None]:
    stage.system.endpoint.fault(delay_s=SLOW_READ_S, match=READ_OF_A_PROFILE, count=0)
    yield
    stage.system.endpoint.heal()


@contextmanager
def _garbage(stage: Stage) -> Iterator[None]:
    stage.shop.bad_of_ten = GARBAGE_OF_TEN
    yield
    stage.shop.bad_of_ten = 0


@contextmanager
def _poison(stage: Stage) -> Iterator[None]:
    asyncio.run(_send_poison(stage.system.run.servers))
    yield


async def _send_poison(servers: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    await producer.start()
    try:
        for number in range(5):
            await producer.send_and_wait("c360.edges", b"poison %d" % number, key=b"default")
    finally:
        await producer.stop()


@contextmanager
def _channel_silent(stage: Stage) -> Iterator[None]:
    stage.shop.silent.add("pos")
    yield
    stage.shop.silent.clear()


@contextmanager
def _key_expires(stage: Stage) -> Iterator[None]:
    run = stage.system.run
    made = run.c360(
        "keys", "create", "--name", "expires", "--expires", "1d", "--scope", "profiles:read",
        "--json",
    )  # fmt: skip
    yield
    run.c360("keys", "revoke", json.loads(made.stdout)["key_id"])


@contextmanager
def _clock_wrong(stage: Stage) -> Iterator[None]:
    source, library = stage.directory / "clock.c", stage.directory / "clock.so"
    source.write_text(LIBRARY, "utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    worker = stage.worker("consistency")
    worker.stop()
    worker.start(LD_PRELOAD=os.fspath(library), SKEW_S=str(CLOCK_BEHIND_S))
    yield
    worker.stop()
    worker.start()


FAULTS = (
    Fault("an ingest worker is killed", _worker_killed, frozenset({"C360TargetDown"}),
          allowed=LATE_TOO),
    Fault("an identity worker is frozen", _worker_frozen, frozenset({"C360TargetDown"}),
          allowed=LATE_TOO),
    Fault("the broker is away", _broker_away,
          frozenset({"C360ApiAvailabilityBurnsFast", "C360ApiErrors"}),
          allowed={**LATE_TOO, **ERRORS_TOO, **STANDS_TOO, **RETRIES_TOO}),
    Fault("the store is slow", _store_slow, frozenset({"C360FreshnessBurnsFast"}),
          allowed={"C360FreshnessBurnsSlowly": BUDGET}),
    Fault("the store is away", _store_away,
          frozenset({"C360ApiAvailabilityBurnsFast", "C360ApiErrors", "C360StoreRetries"}),
          allowed={**LATE_TOO, **ERRORS_TOO, **STANDS_TOO}),
    Fault("three of ten events are garbage", _garbage, frozenset({"C360RejectRatio"}),
          allowed={"C360ProcessedShareBurns": BUDGET}),
    Fault("records between workers are garbage", _poison, frozenset({"C360DeadLetters"})),
    Fault("a channel falls silent", _channel_silent, frozenset({"C360ChannelSilent"}),
          within_s=150),
    Fault("reads of profiles fail", _reads_refused,
          frozenset({"C360ApiAvailabilityBurnsFast", "C360ApiErrors"}), allowed=ERRORS_TOO),
    Fault("reads of profiles are slow", _reads_slow, frozenset({"C360ApiLatencyBurnsFast"}),
          allowed={"C360ApiLatencyBurnsSlowly": BUDGET}),
    Fault("an API key expires tomorrow", _key_expires, frozenset({"C360ApiKeyExpires"}),
          within_s=90),
    Fault("a worker's clock is wrong", _clock_wrong, frozenset({"C360ClockSkew"}), within_s=90,
          allowed={"C360TargetDown": "it is started again to set its clock", **LATE_TOO}),
)  # fmt: skip

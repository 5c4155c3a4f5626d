"""What every contestant of the workers' benchmark shares: the clock, and validation with insert.

Loads no Kafka client and no Faust, because the Quix Streams contestant lives in an environment that
has only its own (bench/requirements-quix.in).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from bench.children import Result, answer, cpu_s, peak_mib
from schemas.instants import from_ms
from schemas.rules.identity import identity_rules
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.stage import Decoded, IngestStage, Stored
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings, load_settings
from services.store.database import Database, open_server

TOPIC = "bench.touchpoints"
"""All events are in this one topic, whatever their channel: a worker asks the event, not the topic,
and Quix Streams keeps batches by topic and partition, so that more topics would slow it."""


class Received(NamedTuple):
    """A record as any client hands it out: its value, and when the broker took it in."""

    value: bytes
    timestamp_ms: int


class Race:
    """The clock of a contestant: from its first records to the end of its last.

    What an interpreter does before (imports, joining the group) is not counted.
    """

    def __init__(self, contestant: str, events: int) -> None:
        self._contestant = contestant
        self._wanted = events
        self._begun_s: float | None = None
        self._cpu_s = 0.0
        self._done = 0
        self.is_over = False

    def expect(self, events: int) -> None:
        """It is over after so many."""
        self._wanted = events

    def began(self) -> None:
        """Records are in hand. Only the first call counts."""
        if self._begun_s is None:
            self._begun_s, self._cpu_s = time.monotonic(), cpu_s()

    def finished(self, events: int) -> bool:
        """So many more are done; True, and the result is printed, when these were the last."""
        self._done += events
        if self.is_over or self._done < self._wanted:
            return self.is_over
        self.is_over = True
        assert self._begun_s is not None
        ended_s, used_s = time.monotonic(), cpu_s() - self._cpu_s
        seconds = ended_s - self._begun_s
        answer(
            {
                "contestant": self._contestant,
                "events": self._done,
                "begun_s": self._begun_s,
                "ended_s": ended_s,
                "seconds": round(seconds, 3),
                "events_per_second": round(self._done / seconds),
                "cpu_us_per_event": round(used_s / max(1, self._done) * 1e6, 1),
                "peak_mib": peak_mib(),
            }
        )
        sys.stdout.flush()
        return True


class Job:
    """Validation and durable insert as the ingest worker does them, for other hosts."""

    def __init__(self, settings: Settings) -> None:
        self._database = open_server(settings)
        self.core = EventProcessor(ingest_config(settings, identity_rules(settings.identity_rules)))
        store = ClickHouseFactStore(self._database)
        self._stage = IngestStage(self.core, store, from_log=True)

    @property
    def database(self) -> Database:
        """The store that it writes to."""
        return self._database

    def decode(self, records: Sequence[Received]) -> Decoded:
        """Validate every record."""
        lines, outcomes = list[Line](), list[Accepted | Reject]()
        received_at = from_ms(0)
        for record in records:
            received_at = from_ms(record.timestamp_ms)
            lines.append(Line(record.value, len(record.value)))
            outcomes.append(self.core.process(record.value, received_at, Intake.SERVER))
        return Decoded(lines, outcomes, received_at, Intake.SERVER)

    def store(self, decoded: Decoded) -> Stored:
        """Make a batch durable. Blocks."""
        return self._stage.store(decoded, 0)


def job_settings() -> Settings:
    """The settings that the arena hands to a contestant, with its logging set up."""
    settings = load_settings()
    configure_logging(settings)
    return settings


def tell(what: Result) -> None:
    """A line for the process that started this one, before the result."""
    answer(what)
    sys.stdout.flush()

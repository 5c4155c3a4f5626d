"""The Quix Streams contestant: the same validation and insert, in a batching sink of its own.

Runs in `.venv-quix` (bench/requirements-quix.lock). It sends no derived records. The sink writes
what a checkpoint holds: `whole` as one insert, `split` as Quix Streams' own `BatchingSink` does,
with one insert for each partition.
"""

from __future__ import annotations

import argparse
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.sinks import BatchingSink, SinkBatch  # type: ignore[import-not-found]

from bench.worker_job import TOPIC, Job, Race, Received, job_settings
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import Settings

COMMIT_S = 5.0
"""Longer than a batch takes, so that its number of events ends it."""


class Facts(BatchingSink):  # type: ignore[misc]
    """Makes events durable when a checkpoint is taken."""

    def __init__(self, job: Job, race: Race, app: Application, whole: bool) -> None:
        super().__init__()
        self._job = job
        self._race = race
        self._app = app
        self._whole = whole

    def add(self, value: Any, *rest: Any, **more: Any) -> None:
        """See the base."""
        self._race.began()
        super().add(value, *rest, **more)

    def write(self, batch: SinkBatch) -> None:
        """One partition's part of a checkpoint."""
        self._write([Received(item.value, item.timestamp) for item in batch])

    def flush(self) -> None:
        """See the base; `whole` makes one insert of all partitions."""
        count = sum(batch.size for batch in self._batches.values())
        if self._whole:
            batches = self._batches.values()
            self._write([Received(item.value, item.timestamp) for one in batches for item in one])
            self._batches.clear()
        else:
            super().flush()
        if count and self._race.finished(count):
            self._app.stop()

    def _write(self, records: list[Received]) -> None:
        if records:
            self._job.store(self._job.decode(records))


def run(settings: Settings, race: Race, batch: int, whole: bool) -> None:
    """Read until all events are durable."""
    app = Application(
        broker_address=settings.kafka_bootstrap_servers,
        consumer_group=f"{settings.kafka_group_prefix}-quix",
        auto_offset_reset="earliest",
        commit_every=batch,
        commit_interval=COMMIT_S,
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="WARNING",
    )
    topic = app.topic(TOPIC, key_deserializer="bytes", value_deserializer="bytes")
    job = Job(settings)
    app.dataframe(topic).sink(Facts(job, race, app, whole))
    tune_garbage_collector()
    app.run()


def main() -> None:
    """`python -m bench.worker_quix whole|split EVENTS BATCH`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=("whole", "split"))
    parser.add_argument("events", type=int)
    parser.add_argument("batch", type=int)
    given = parser.parse_args()
    race = Race(f"quix-{given.how}", given.events)
    run(job_settings(), race, given.batch, given.how == "whole")


if __name__ == "__main__":
    main()

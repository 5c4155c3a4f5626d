"""The contestants on Quix Streams: validation and insert, in a batching sink of their own.

They run in `.venv-quix` (bench/requirements-quix.lock) and send no derived records. The sink writes
what a checkpoint holds. `plain` is what somebody writes who has our models and nothing else of ours
(bench/worker_plain.py), with one insert for a checkpoint. The others validate and insert with our
own code: `whole` with one insert, `split` as Quix Streams' own `BatchingSink` does, with one insert
for each partition.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.sinks import BatchingSink, SinkBatch  # type: ignore[import-not-found]

from bench.worker_job import TOPIC, Job, Race, Received, job_settings
from bench.worker_plain import PlainStore, row_of
from services.runtime.process import tune_garbage_collector
from services.runtime.settings import Settings

COMMIT_S = 5.0
"""Longer than a batch takes, so that its number of events ends it."""


class Facts(BatchingSink):  # type: ignore[misc]
    """Makes events durable when a checkpoint is taken, by the given function."""

    def __init__(
        self,
        store: Callable[[Sequence[Received]], None],
        race: Race,
        app: Application,
        whole: bool,
    ) -> None:
        super().__init__()
        self._store = store
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
            self._store(records)


def _ours(settings: Settings) -> Callable[[Sequence[Received]], None]:
    job = Job(settings)

    def store(records: Sequence[Received]) -> None:
        job.store(job.decode(records))

    return store


def _plain(settings: Settings) -> Callable[[Sequence[Received]], None]:
    store = PlainStore(settings)

    def insert(records: Sequence[Received]) -> None:
        rows = (row_of(record.value, record.timestamp_ms) for record in records)
        store.insert([row for row in rows if row is not None])

    return insert


def run(settings: Settings, race: Race, batch: int, how: str) -> None:
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
    store = _plain(settings) if how == "plain" else _ours(settings)
    app.dataframe(topic).sink(Facts(store, race, app, whole=how != "split"))
    tune_garbage_collector()
    app.run()


def main() -> None:
    """`python -m bench.worker_quix plain|whole|split EVENTS BATCH`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=("plain", "whole", "split"))
    parser.add_argument("events", type=int)
    parser.add_argument("batch", type=int)
    given = parser.parse_args()
    race = Race(f"quix-{given.how}", given.events)
    run(job_settings(), race, given.batch, given.how)


if __name__ == "__main__":
    main()

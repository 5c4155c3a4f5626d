"""Fills the topic of the workers' benchmark, before any clock starts."""

from __future__ import annotations

import argparse
import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.children import answer
from bench.worker_job import TOPIC, job_settings
from schemas.topics import CATALOGUE
from services.intake.files import read_lines
from services.intake.publish import route, size_of
from services.runtime.batching import bounded
from services.runtime.settings import Settings
from services.stream.connection import connection
from services.stream.producer import Producer

CHUNK = 5_000
LIKE = CATALOGUE.by_name["touchpoints.shop"]
"""The topic is one like this."""


async def fill(settings: Settings, file: str, batch: int, events_max: int) -> int:
    """Send the lines, keyed by their event id as everywhere; how many. Lines too large for the
    topic are left out, and as many of the last as are missing to a full batch: no contestant has
    to wait whether its last batch fills up."""
    limit = LIKE.record_bytes_max
    records = [
        record
        for line in read_lines(file)
        if line.is_whole and size_of(record := route(line.content)._replace(topic=TOPIC)) <= limit
    ]
    events = min(len(records), events_max) // batch * batch
    await _make_topic(settings)
    producer = Producer(settings)
    await producer.start()
    for part in bounded(records[:events], CHUNK):
        await producer.send_all(part)
    await producer.stop()
    return events


async def _make_topic(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        topic = NewTopic(TOPIC, LIKE.partitions, 1, topic_configs=LIKE.config)
        await admin.create_topics([topic])
    finally:
        await admin.close()


def main() -> None:
    """`python -m bench.worker_fill FILE BATCH EVENTS_MAX`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("batch", type=int)
    parser.add_argument("events_max", type=int)
    given = parser.parse_args()
    answer({"events": asyncio.run(fill(job_settings(), given.file, given.batch, given.events_max))})


if __name__ == "__main__":
    main()

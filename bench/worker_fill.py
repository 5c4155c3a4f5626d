"""Fills the topic of the workers' benchmark, before any clock starts."""

from __future__ import annotations

import argparse
import asyncio

from bench.children import answer
from bench.worker_job import TOPIC, job_settings
from schemas.topics import CATALOGUE
from services.embedded.pipeline import batched
from services.ingest.lines import read_lines
from services.ingest.publish import route, size_of
from services.runtime.producer import Producer
from services.runtime.settings import Settings

CHUNK = 5_000


async def fill(settings: Settings, file: str, batch: int) -> int:
    """Send the lines, keyed by their event id as everywhere; how many. Lines too large for the
    topic are left out, and as many of the last as are missing to a full batch: no contestant has
    to wait whether its last batch fills up."""
    limit = CATALOGUE.by_name[TOPIC].record_bytes_max
    records = [
        record
        for line in read_lines(file)
        if line.is_whole and size_of(record := route(line.content)._replace(topic=TOPIC)) <= limit
    ]
    events = len(records) // batch * batch
    producer = Producer(settings)
    await producer.start()
    for part in batched(records[:events], CHUNK):
        await producer.send_all(part)
    await producer.stop()
    return events


def main() -> None:
    """`python -m bench.worker_fill FILE BATCH`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("batch", type=int)
    given = parser.parse_args()
    answer({"events": asyncio.run(fill(job_settings(), given.file, given.batch))})


if __name__ == "__main__":
    main()

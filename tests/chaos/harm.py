"""What other producers may write into our topics: garbage of every kind, and every compression.

Not through our own producer, which refuses to send some of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer

from schemas.topics import CATALOGUE

BATCH_BYTES_MAX = 256 * 1024
CODECS = ("gzip", "snappy", "lz4", "zstd")
READ_TOPICS = (*(topic.name for topic in CATALOGUE.touchpoints), "c360.edges", "c360.offers")
Record = tuple[bytes | None, bytes | None]
"""Key and value."""
GARBAGE: tuple[Record, ...] = (
    (None, b"\x00\xff\xfe garbage \x80"),
    (b"\xff\xfe", b"{"),
    (b"key", b""),
    (b"key", None),
    (None, None),
    (None, b"null"),
    (b"key", b"[]"),
    (b"key", b'"text"'),
    (b"key", b"[" * 20_000),
    (b"key", b'{"kind":"unheard of","version":1,"realm":"default"}'),
    (b"key", b'{"kind":"edges","version":1,"realm":"Not A Realm","edges":[]}'),
    (b"key", b'{"kind":"claims","version":1,"realm":"default","claims":[{}]}'),
    (b"key", b'{"kind":"tick","version":1,"realm":"default","reached_at":"soon"}'),
    (b"key", b'{"kind":"edges","version":0,"realm":"default"}'),
    (b"key", json.dumps({"event_id": "poison", "type": "page.viewed"}).encode()),
)
"""Nothing of it is a record of ours, or an event."""


def send_garbage(servers: str) -> None:
    """All of it into every topic that a worker reads."""
    asyncio.run(_send_garbage(servers))


async def _send_garbage(servers: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=BATCH_BYTES_MAX)
    await producer.start()
    try:
        for number, topic in enumerate(READ_TOPICS):
            batch = producer.create_batch()  # takes what `send` refuses: neither key nor value
            for key, value in GARBAGE:
                assert batch.append(key=key, value=value, timestamp=None) is not None
            batch.close()
            partition = number % CATALOGUE.by_name[topic].partitions
            await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


def send_compressed(servers: str, lines: Sequence[bytes]) -> None:
    """Events by four producers of other make, each with a compression of its own."""
    asyncio.run(_send_compressed(servers, lines))


async def _send_compressed(servers: str, lines: Sequence[bytes]) -> None:
    for number, codec in enumerate(CODECS):
        await _send_all(servers, codec, lines[number :: len(CODECS)])


async def _send_all(servers: str, codec: str, lines: Iterable[bytes]) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, compression_type=codec, linger_ms=20, acks="all"
    )
    await producer.start()
    try:
        sent = [await producer.send(topic_of(line), line, key=b"other") for line in lines]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def topic_of(line: bytes) -> str:
    """Where a source sends an event; what cannot be read goes to the topic of unlisted channels."""
    try:
        channel = json.loads(line)["channel"]
    except (ValueError, TypeError, KeyError):
        channel = ""
    return CATALOGUE.of_channel(channel if isinstance(channel, str) else "").name

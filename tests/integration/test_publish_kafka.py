"""`c360 publish` on a real broker: every line arrives once per run, as it was, or is named."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from devtools.kafka import Cluster
from schemas.topics import CATALOGUE, Catalogue
from services.ingest.lines import Line
from services.intake.publish import (
    CHUNK_LINES_MAX,
    PublishReport,
    SourceLine,
    publish,
    route,
    size_of,
)
from services.runtime.errors import Retry
from services.runtime.settings import Settings
from services.stream.connection import partition_of
from services.stream.producer import Producer
from services.stream.topics import apply_topics
from tests.e2e.runs import c360, command, environment, wait_for
from tests.events import event, line
from tests.kafka import kafka_settings, read_all, renew_catalogue

CHANNELS = ("shop", "app", "pos", "kiosk", "email", "sms", "drone")
TOUCHPOINTS = Catalogue(topics=CATALOGUE.touchpoints)


@pytest.fixture
async def servers(kafka: str) -> str:
    """A broker whose touchpoint topics are empty."""
    await renew_catalogue(kafka, TOUCHPOINTS)
    return kafka


def published(servers: str, *files: str, code: int = 0, stdin: bytes | None = None) -> Any:
    """The report of a run, with what it said on standard error."""
    done = c360(
        None, "publish", "--json", *files, code=code, stdin=stdin,
        C360_KAFKA_BOOTSTRAP_SERVERS=servers,
    )  # fmt: skip
    return {**json.loads(done.stdout), "said": done.stderr}


async def there(servers: str) -> list[Any]:
    """All records of the touchpoint topics."""
    return [
        record for topic in TOUCHPOINTS.topics for record in await read_all(servers, topic.name)
    ]


async def test_every_line_arrives_as_it_was(servers: str, tmp_path: Path) -> None:
    """Lines of several files stand in the topic and partition of their channel and id, byte by
    byte; blank lines are none."""
    events = [line(event(channel=CHANNELS[n % 7])) for n in range(12_000)]
    odd = [b'{ "channel":"shop",  "event_id": "spaced" }', b"{\xc3\x28", b"id;date", b"[]"]
    plain, packed = tmp_path / "plain.jsonl", tmp_path / "packed.jsonl.gz"
    plain.write_bytes(b"\n\n".join(events[:7_000]) + b"\r\n")
    packed.write_bytes(gzip.compress(b"\n".join(events[7_000:] + odd)))
    report = published(servers, str(plain), str(packed))
    found = await there(servers)
    assert Counter(record.value for record in found) == Counter(events + odd)
    for record in found:
        assert (record.topic, record.key) == (route(record.value).topic, route(record.value).key)
        if record.key is not None:
            partitions = CATALOGUE.by_name[record.topic].partitions
            assert record.partition == partition_of(record.key, partitions)
    assert (report["acknowledged"], report["unreadable"]) == (12_004, 3)
    assert report["topics"] == Counter(record.topic for record in found)
    assert report["events_per_second"] > 0


async def test_copies_of_an_event_keep_their_order(servers: str) -> None:
    """What is sent again under one id stands behind its first copy, over many chunks."""
    copies = [
        line(event(event_id=f"e-{number % 10}", body={"url": f"{number:06}"}))
        for number in range(2 * CHUNK_LINES_MAX + 10)
    ]
    published(servers, "-", stdin=b"\n".join(copies))
    by_key: dict[bytes, list[bytes]] = {}
    for record in await read_all(servers, "touchpoints.shop"):
        by_key.setdefault(record.key or b"", []).append(record.value or b"")
    for number in range(10):
        assert by_key[b"e-%d" % number] == copies[number::10]


async def test_limits_of_a_line(servers: str, tmp_path: Path) -> None:
    """The largest line that fits arrives even if it cannot be compressed; one byte more is counted
    and named with its number, fails the run, and costs no other line."""
    noise = os.urandom(70_000).translate(bytes.maketrans(b"\n\0", b"xx"))
    frame = size_of(route(b"x" * 60_000)) - 60_000
    limit = CATALOGUE.by_name["touchpoints.other"].record_bytes_max
    largest = b"x" + noise[: limit - frame - 2] + b"x"
    assert size_of(route(largest)) == limit
    file = tmp_path / "large.jsonl"
    good = line(event())
    file.write_bytes(b"\n".join([good, b"", largest, largest + b"x", good, noise * 3]))
    report = published(servers, str(file), code=1)
    assert Counter(record.value for record in await there(servers)) == {good: 2, largest: 1}
    assert (report["acknowledged"], report["too_large"]) == (3, 2)
    places = [(one["line"], one["bytes"]) for one in report["too_large_lines"]]
    assert places == [(4, len(largest) + 1), (6, 210_000)]
    for number in (4, 6):
        assert f"{file}, line {number}, has" in report["said"]


async def test_damaged_and_missing_input(servers: str, tmp_path: Path) -> None:
    """Lines before the damage are sent and reported; the exit code reports the damage."""
    packed = gzip.compress(b"\n".join(line(event()) for _ in range(20_000)))
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    report = published(servers, str(tmp_path / "cut.gz"), str(tmp_path / "none"), code=65)
    assert "truncated gzip" in report["said"]
    assert 0 < report["acknowledged"] < 20_000
    assert len(await there(servers)) == report["acknowledged"]
    assert "none" in published(servers, str(tmp_path / "none"), code=66)["said"]


def test_interrupted(servers: str) -> None:
    """Ctrl-C while input is awaited ends with 130 and reports what arrived and how to continue."""
    lines = [line(event()) for _ in range(CHUNK_LINES_MAX)]
    with subprocess.Popen(
        command(None, "publish", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, env=environment(C360_KAFKA_BOOTSTRAP_SERVERS=servers),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(b"\n".join(lines) + b"\n")
        process.stdin.flush()
        wait_for(lambda: len(asyncio.run(read_all(servers, "touchpoints.shop"))) == len(lines))
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)  # before its input ends: that would be an ordinary end
        _out, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"At least 5,000 events were acknowledged. Run the same command again" in said


def test_no_broker() -> None:
    """A broker that is away is 75, at once; nothing was sent, and the message says where."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    report = published(f"127.0.0.1:{port}", "-", code=75, stdin=line(event()))
    assert report["acknowledged"] == 0
    assert "At least 0 events were acknowledged" in report["said"]


def test_no_brokers_set() -> None:
    """Without a setting the message names it."""
    assert "C360_KAFKA_BOOTSTRAP_SERVERS" in c360(None, "publish", "-", code=78).stderr


def _until_partitions_are_led(
    runner: asyncio.Runner, settings: Settings, some: list[SourceLine]
) -> None:
    """A broker that has just made topics refuses records for seconds, which a hasty producer takes
    for its death."""
    patient = Producer(settings, timeout_s=60)
    publish(some, lambda records: runner.run(patient.send_all(records)), PublishReport())
    runner.run(patient.stop())


def test_broker_killed_on_the_way() -> None:
    """What was acknowledged before the broker died is there after its return, and a second run
    leaves every line there."""
    lines = [SourceLine("f", n, Line(one, len(one))) for n in range(20_000) for one in [b"%d" % n]]
    with Cluster() as cluster, asyncio.Runner() as runner:
        settings = kafka_settings(cluster.bootstrap_servers)
        runner.run(apply_topics(settings, TOUCHPOINTS))
        producer, report = Producer(settings, timeout_s=8), PublishReport()
        _until_partitions_are_led(runner, settings, lines[:100])

        def dying(records: Any) -> None:
            if report.acknowledged == 2 * CHUNK_LINES_MAX:
                cluster.kill(0)
            runner.run(producer.send_all(records))

        with pytest.raises(Retry):
            publish(lines, dying, report)
        assert report.acknowledged == 2 * CHUNK_LINES_MAX
        cluster.start(0)
        found = runner.run(read_all(cluster.bootstrap_servers, "touchpoints.other"))
        acknowledged = {one.line.content for one in lines[: report.acknowledged]}
        assert acknowledged <= {record.value for record in found}
        publish(lines, lambda records: runner.run(producer.send_all(records)), PublishReport())
        runner.run(producer.stop())
        found = runner.run(read_all(cluster.bootstrap_servers, "touchpoints.other"))
    assert {record.value for record in found} == {one.line.content for one in lines}

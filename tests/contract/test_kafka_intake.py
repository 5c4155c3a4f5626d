"""Events over HTTP to a real broker: what is answered is there; what is not, is told in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from devtools.kafka import Cluster
from schemas.topics import CATALOGUE
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result, Status
from services.intake.kafka_sink import GIVING_UP_S, KafkaSink, SinkLimits
from services.runtime.errors import Retry
from services.runtime.metrics import Metrics
from services.stream.dead_letters import REJECTED_TOPIC
from services.stream.producer import CLOSE_TIMEOUT_S, Producer
from tests.events import core, event, line
from tests.kafka import kafka_settings, read_all, renew_catalogue

DEADLINE_S = 3.0
ANSWERED_WITHIN_S = DEADLINE_S + GIVING_UP_S + 1
BACK_WITHIN_S = 60.0
TOPICS = ("touchpoints.shop", "touchpoints.pos", REJECTED_TOPIC)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A broker that these tests stop, freeze and start."""
    with Cluster() as cluster:
        asyncio.run(renew_catalogue(cluster.bootstrap_servers))
        yield cluster


@pytest.fixture
async def sink(cluster: Cluster) -> AsyncIterator[KafkaSink]:
    """A sink that is connected."""
    producer = Producer(kafka_settings(cluster.bootstrap_servers), DEADLINE_S)
    sink = KafkaSink(core(), producer, Metrics(), SinkLimits(100_000, 5_000, DEADLINE_S))
    await sink.start()
    await connected(sink)
    yield sink
    await sink.stop()


async def connected(sink: KafkaSink) -> None:
    """Until it takes events."""
    async with asyncio.timeout(BACK_WITHIN_S):
        while sink.waits_for():  # noqa: ASYNC110 - of another task's state
            await asyncio.sleep(0.02)


async def send(sink: KafkaSink, *sent: bytes, intake: Intake = Intake.SERVER) -> list[Result]:
    """The results of a request."""
    lines = [Line(one, len(one)) for one in sent]
    return await asyncio.wrap_future(sink.submit(lines, intake))


async def values(cluster: Cluster) -> list[bytes | None]:
    """Everything that lies in the topics that these tests send to."""
    found = [record for topic in TOPICS
             for record in await read_all(cluster.bootstrap_servers, topic)]  # fmt: skip
    return [record.value for record in found]


async def test_what_is_answered_is_there(cluster: Cluster, sink: KafkaSink) -> None:
    """Many requests at once, accepted and rejected, of servers and public keys: each event is in
    its topic, under its key, when its sender has the answer."""
    requests = [
        [line(event(channel=("shop", "pos")[n % 2], event_id=f"{n}-{m}")) for m in range(20)]
        + [b"no event %d" % n]
        for n in range(40)
    ]
    answers = await asyncio.gather(
        *(send(sink, *one, intake=(Intake.SERVER, Intake.PUBLIC)[n % 2])
          for n, one in enumerate(requests))
    )  # fmt: skip
    assert {one.status for answer in answers for one in answer[:-1]} == {Status.ACCEPTED}
    assert {answer[-1].status for answer in answers} == {Status.REJECTED}
    shop = await read_all(cluster.bootstrap_servers, "touchpoints.shop")
    by_key = {record.key: record.value for record in shop}
    assert by_key[b"0-7"] == requests[0][7]
    found = await values(cluster)
    for number, sent in enumerate(requests):
        assert sent[-1] in found
        if number % 2 == 0:
            assert set(sent) <= set(found)


async def test_silent_broker(cluster: Cluster, sink: KafkaSink) -> None:
    """A broker that says nothing costs one deadline, then nobody waits; once it answers again, the
    same sink takes events."""
    await send(sink, line(event()))
    with cluster.silence():
        begun = time.monotonic()
        with pytest.raises(Retry):
            await send(sink, line(event()))
        assert time.monotonic() - begun < ANSWERED_WITHIN_S
        with pytest.raises(Retry):
            sink.submit([], Intake.SERVER)
    await connected(sink)
    assert [one.status for one in await send(sink, line(event()))] == [Status.ACCEPTED]


async def test_killed_broker(cluster: Cluster, sink: KafkaSink) -> None:
    """Requests under way when the broker dies are answered in time; everything that was accepted is
    there after it has come back."""
    accepted: set[bytes] = set()

    async def sender(name: str) -> None:
        for number in range(10_000):
            sent = line(event(event_id=f"{name}-{number}"))
            try:
                [result] = await send(sink, sent)
            except Retry:
                return
            assert result.status is Status.ACCEPTED
            accepted.add(sent)

    sending = [asyncio.create_task(sender(name)) for name in "abcdefgh"]
    async with asyncio.timeout(BACK_WITHIN_S):
        while len(accepted) < 100:  # noqa: ASYNC110 - of another task's state
            await asyncio.sleep(0.005)
    cluster.kill(0)
    async with asyncio.timeout(ANSWERED_WITHIN_S + CLOSE_TIMEOUT_S):
        await asyncio.gather(*sending)
    assert sink.waits_for()
    assert sink.is_live()
    cluster.start(0)
    await connected(sink)
    await send(sink, line(event()))
    assert accepted <= set(await values(cluster))


async def test_stopping_in_the_middle(cluster: Cluster) -> None:
    """Every request is answered: acknowledged and there, or with an error."""
    producer = Producer(kafka_settings(cluster.bootstrap_servers), DEADLINE_S)
    sink = KafkaSink(core(), producer, Metrics(), SinkLimits(100_000, 5_000, DEADLINE_S))
    await sink.start()
    await connected(sink)
    requests = [[line(event()) for _ in range(50)] for _ in range(20)]
    answers = [asyncio.create_task(send(sink, *one)) for one in requests]
    await asyncio.sleep(0)
    await sink.stop()
    found = await asyncio.gather(*answers, return_exceptions=True)
    there = set(await values(cluster))
    for sent, answer in zip(requests, found, strict=True):
        assert isinstance(answer, list | Retry)
        if isinstance(answer, list):
            assert set(sent) <= there


def test_the_catalogue_lets_the_service_write() -> None:
    """Operators grant what the catalogue says."""
    for topic in (*CATALOGUE.touchpoints, CATALOGUE.by_name[REJECTED_TOPIC]):
        assert "query" in topic.produced_by

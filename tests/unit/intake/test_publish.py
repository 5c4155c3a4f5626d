"""What `c360 publish` sends where, in which parts, and that its report is true at any moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from schemas.topics import CATALOGUE
from services.ingest.lines import InputError, Line
from services.intake.files import read_lines
from services.intake.formats import ALL
from services.intake.publish import (
    CHUNK_BYTES_MAX,
    CHUNK_LINES_MAX,
    PublishReport,
    SourceLine,
    TooLarge,
    publish,
    route,
    translated_lines,
)
from services.runtime.errors import Retry
from services.stream.ports import Outgoing
from tests.events import event, line

UNREADABLE = ("touchpoints.other", None)


def placed(*contents: bytes) -> list[SourceLine]:
    """Lines of one file."""
    return [SourceLine("f", n, Line(one, len(one))) for n, one in enumerate(contents, 1)]


@pytest.mark.parametrize("channel", [one for t in CATALOGUE.touchpoints for one in t.channels])
def test_each_channel_has_its_topic(channel: str) -> None:
    """Every channel of the catalogue goes to the topic that lists it, under its event id."""
    sent = line(event(channel=channel, event_id="e-1"))
    assert route(sent) == Outgoing(CATALOGUE.of_channel(channel).name, sent, key=b"e-1")


@pytest.mark.parametrize(
    ("content", "topic", "key"),
    [
        # a channel that a retailer added
        (b'{"event_id":"1","channel":"drone"}', "touchpoints.other", b"1"),
        # read as the contract reads it: without blanks around it, and numbers as texts
        (b'{"event_id":" 1 ","channel":"shop"}', "touchpoints.shop", b"1"),
        (b'{"event_id":1,"channel":"shop"}', "touchpoints.shop", b"1"),
        ('{"event_id":"ü","channel":"shop"}'.encode(), "touchpoints.shop", "ü".encode()),
        (b'{"event_id":"%s","channel":"app"}' % (b"x" * 100), "touchpoints.app", b"x" * 100),
        # no JSON object
        (b"id;date;type", *UNREADABLE),
        (b"\xff\xfe{", *UNREADABLE),
        (b"[1]", *UNREADABLE),
        (b"[" * 100_000, *UNREADABLE),
        # no channel, or none that is a text
        (b'{"event_id":"1"}', *UNREADABLE),
        (b'{"event_id":"1","channel":["shop"]}', *UNREADABLE),
        # no id, or none that could be one
        (b'{"channel":"shop"}', *UNREADABLE),
        (b'{"event_id":"","channel":"shop"}', *UNREADABLE),
        (b'{"event_id":true,"channel":"shop"}', *UNREADABLE),
        (b'{"event_id":"%s","channel":"shop"}' % (b"x" * 101), *UNREADABLE),
        (b'{"event_id":"\\ud800","channel":"shop"}', *UNREADABLE),
    ],
)
def test_route_of_odd_lines(content: bytes, topic: str, key: bytes | None) -> None:
    """Whatever a line holds, it has a topic, and its bytes stay as they are."""
    assert route(content) == Outgoing(topic, content, key=key)


def test_chunks_are_bounded_and_in_order() -> None:
    """Many small lines are cut by number, large ones by bytes; their order stays."""
    small = [b"%d" % number for number in range(CHUNK_LINES_MAX + 1)]
    large = [b"x" * 30_000 for _ in range(2 * CHUNK_BYTES_MAX // 30_000)]
    chunks: list[list[bytes | None]] = []
    publish(
        placed(*small, *large),
        lambda records: chunks.append([record.value for record in records]),
        PublishReport(),
    )
    assert [one for chunk in chunks for one in chunk] == [*small, *large]
    assert max(map(len, chunks)) == CHUNK_LINES_MAX
    sizes = [sum(len(one or b"") for one in chunk) for chunk in chunks]
    assert max(sizes) < CHUNK_BYTES_MAX + 30_000
    assert len(chunks) >= 3


def test_report_after_a_failure() -> None:
    """When the broker goes away, the report holds exactly what it had acknowledged before."""
    calls: list[int] = []

    def send(records: Sequence[Outgoing]) -> None:
        calls.append(len(records))
        if len(calls) == 2:
            raise Retry("away")

    report = PublishReport()
    lines = [line(event()) for _ in range(CHUNK_LINES_MAX)] + [b"garbage"]
    with pytest.raises(Retry):
        publish(placed(*lines), send, report)
    assert (report.acknowledged, report.unreadable) == (CHUNK_LINES_MAX, 0)
    assert report.topics == {"touchpoints.shop": CHUNK_LINES_MAX}


def test_lines_before_the_damage_are_sent() -> None:
    """Input that breaks off is an error after all before it was sent."""
    sent: list[Outgoing] = []

    def breaking() -> Iterator[SourceLine]:
        yield from placed(b"1", b"2")
        raise InputError("damaged")

    with pytest.raises(InputError):
        publish(breaking(), sent.extend, PublishReport())
    assert [record.value for record in sent] == [b"1", b"2"]


def test_lines_of_any_length_are_sent_or_named() -> None:
    """A line over the limit of its topic is named with its place; a beginning is never sent."""
    begun = SourceLine("g", 7, Line(b"x" * 65_536, 70_000_000))
    named: list[TooLarge] = []
    sent: list[Outgoing] = []
    report = PublishReport()
    publish([*placed(b"y" * 40_000), begun], sent.extend, report, oversized=named.append)
    assert [len(record.value or b"") for record in sent] == [40_000]
    assert named == [TooLarge("g", 7, 70_000_000, "touchpoints.other", 65_536)]
    assert (report.acknowledged, report.too_large, report.too_large_lines) == (1, 1, named)


@pytest.mark.parametrize("name", ["dsfinvk/two_tills", "poslog/stores.xml", "receipts/day.csv"])
def test_files_of_tills_are_sent_as_what_they_become(name: str) -> None:
    """Each touchpoint to the topic of tills; what becomes none is named and not sent."""
    layout = ALL[name.partition("/")[0]]
    file = str(Path(__file__).parents[2] / "contract/file_formats" / name)
    lines = list(read_lines(file, layout))
    sent: list[Outgoing] = []
    refused: list[Line] = []
    report = PublishReport()
    publish(translated_lines([file], layout, refused.append), sent.extend, report)
    assert [one.value for one in sent] == [one.content for one in lines if one.fault is None]
    assert {one.topic for one in sent} == {CATALOGUE.of_channel("pos").name}
    assert refused == [one for one in lines if one.fault is not None] != []
    assert report.unreadable == 0

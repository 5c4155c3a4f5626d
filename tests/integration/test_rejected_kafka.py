"""Dead letters on a real broker: listed, shown, and replayed unchanged."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import tracemalloc
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from schemas.api.rejected import RejectedItem, ShownRejectedLetter
from schemas.instants import from_ms
from schemas.reject import RejectReason
from schemas.topics import CATALOGUE, Catalogue
from services.ingest.adapters.rejected import open_dead_letters
from services.ingest.adapters.rejected_letters import RejectedLetterReader
from services.intake.replay import ReplayReport, replay
from services.runtime.errors import NotFound
from services.stream.dead_letters import REJECTED_TOPIC, dead_letter
from services.stream.log_reader import delivery
from services.stream.ports import Delivery, Outgoing
from services.stream.producer import Producer
from tests.e2e.runs import c360, command, environment
from tests.kafka import delete_topics, kafka_settings, read_all, renew_catalogue

NAMES = ("touchpoints.shop", "touchpoints.other", "c360.edges", "c360.offers", REJECTED_TOPIC)
USED = Catalogue(topics=tuple(CATALOGUE.by_name[name] for name in NAMES))
BINARY = b"\xff\x00{\n\x1b[31m"


@pytest.fixture
async def servers(kafka: str) -> str:
    """A broker whose topics are empty."""
    await renew_catalogue(kafka, USED)
    return kafka


async def send(servers: str, *records: Outgoing) -> None:
    """Send records."""
    producer = Producer(kafka_settings(servers))
    try:
        await producer.send_all(records)
    finally:
        await producer.stop()


async def refuse(servers: str, *records: Outgoing, reason: str = "not_json") -> list[Delivery]:
    """Send records and dead-letter them as a worker does; returns the rejected deliveries."""
    before = {name: len(await read_all(servers, name)) for name in {one.topic for one in records}}
    await send(servers, *records)
    refused: list[Delivery] = []
    for name, count in sorted(before.items()):
        found = sorted(await read_all(servers, name), key=lambda one: one.timestamp)
        refused += [delivery(one) for one in found[count:]]
    letters = [
        dead_letter(one, RejectReason(reason), "body.price", "wrong", "e-1") for one in refused
    ]
    await send(servers, *letters)
    return refused


def rejected(servers: str, *arguments: str, code: int = 0) -> Any:
    """The JSON of `c360 rejected`, with what was said on standard error."""
    done = c360(
        None, "rejected", *arguments, "--json", code=code, C360_KAFKA_BOOTSTRAP_SERVERS=servers
    )
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout), done.stderr


def ids_of(servers: str, *arguments: str) -> list[str]:
    """Ids as `list` shows them."""
    rows, _ = rejected(servers, "list", *arguments)
    return [row["reject_id"] for row in rows]


async def sent_again(
    servers: str, refused: list[Delivery]
) -> list[ConsumerRecord[bytes | None, bytes | None]]:
    """The records of the topics that the refused ones came from, beside these."""
    places = {(one.topic, one.partition, one.offset) for one in refused}
    return [
        record
        for topic in sorted({one.topic for one in refused})
        for record in await read_all(servers, topic)
        if (record.topic, record.partition, record.offset) not in places
    ]


async def test_round_trip_is_byte_identical(servers: str) -> None:
    """A replayed record stands in the partition it came from, with its value, key and headers, and
    one header more that names the letter; those without a key, too."""
    headers = (("trace", b"\x00\xff"), ("trace", b"again"), ("empty", b""))
    refused = await refuse(
        servers,
        Outgoing("touchpoints.shop", BINARY, key=b"e-1", headers=headers),
        Outgoing("touchpoints.shop", b"other partition", key=b"e-1", partition=7),
        Outgoing("touchpoints.other", b"no key"),
        Outgoing("touchpoints.shop", b"", key=b"nothing"),
        Outgoing("c360.edges", b"{", key=b"default"),
        Outgoing("c360.offers", b"]", key=b"default", partition=11),
    )
    report, _ = rejected(servers, "replay", "--all")
    assert (report["matched"], report["replayed"], report["not_replayable"]) == (6, 6, 0)
    found = await sent_again(servers, refused)
    letters = {
        f"{one.partition}:{one.offset}".encode(): one
        for one in await read_all(servers, REJECTED_TOPIC)
    }
    assert len(found) == len(letters) == 6
    expected = {(one.topic, one.partition, one.value): one for one in refused}
    for record in found:
        *own, (mark, letter_id) = record.headers
        original = expected.pop((record.topic, record.partition, record.value))
        assert (record.key, tuple(own)) == (original.key, original.headers)
        assert mark == "c360-replay-of"
        assert letters[letter_id].value == record.value
    assert expected == {}


async def test_replay_of_some(servers: str) -> None:
    """Ids, a reason and a time select; a dry run sends nothing; the dead letters stay."""
    early = await refuse(servers, Outgoing("touchpoints.shop", b"1", key=b"1"))
    wrong = await refuse(
        servers, Outgoing("touchpoints.shop", b"2", key=b"2"), reason="invalid_field"
    )
    late = await refuse(servers, Outgoing("touchpoints.shop", b"3", key=b"3"))
    letters = await read_all(servers, REJECTED_TOPIC)
    refused_at = {one.value: from_ms(one.timestamp).isoformat() for one in letters}
    id_of = {one.value: f"{one.partition}:{one.offset}" for one in letters}
    since = ("--since", refused_at[b"2"])
    refused = [*early, *wrong, *late]
    for arguments, values in (
        ([id_of[b"1"], id_of[b"3"], id_of[b"1"]], [b"1", b"3"]),
        (["--reason", "invalid_field"], [b"2"]),
        (since, [b"2", b"3"]),
        ((*since, "--reason", "not_json"), [b"3"]),
        (("--since", "2100-01-01T00:00Z"), []),
        (["--all"], [b"1", b"2", b"3"]),
    ):
        before = await sent_again(servers, refused)
        planned, _ = rejected(servers, "replay", *arguments, "--dry-run")
        assert planned["replayed"] == len(values), arguments
        assert await sent_again(servers, refused) == before
        report, _ = rejected(servers, "replay", *arguments)
        assert {**planned, "dry_run": False} == report
        known = {(one.partition, one.offset) for one in before}
        new = [
            one for one in await sent_again(servers, refused)
            if (one.partition, one.offset) not in known
        ]  # fmt: skip
        assert sorted(one.value or b"" for one in new) == values
    assert await read_all(servers, REJECTED_TOPIC) == letters


async def test_equal_letters_are_sent_once(servers: str) -> None:
    """A record refused again and again is one record: replaying does not multiply it."""
    record = Outgoing("touchpoints.shop", b"bad", key=b"e")
    refused = await refuse(servers, record, record, record, record._replace(value=b"worse"))
    report, _ = rejected(servers, "replay", "--all")
    assert (report["matched"], report["replayed"], report["repeated"]) == (4, 2, 2)
    found = await sent_again(servers, refused)
    assert sorted(one.value or b"" for one in found) == [b"bad", b"worse"]


async def test_letters_refused_meanwhile_are_left_for_the_next_run(servers: str) -> None:
    """A replay that is refused again at once ends: it reads what was there at its beginning."""
    await refuse(servers, *(Outgoing("touchpoints.shop", b"%d" % n) for n in range(3_000)))
    settings = kafka_settings(servers)
    producer, report = Producer(settings), ReplayReport()

    class Refusing:
        """Whatever it is sent becomes a dead letter before it returns."""

        async def send_all(self, records: Any) -> None:
            again = [
                dead_letter(Delivery(one.topic, 0, 10**6, 0, one.value), RejectReason.NOT_JSON)
                for one in records
            ]
            await producer.send_all(again)

    async with open_dead_letters(settings) as letters:
        await replay(letters.all(), Refusing(), report)
    await producer.stop()
    assert (report.matched, report.replayed) == (3_000, 3_000)
    assert len(await read_all(servers, REJECTED_TOPIC)) == 6_000


async def test_what_cannot_go_back_is_named(servers: str) -> None:
    """Letters cut short, of no topic, of a topic nobody reads, of no worker, of a key of another
    realm, and too large: each is named with its reason, the run fails, the others are sent."""
    cut = dead_letter(Delivery("touchpoints.shop", 0, 1, 0, b"begin"), RejectReason.TOO_LARGE)
    cut = cut._replace(headers=(*cut.headers, ("c360-raw-bytes", b"70000000")))
    http = dead_letter(Delivery("", -1, -1, 0, b"http"), RejectReason.NOT_ALLOWED)
    loop = dead_letter(Delivery(REJECTED_TOPIC, 0, 1, 0, b"loop"), RejectReason.NOT_JSON)
    full = dead_letter(Delivery("touchpoints.shop", 0, 1, 0, b"x" * 65_450), RejectReason.TOO_LARGE)
    realm = dead_letter(Delivery("touchpoints.shop", -1, -1, 0, b"x"), RejectReason.OTHER_REALM)
    await send(servers, cut, http, loop, full, realm, Outgoing(REJECTED_TOPIC, b"foreign"))
    refused = await refuse(servers, Outgoing("touchpoints.shop", b"good", key=b"e"))
    report, said = rejected(servers, "replay", "--all", code=1)
    assert (report["matched"], report["replayed"], report["not_replayable"]) == (7, 1, 6)
    for why in (
        "5 of 70,000,000 bytes are here", "it came from no topic", f"came from, {REJECTED_TOPIC}",
        "a key of another realm sent it",
        "do not say where it came from", "too large for touchpoints.shop, which takes 65,536",
    ):  # fmt: skip
        assert why in said
    found = await sent_again(servers, refused)
    assert [one.value for one in found] == [b"good"]
    rows, _ = rejected(servers, "list")
    assert sorted((row["reason"], row["is_whole"]) for row in rows) == [
        ("not_allowed", True), ("not_json", True), ("not_json", True), ("other_realm", True),
        ("too_large", False), ("too_large", True), ("unknown", False),
    ]  # fmt: skip


async def test_list_shows_the_latest(servers: str) -> None:
    """The latest first, over all partitions; a limit and a reason choose; all are counted."""
    for number in range(6):
        record = Outgoing("touchpoints.shop", b"%d" % number, key=b"%d" % number)
        reason = "invalid_field" if number % 2 else "not_json"
        [_] = await refuse(servers, record, reason=reason)
    letters = sorted(await read_all(servers, REJECTED_TOPIC), key=lambda one: -one.timestamp)
    ids = [f"{one.partition}:{one.offset}" for one in letters]
    assert ids_of(servers) == ids
    assert ids_of(servers, "--limit", "2") == ids[:2]
    assert ids_of(servers, "--limit", "2", "--reason", "invalid_field") == [ids[0], ids[2]]
    rows, _ = rejected(servers, "list", "--limit", "1")
    [row] = rows
    assert (row["path"], row["message"], row["event_id"]) == ("body.price", "wrong", "e-1")
    assert (row["source_topic"], row["raw_bytes"]) == ("touchpoints.shop", 1)
    assert "raw" not in row
    table = c360(None, "rejected", "list", C360_KAFKA_BOOTSTRAP_SERVERS=servers).stdout
    for text in ("invalid_field  3", "not_json       3", *ids):
        assert text in table


async def test_list_and_replay_of_nothing(servers: str) -> None:
    """An empty topic is no error."""
    assert rejected(servers, "list")[0] == []
    assert rejected(servers, "replay", "--all")[0]["matched"] == 0


async def test_listing_holds_no_contents(servers: str) -> None:
    """Listing 90 MB of letters takes a fraction of that: contents are let go as they are read."""
    value = os.urandom(30_000)
    letters = [
        dead_letter(
            Delivery("touchpoints.shop", 0, n, 0, value, key=b"%d" % n), RejectReason.NOT_JSON
        )
        for n in range(3_000)
    ]
    await send(servers, *letters)
    tracemalloc.start()
    async with open_dead_letters(kafka_settings(servers)) as reader:
        listing = await reader.latest(3_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(listing.letters) == 3_000
    assert listing.counts == {"not_json": 3_000}
    assert peak < 60_000_000


async def test_show_is_safe_for_any_bytes(servers: str) -> None:
    """The bytes come out of a pipe as they are, and of the JSON form by Base64; key and headers
    stand beside them."""
    record = Outgoing(
        "touchpoints.shop", BINARY, key=b"k\xff", headers=(("trace", b"\x00t"), ("n", b"1"))
    )
    [refused] = await refuse(servers, record)
    [letter_id] = ids_of(servers)
    shown, _ = rejected(servers, "show", letter_id)
    assert base64.b64decode(shown["raw_base64"]) == BINARY
    assert base64.b64decode(shown["key_base64"]) == b"k\xff"
    assert [
        (one["name"], base64.b64decode(one["value_base64"])) for one in shown["original_headers"]
    ] == [("trace", b"\x00t"), ("n", b"1")]
    assert shown["headers"]["c360-source-offset"] == str(refused.offset)
    env = environment(C360_KAFKA_BOOTSTRAP_SERVERS=servers)
    done = subprocess.run(  # noqa: ASYNC221
        command(None, "rejected", "show", letter_id), capture_output=True, env=env, check=True
    )
    assert done.stdout == BINARY + b"\n"
    assert b"not_json at 'body.price': wrong. To do: send one JSON object" in done.stderr


@pytest.mark.parametrize(
    ("letter_id", "why"),
    [
        ("0:5", "partition 0 of c360.rejected holds nothing"),
        ("99:0", "no partition 99"),
        ("ef40c04e", "<partition>:<offset>"),
        ("1:-1", "<partition>:<offset>"),
    ],
)
def test_no_such_letter(servers: str, letter_id: str, why: str) -> None:
    """An id that names nothing is 4, and the message says what there is."""
    for name in ("show", "replay"):
        done = c360(None, "rejected", name, letter_id, code=4, C360_KAFKA_BOOTSTRAP_SERVERS=servers)
        assert why in done.stderr


def test_replay_of_nothing_in_particular(servers: str) -> None:
    """Without a choice, with two of them, or with a time of no zone, nothing is sent: usage."""
    for arguments in ([], ["0:1", "--all"], ["--since", "2026-11-20T10:00:00"], ["--since", "x"]):
        c360(None, "rejected", "replay", *arguments, code=2, C360_KAFKA_BOOTSTRAP_SERVERS=servers)


async def test_no_topic(servers: str) -> None:
    """Before 'c360 topics apply' that is what the message says to run."""
    await delete_topics(servers, [REJECTED_TOPIC])
    for arguments in (["list"], ["show", "0:0"], ["replay", "--all"]):
        done = c360(None, "rejected", *arguments, code=70, C360_KAFKA_BOOTSTRAP_SERVERS=servers)
        assert "run 'c360 topics apply'" in done.stderr
    await renew_catalogue(servers, USED)


def refused_line(number: int, realm: str, reason: str = "not_json") -> Outgoing:
    """The dead letter of a line that names a realm."""
    value = b'{"realm": "%s", "n": %d}' % (realm.encode(), number)
    return dead_letter(Delivery("touchpoints.shop", 0, number, 0, value), RejectReason(reason))


async def letters_of(reader: RejectedLetterReader, realm: str, limit: int) -> list[RejectedItem]:
    """All that a realm sees, page by page."""
    found: list[RejectedItem] = []
    after = None
    while True:
        page = await asyncio.to_thread(reader.page, realm, "", limit, after)
        found += page.rows
        if page.following is None:
            return found
        after = page.following


async def test_pages_of_a_realm(servers: str) -> None:
    """From the latest back, each letter once, whatever is rejected meanwhile; a realm sees its own
    only, in the list, by id and in the numbers."""
    reader = RejectedLetterReader(kafka_settings(servers), ["default", "second"])
    there = [refused_line(n, "second" if n % 3 else "default") for n in range(1_300)]
    await send(servers, *there)
    seen: list[RejectedItem] = []
    after = None
    while True:
        page = await asyncio.to_thread(reader.page, "second", "", 300, after)
        seen += page.rows
        await send(servers, *(refused_line(5_000 + n, "second") for n in range(3)))
        if page.following is None:
            break
        after = page.following
    ids = [one.reject_id for one in seen]
    assert len(ids) == len(set(ids)) == sum(1 for n in range(1_300) if n % 3)
    counts = await asyncio.to_thread(reader.counts, "default")
    assert (counts.total, counts.is_complete) == (434, True)
    mine = await letters_of(reader, "default", 500)
    assert len(mine) == 434
    shown = await asyncio.to_thread(reader.one, "default", mine[0].reject_id, with_raw=True)
    assert isinstance(shown, ShownRejectedLetter)
    assert '"realm": "default"' in shown.raw
    for realm, letter_id in (
        ("second", mine[0].reject_id), ("default", ids[0]), ("default", "0:99999999"),
        ("default", "9" * 5_000 + ":1"), ("default", "no id"), ("default", ""),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await asyncio.to_thread(reader.one, realm, letter_id, with_raw=True)


async def test_a_page_looks_at_a_bounded_number(
    servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where little is wanted among much, pages are short or empty, and the last one ends it."""
    await send(
        servers, refused_line(1, "second"), *(refused_line(n, "default") for n in range(450))
    )
    monkeypatch.setattr("services.ingest.adapters.rejected.WINDOW_LETTERS", 20)
    async with open_dead_letters(kafka_settings(servers)) as letters:
        bounds, found, pages = None, 0, 0
        while True:
            got, bounds, has_more = await letters.backwards(
                10, lambda one: b"second" in (one.delivery.value or b""), bounds, scanned_max=100
            )
            found, pages = found + len(got), pages + 1
            if not has_more:
                break
    assert found == 1
    assert pages > 3

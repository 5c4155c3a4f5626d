"""An erased customer on the distributed runtime: gone from every column, file, new backup and log,
and in topics as long as docs/erasure.md says; read again from their beginning they bring nothing
back.

The strings are those of tests/e2e/test_nothing_left.py: in every field of every type of event, in
identifiers of every type, in rejected lines, decisions, notes and evidence of alerts. Kafka, the
store and the workers are real, and topics are read byte by byte from their first record.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from schemas.topics import CATALOGUE, Cleanup
from services.erasure.adapters.eraser import ERASED_TEXT
from services.stream.topics import check_topics
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.distributed import SERVICES, Api, Distributed
from tests.e2e.runs import DEADLINE_S, wait_for
from tests.e2e.test_nothing_left import (
    COLUMNS,
    MAIL,
    NORMAL,
    OF_THE_SHOP,
    OTHER,
    PHONE,
    SKU,
    Planted,
    of_the_shop,
)
from tests.events import line
from tests.kafka import kafka_settings, read_all, renew_catalogue
from tests.stored_files import texts_in
from tests.tiers import always

SEARCH = """SELECT DISTINCT arrayJoin(arrayFilter(
    one -> positionCaseInsensitiveUTF8(toString(`{name}`), one) > 0, {{texts:Array(String)}}))
FROM `{base}`.`{table}` WHERE arrayExists(
    one -> positionCaseInsensitiveUTF8(toString(`{name}`), one) > 0, {{starts:Array(String)}})"""
COMPACTED = [one.name for one in CATALOGUE.topics if one.cleanup is Cleanup.COMPACT]
LOG_APPEND_TIME = 1
Found = dict[str, set[str]]
"""Where each text stands."""


class Stage:
    """Brokers, a store with backups, and a worker of each kind."""

    def __init__(self, run: Distributed, backups: Path) -> None:
        self.run = run
        self._backups = backups

    def start(self) -> None:
        """A worker of each kind."""
        for service in SERVICES:
            self.run.add(service)
        self.run.wait_ready()

    def send(self, *lines: bytes) -> None:
        """To the topics, and wait until all is processed."""
        file = self.run.directory / "sent.jsonl"
        file.write_bytes(b"".join(one + b"\n" for one in lines))
        self.run.publish(file)
        self.run.wait_drained()

    def in_columns(self, texts: Collection[str]) -> Found:
        """Those that stand in a column of any table, in any letter case."""
        client = self.run.endpoint.client(database=self.run.database)
        asked = {"texts": sorted(texts), "starts": sorted({one[:4] for one in texts})}
        found, columns = Found(), 0
        try:
            for base, table, name in client.query(COLUMNS).result_rows:
                columns += 1
                sql = SEARCH.format(base=base, table=table, name=name)
                for (text,) in client.query(sql, asked).result_rows:
                    found.setdefault(text, set()).add(f"{base}.{table}.{name}")
        finally:
            client.close()
        assert columns > 200
        return found

    def in_topics(self, texts: Collection[str], *, folded: bool = False) -> Found:
        """Those that stand in a record, its key or its headers: in which topics. Of compacted ones
        all records, or only the latest of each key."""
        found = Found()
        for topic in CATALOGUE.topics:
            records = asyncio.run(read_all(self.run.servers, topic.name))
            if folded and topic.name in COMPACTED:
                records = list({(one.partition, one.key): one for one in records}.values())
            for one in records:
                # The broker's time: no record stays longer because its sender dated it ahead.
                assert one.timestamp_type == LOG_APPEND_TIME
                headers = [part for name, value in one.headers for part in (name.encode(), value)]
                said = b"\n".join([one.key or b"", one.value or b"", *headers]).lower()
                for text in texts:
                    if text.casefold().encode() in said:
                        found.setdefault(text, set()).add(topic.name)
        return found

    def back_up(self, name: str) -> Path:
        """While no worker writes, as docs/backup.md says."""
        file = self._backups / name
        client = self.run.endpoint.client(database="default", send_receive_timeout=DEADLINE_S)
        try:
            client.command(f"BACKUP DATABASE {self.run.database} TO File('{file}')")
        finally:
            client.close()
        return file

    def read_again(self) -> None:
        """As docs/replay.md says: new groups read every topic from its beginning."""
        self.run.stop([one for one in self.run.workers if one.service in SERVICES])
        self.run.prefix += "-again"
        self.start()
        self.run.wait_drained()

    def state(self) -> dict[str, Any]:
        """The digest by section; incidents without marks of evidence that is gone, which go when
        they are judged again."""
        found: dict[str, Any] = self.run.digest()
        del found["all"]
        bodies = self.run.rows("SELECT body FROM incident_states FINAL ORDER BY incident_id")
        return found | {"incidents": [_without_marks(json.loads(body)) for (body,) in bodies]}

    def require_only_promised(self, receipt: dict[str, Any], texts: Collection[str]) -> None:
        """Only topics that the receipt names hold a text; what stands in a compacted one has a
        later record of its key without it. And the brokers delete as the receipt says."""
        assert asyncio.run(check_topics(kafka_settings(self.run.servers))) == []
        erased_at = datetime.fromisoformat(receipt["erased_at"])
        for topic, until in receipt["topics"].items():
            days = CATALOGUE.by_name[topic].retention_days
            assert days is not None
            kept = datetime.fromisoformat(until) - erased_at
            assert timedelta(days=days) < kept < timedelta(days=days + 1, minutes=5)
        assert _topics_of(self.in_topics(texts)) <= {*receipt["topics"], *COMPACTED}
        assert _topics_of(self.in_topics(texts, folded=True)) <= receipt["topics"].keys()

    def logs(self) -> str:
        """What the workers and the store have said."""
        files = [*self.run.logs.iterdir(), *self.run.directory.glob("*.log")]
        return "\n".join(one.read_text("utf-8", "replace") for one in files)


def _topics_of(found: Found) -> set[str]:
    return set().union(*found.values())


def _without_marks(incident: dict[str, Any]) -> dict[str, Any]:
    marked = incident["evidence"]
    kept = [[one for one in some if one != ERASED_TEXT] for some in marked]
    return incident | {"evidence": [some for some in kept if some]}


@pytest.fixture
def stage(kafka: str, tmp_path: Path) -> Iterator[Stage]:
    """Empty topics, an empty store, and workers."""
    asyncio.run(renew_catalogue(kafka))
    backups = tmp_path / "backups"
    backups.mkdir()
    store = ClickHouseEndpoint(tmp_path / "store", "--backup-dir", str(backups))
    with store, Distributed(tmp_path, kafka, store) as run:
        run.prepare()
        made = Stage(run, backups)
        made.start()
        yield made


def note_everywhere(stage: Stage, api: Api, planted: list[Planted]) -> None:
    """Decisions, and a note on each incident about somebody."""
    made = ("keys", "create", "--name", "x", "--scope", "identity:write", "--json")
    key = json.loads(stage.run.c360(*made).stdout)["key"]
    for who in planted:
        pair = {"a": f"email={who.mail}", "b": f"loyalty_card={who.card}", "verdict": "same"}
        answer = httpx.post(
            f"{api.base_url}/v1/identity/decisions",
            json={**pair, "reason": who.filler.plant("reason of a decision")},
            headers={"Authorization": f"Bearer {key}", "Idempotency-Key": uuid4().hex},
            timeout=60, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
    of_products = incidents(stage, "--sku", SKU)
    evidence = json.dumps([one["evidence"] for one in of_products])
    assert all(f"{who.mark}-event-paid" in evidence for who in planted)
    for one in incidents(stage):
        about = [who for who in planted if f'"{who.mark}' in json.dumps(one["subject"])]
        for who in about[:1]:
            stage.run.c360("incidents", "ack", one["incident_id"], "--by", "kim",
                           "--reason", who.filler.plant("reason of an action"))  # fmt: skip
    for who in planted:
        assert "reason of an action" in who.filler.planted.values()
        who.strings |= who.filler.planted.keys()
    stage.run.wait_drained()


def incidents(stage: Stage, *asked: str) -> list[dict[str, Any]]:
    """Incidents as a command lists them."""
    told = stage.run.c360("incidents", "list", *asked, "--json").stdout
    found: list[dict[str, Any]] = json.loads(told)
    return found


@pytest.mark.parametrize("keeping", always(((),), ((), ("--anonymise",))))
def test_no_string_is_left(stage: Stage, tmp_path: Path, keeping: tuple[str, ...]) -> None:
    """Before, each string stands in a column, in a record and in a backup; afterwards in no column,
    file or new backup, and never in a log. Topics hold what docs/erasure.md says, for as long as
    the receipt says. All of them read again bring nothing back; another customer keeps all."""
    run, receipt = stage.run, tmp_path / "receipt.json"
    mine, other = Planted("zqmine", MAIL, PHONE), Planted("zkother", *OTHER)
    api = run.add_api()
    run.wait_ready()
    sent = [*mine.lines, *other.lines, *of_the_shop()]
    stage.send(*map(line, sent), *mine.broken(), *other.broken())
    run.final_tick()
    note_everywhere(stage, api, [mine, other])
    sought, everything = {*mine.strings, *NORMAL}, {*mine.strings, *NORMAL, *other.strings}
    assert len(sought) > 400
    before = stage.in_columns(everything)
    # A rejected line is in its topic only.
    assert everything - before.keys() == {f"{who.mark}-line" for who in (mine, other)}
    assert mine.strings == stage.in_topics(mine.strings).keys()
    assert texts_in(stage.back_up("before"), everything).keys() == before.keys()
    if keeping:  # words of the shop stay with the sales
        sought -= {text for text, path in mine.filler.planted.items() if OF_THE_SHOP.search(path)}

    erase = ("profile", "erase", MAIL, *keeping, "--yes", "--output", str(receipt))
    wait_for(lambda: run.attempt(*erase, "--within-s", "3").returncode == 0)
    erased = stage.state()
    stage.require_only_promised(json.loads(receipt.read_text()), sought)

    stage.read_again()
    assert stage.state() == erased
    # Again, for the receipt that says that the files are gone, too: the store has kept them so far.
    run.c360(*erase, "--within-s", "200")
    told = json.loads(receipt.read_text())
    assert told["files_removed"]
    assert (told["kept_sales"] or 0) == (4 if keeping else 0)
    assert "nothing of the person is left" in run.c360("profile", "erased", str(receipt)).stdout
    after = stage.in_columns(everything)
    assert after.keys() & sought == set()
    assert all(before[text] <= after.get(text, set()) for text in other.strings & before.keys())
    assert texts_in(tmp_path / "store", sought) == {}
    assert texts_in(stage.back_up("after"), sought) == {}
    said = f"{stage.logs()}{receipt.read_text()}".casefold()
    assert not {text for text in everything if text.casefold() in said}

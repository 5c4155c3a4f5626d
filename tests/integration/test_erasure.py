"""An erased person is found nowhere, stays away when everything is sent again, and begins anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas.identifiers import as_uuid, node_id
from schemas.instants import to_ms
from schemas.records import ErasureRecord
from schemas.rules.identity import identity_rules
from services.api.operation import plain
from services.api.queries.personal_data import ERASURE_VERIFY, ReceiptRequest
from services.consistency.adapters.clickhouse import ClickHouseConsistencyStore
from services.consistency.rules import consistency_rules
from services.consistency.stage import ConsistencyStage
from services.consistency.writer import ConsistencyWriter
from services.embedded.pipeline import Pipeline
from services.erasure.adapters.eraser import (
    INCIDENT_COLUMNS,
    MERGE_SQL,
    SCRUBBED,
    Eraser,
    erasure_id_of,
    without,
)
from services.erasure.adapters.held import HeldPerson, HeldReader
from services.erasure.adapters.runs import ErasureRuns
from services.erasure.receipt import ErasureReceipt, is_genuine, signed
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.stage import IdentityStage
from services.identity.verification import Verified, differences
from services.identity.writer import IdentityWriter
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Intake
from services.ingest.ledger import Ledger
from services.ingest.lines import Line
from services.ingest.stage import STORED_COUNTS, IngestStage, Result
from services.profiles.adapters.totals import read_totals, refresh_totals
from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from services.store.database import Database
from services.stream.watermarks import ClickHouseWatermarks
from tests.events import RECEIVED_AT, SECRET, config, event, identifier, line, order
from tests.integration.test_personal_data import TEXTS, access
from tests.planted_person import COOKIE, EMAIL, OTHERS, PLANTED, STATED, TABLET, planted_lines
from tests.tiers import always

REALM = "default"


class Running:
    """The stages of one process, with a ledger, on the tables of a test."""

    def __init__(self, database: Database) -> None:
        self.database, self._facts, self._ledger = database, ClickHouseFactStore(database), Ledger()
        self._ledger.refresh(self._facts)
        graph, claims = ClickHouseIdentityStore(database), ClickHouseConsistencyStore(database)
        metrics = Metrics()
        self.pipeline = Pipeline(
            self._facts,
            IngestStage(EventProcessor(config(), self._ledger.erased_at), self._facts),
            IdentityStage(
                graph, lambda store, realm: IdentityWriter(store, realm, identity_rules())
            ),
            ConsistencyStage(
                claims,
                lambda realm: ConsistencyWriter(claims, consistency_rules(), realm=realm),
                (),
                metrics,
            ),
            ClickHouseWatermarks(database),
            metrics,
            clock=lambda: RECEIVED_AT,
        )
        self.eraser = Eraser(database, self.pipeline.settle)

    def ingest(self, lines: list[bytes]) -> list[Result]:
        found = self.pipeline.finish(self.pipeline.decode([Line(one, len(one)) for one in lines]))
        self.pipeline.tick()
        return found

    def record(self, handle: str) -> ErasureRecord:
        profile = access(self.database).reads.profiles.resolve(REALM, [node(handle)])
        [held] = profile.values()
        nodes = HeldReader(self.database).holding(REALM, held.profile).nodes
        erased_ms = int(RECEIVED_AT.timestamp() * 1000)
        return ErasureRecord(realm=REALM, nodes=list(map(as_uuid, nodes)), erased_ms=erased_ms)

    def erase(self, record: ErasureRecord) -> None:
        self.eraser.erase(record)
        self.erased()

    def erased(self) -> None:
        self._ledger.refresh(self._facts)
        self._facts.forget_values()
        self.pipeline.erased()


def node(email: str) -> int:
    """The node id of an e-mail address."""
    return node_id(SECRET, REALM, "email", "", email)


def found_in(database: Database, texts: tuple[str, ...]) -> set[tuple[str, str]]:
    """Table and text, of every text that any column of any table contains."""
    return {
        (table, text)
        for table, column in database.rows(TEXTS)
        for (text,) in database.rows(
            f"SELECT DISTINCT arrayJoin(arrayFilter(one -> positionCaseInsensitive("
            f"toString(`{column}`), one) > 0, {{texts:Array(String)}})) FROM `{table}`",
            {"texts": list(texts)},
        )
    }


@pytest.fixture
def running(database: Database) -> Running:
    """With the events of a planted person and a neighbour."""
    one = Running(database)
    one.ingest(planted_lines())
    return one


def test_nothing_is_left_and_nothing_comes_back(running: Running) -> None:
    """Planted strings are in many tables before and in none after, also when all is sent again; the
    neighbour and the tablet of both stay; a new event is a new profile."""
    database, record = running.database, running.record(EMAIL)
    before = found_in(database, PLANTED)
    assert {text for _, text in before} == set(PLANTED)
    kept = found_in(database, OTHERS)
    running.erase(record)
    assert not found_in(database, PLANTED)
    assert found_in(database, OTHERS) == kept

    again = running.ingest(planted_lines())
    assert {one.reason for one in again if one.event_id.startswith(("planted", "typo"))} == {
        "erased"
    }
    assert not found_in(database, PLANTED)
    runs = ErasureRuns(database)
    assert not runs.remaining(REALM, [one.int for one in record.nodes])
    assert_consistent(database)

    later = event(
        "page.viewed", event_id="planted-new", occurred_at="2026-11-21T13:30:00+01:00",
        identifiers=[identifier("email", EMAIL, verified=True), identifier("cookie", "new-one")],
    )  # fmt: skip
    [result] = running.ingest([line(later)])
    assert result.status == "accepted"
    [profile] = access(database).reads.profiles.holding(REALM, [node(EMAIL)]).values()
    assert {one.value for one in profile.identifiers} == {EMAIL, "new-one"}
    assert profile.orders == 0
    assert runs.newer(REALM, [node(EMAIL)]) == 1


def test_what_others_name_too_stays(running: Running) -> None:
    """An address that the person only stated goes with all its rows; one that somebody else names,
    too, stays: the events of that one come again, and nothing is refused."""
    database = running.database
    both, alone = "both@mail.example", "alone@mail.example"
    mine = identifier("email", EMAIL, verified=True)
    other = identifier("email", OTHERS[0], verified=True)
    typed = [
        event("page.viewed", event_id=f"typed-{n}", identifiers=[one, identifier("email", value)])
        for n, (one, value) in enumerate([(mine, both), (mine, alone), (other, both)])
    ]
    running.ingest(list(map(line, typed)))
    record = running.record(EMAIL)
    held = HeldReader(database).holding_of(REALM, [one.int for one in record.nodes])
    assert set(held.stated) == {node(alone), node(STATED)}
    running.erase(record)
    assert {text for _, text in found_in(database, (both, alone))} == {both}
    edges = "SELECT count() FROM edges FINAL WHERE a IN {n:Array(UUID)} OR b IN {n:Array(UUID)}"
    left = [database.rows(edges, {"n": [str(as_uuid(node(one)))]})[0][0] for one in (both, alone)]
    assert left == [1, 0]
    again = running.ingest(list(map(line, typed)))
    assert [one.status for one in again] == ["rejected", "rejected", "duplicate"]
    assert {text for _, text in found_in(database, (both, alone))} == {both}
    run = ErasureRuns(database).run(REALM, erasure_id_of(record))
    assert run is not None
    assert set(run.stated) == {node(alone), node(STATED)}
    assert not ErasureRuns(database).remaining(REALM, run.nodes, run.stated)
    # Somebody's own address, as it turns out: an event of long before the erasure is accepted.
    owner = event(
        "page.viewed", event_id="own", identifiers=[identifier("email", alone, verified=True)]
    )
    assert [one.status for one in running.ingest([line(owner)])] == ["accepted"]
    assert not ErasureRuns(database).remaining(REALM, run.nodes, run.stated)
    assert_consistent(database)


def test_a_tablet_that_two_erased_persons_shared_comes_back_right(running: Running) -> None:
    """The map row of a node without edges goes, and one who comes with it again gets a new one."""
    running.erase(running.record(EMAIL))
    running.erase(running.record(OTHERS[0]))
    assert_consistent(running.database)
    who = [identifier("email", EMAIL, verified=True), identifier("cookie", COOKIE)]
    at = "2026-11-21T13:30:00+01:00"
    running.ingest([line(event("page.viewed", event_id="n", occurred_at=at, identifiers=who))])
    assert_consistent(running.database)


def test_what_others_lose_is_told_before_and_after(running: Running) -> None:
    """An order of somebody else that names the person goes as a whole: how many these are."""
    database = running.database
    giver = identifier("email", "giver@mail.example", verified=True)
    named = order(
        "gift-1", "9.00", event_id="gift", identifiers=[giver, identifier("email", EMAIL)]
    )
    running.ingest([line(named)])
    record, runs = running.record(EMAIL), ErasureRuns(database)
    lost = {"touchpoints (of others)": 1, "orders (of others)": 1}
    person = HeldReader(database).holding_of(REALM, [one.int for one in record.nodes])
    told = runs.preview(person)
    assert {name: rows for name, rows in told.items() if "others" in name} == lost
    running.erase(record)
    run = runs.run(REALM, erasure_id_of(record))
    assert run is not None
    assert run.removed.items() >= lost.items()
    assert run.removed["orders"] == told["orders"]


ALL_MERGED = ("touchpoints", "identifiers", "orders", "event_ids", "claims", "offers")


@pytest.mark.parametrize("merged", [ALL_MERGED, ("identifiers",), ()])
def test_what_a_correction_took_back_does_not_count(
    running: Running, merged: tuple[str, ...]
) -> None:
    """Somebody's order named the person until it was corrected: it stays, and what it said before
    goes; so does a body that another one outvoted. Whether the store has merged is of no matter."""
    database = running.database
    giver, mine = identifier("email", "g@mail.example", verified=True), identifier("email", EMAIL)
    first = order("gift-1", "9.00", event_id="gift", identifiers=[giver, mine])
    second = order("gift-1", "9.00", event_id="gift", identifiers=[giver], revision=1)
    bodies = [
        order("gift-2", "9.00", event_id="two", identifiers=one) for one in ([giver, mine], [giver])
    ]
    for one in (first, second, *bodies):
        running.ingest([line(one)])
    for table in merged:
        database.command(MERGE_SQL, {"table": table})
    named = running.ingest([line(bodies[0])])[0].message == STORED_COUNTS
    running.erase(running.record(EMAIL))
    assert not found_in(database, PLANTED)
    stored = {one for (one,) in database.rows("SELECT event_id FROM touchpoints FINAL")}
    assert "gift" in stored
    assert ("two" in stored) == named
    again = running.ingest([line(first), line(second)])
    assert [one.reason or one.status for one in again] == ["erased", "duplicate"]
    assert not found_in(database, PLANTED)
    assert_consistent(database)


def test_a_correction_that_comes_meanwhile_stays(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a corrected event the bodies go that are older than the one that counted when it was
    looked for: one that came since is what counts now."""
    giver, mine = identifier("email", "g@mail.example", verified=True), identifier("email", EMAIL)
    bodies = [
        order("gift-1", amount, event_id="gift", identifiers=named, revision=number)
        for number, (amount, named) in enumerate(
            [("9.00", [giver, mine]), ("9.00", [giver]), ("7.77", [giver])]
        )
    ]
    for one in bodies[:2]:
        running.ingest([line(one)])
    look = HeldReader.formerly_named

    def then_corrected(reader: HeldReader, holding: HeldPerson) -> list[tuple[int, str, int]]:
        found = look(reader, holding)
        running.ingest([line(bodies[2])])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(HeldReader, "formerly_named", then_corrected)
        running.erase(running.record(EMAIL))
    payloads = "SELECT payload FROM touchpoints FINAL WHERE event_id = 'gift'"
    [(payload,)] = running.database.rows(payloads)
    assert "7.77" in payload
    assert not found_in(running.database, PLANTED)


@pytest.mark.parametrize("merged", [("identifiers",), ()])
def test_what_a_corrected_event_linked_is_named_by_others(
    running: Running, merged: tuple[str, ...]
) -> None:
    """Of a corrected event the edges stay: an address that one links with somebody else is not the
    person's alone, whether or not the store still has the body that named both."""
    linked = "linked@mail.example"
    giver = identifier("email", "g@mail.example", verified=True)
    mine = identifier("email", EMAIL, verified=True)
    typed, named = identifier("email", linked), [giver, identifier("email", EMAIL)]
    told = [
        order("gift-1", "9.00", event_id="gift", identifiers=[*named, typed]),
        order("gift-1", "9.00", event_id="gift", identifiers=[giver], revision=1),
        event("page.viewed", event_id="v", identifiers=[mine, typed]),
    ]
    for one in told:
        running.ingest([line(one)])
    for table in merged:
        running.database.command(MERGE_SQL, {"table": table})
    record = running.record(EMAIL)
    held = HeldReader(running.database).holding_of(REALM, [one.int for one in record.nodes])
    assert node(linked) not in held.stated


def test_lines_of_strangers_stay(running: Running) -> None:
    """A value inside a longer one is somebody else's; the same value escaped is the person's."""
    short, number = identifier("loyalty_card", "4711"), identifier("loyalty_card", "990471100")
    mine = [identifier("email", EMAIL, verified=True), short | {"verified": True}]
    mine.append(number | {"verified": True})
    running.ingest([line(event("identity.linked", event_id="cards", identifiers=mine))])
    head = b'{"type": "never.heard", "event_id": "%d", '
    hers = [
        b'"text": "zq.planted\\u0040mail.example"}',
        b'"text": "to=zq.planted%40mail.example&x=1"}',
        b'"text": "card 990471100."}',
        b'"card": "4711"}',
        b'"card": "\\u0034711"}',
        b'broken "4711"',
    ]
    strangers = [
        b'"card": "1990471100"}', b'"text": "order 990471100-7"}', b'"card": "47110"}',
        b'"text": "card 4711"}', b'"text": "x.zq.planted@mail.example"}',
    ]  # fmt: skip
    running.ingest([head % number + one for number, one in enumerate([*hers, *strangers])])
    lines = "SELECT count() FROM rejected FINAL WHERE position(raw, 'never.heard') > 0"
    assert running.database.rows(lines) == [(len(hers) + len(strangers),)]
    running.erase(running.record(EMAIL))
    assert running.database.rows(lines) == [(len(strangers),)]


def test_figures_of_an_erased_person_are_not_shown(running: Running) -> None:
    """Neither while they stand in the table nor when they were computed again."""
    database = running.database
    access(database)
    refresh_totals(database)
    record = running.record(EMAIL)
    held = HeldReader(database).holding_of(REALM, [one.int for one in record.nodes])
    mine = set(held.uuids)  # with the address that was only stated, a profile of its own

    def shown() -> set[str]:
        found = read_totals(database, REALM)
        listed = {str(one.profile_id) for one in found.profiles}
        assert len(listed) == found.size
        return listed

    before = shown()
    assert len(before & mine) == 2
    running.erase(record)
    stored = {str(one) for (one,) in database.rows("SELECT profile FROM profile_totals")}
    assert shown() == stored == before - mine
    other = running.record(OTHERS[0])
    database.insert_rows(
        "erasures",
        ("realm", "node", "erased_at"),
        [(REALM, one.int, datetime.now(UTC)) for one in other.nodes],
    )
    assert shown() == before - mine - {str(one) for one in other.nodes}


def test_a_public_key_keeps_nobody_away(running: Running) -> None:
    """An event that names the person a day ahead does not reach into the ledger, and does not come
    back; one of the person's own does, for it would."""
    told = [TABLET, identifier("email", EMAIL)]
    ahead = event(
        "page.viewed", event_id="ahead", occurred_at="2026-11-22T05:00:00Z", identifiers=told
    )  # fmt: skip
    lines = [Line(line(ahead), 1)]
    pipeline = running.pipeline
    [sent] = pipeline.finish(pipeline.decode(lines, Intake.PUBLIC))
    assert sent.status == "accepted"
    record = running.record(EMAIL)
    running.erase(record)
    [(last,)] = running.database.rows("SELECT max(erased_at) FROM erasures")
    assert to_ms(last) == record.erased_ms
    [sent] = pipeline.finish(pipeline.decode(lines, Intake.PUBLIC))
    assert sent.reason == "erased"
    mine = [identifier("email", OTHERS[0], verified=True)]
    own = event("page.viewed", event_id="o", occurred_at="2026-11-22T05:00:00Z", identifiers=mine)
    running.ingest([line(own)])
    running.erase(running.record(OTHERS[0]))
    [again] = running.ingest([line(own)])
    assert again.reason == "erased"


def test_a_shared_tablet_stays_shared(running: Running) -> None:
    """It does not fall to the other one who used it."""
    running.erase(running.record(EMAIL))
    shared = "SELECT kind FROM map FINAL WHERE type = 'device_id'"
    assert running.database.rows(shared) == [("shared",)]
    other = identifier("email", OTHERS[0], verified=True)
    running.ingest([line(event("page.viewed", event_id="after", identifiers=[other, TABLET]))])
    assert running.database.rows(shared) == [("shared",)]
    assert_consistent(running.database)


@pytest.mark.parametrize("steps", always({3, 17}, [0, 3, 8, 17]))
def test_what_was_interrupted_is_completed(
    running: Running, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Whatever was removed until then: the next start removes the rest, and counts all of it."""
    record, left = running.record(EMAIL), iter(range(steps))
    change, runs = Eraser._change, ErasureRuns(running.database)
    person = HeldReader(running.database).holding_of(REALM, [one.int for one in record.nodes])
    told = runs.preview(person)

    def dying(eraser: Eraser, *given: object) -> None:
        if next(left, None) is None:
            raise Retry("killed")
        change(eraser, *given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Eraser, "_change", dying)
        with pytest.raises(Fatal, match=r"killed\. Start again"):
            running.eraser.erase(record)
    restarted = Running(running.database)
    assert restarted.eraser.complete() == 1
    restarted.erased()
    assert restarted.eraser.complete() == 0
    assert not found_in(running.database, PLANTED)
    assert_consistent(running.database)
    run = runs.run(REALM, erasure_id_of(record))
    assert run is not None
    assert told.keys() <= run.removed.keys()  # how many of each, merges of repeated rows decide


def test_what_was_rewritten_is_merged_by_the_next_start(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the rewritten incidents of others and the merge that forgets the old ones."""
    record, database = running.record(EMAIL), running.database
    command = database.command
    at = "2026-11-21T05:00:00Z"
    body = {
        "incident_id": "of-others", "realm": REALM, "kind": "never_heard", "channel": "shop",
        "subject": {"type": "product", "sku": "1", "market": "DE"}, "location": "", "state": "open",
        "severity": "low", "cause": "unknown", "since": at, "due_at": at, "details": {"by": EMAIL},
    }  # fmt: skip
    row = (REALM, "never_heard", "product", "1", "of-others", "open", RECEIVED_AT)
    database.insert_rows(
        "incident_states", INCIDENT_COLUMNS, [(*row, orjson.dumps(body).decode(), 1)]
    )

    def dying(sql: str, *given: Any) -> None:
        if sql == MERGE_SQL:
            raise Retry("killed")
        command(sql, *given)

    with monkeypatch.context() as patch:
        patch.setattr(database, "command", dying)
        with pytest.raises(Fatal, match=r"killed\. Start again"):
            running.eraser.erase(record)
    assert found_in(database, PLANTED)
    restarted = Running(database)
    assert restarted.eraser.complete() == 1
    assert not found_in(database, PLANTED)
    run = ErasureRuns(database).run(REALM, erasure_id_of(record))
    assert run is not None
    assert run.removed[SCRUBBED] == 1


def test_a_batch_that_was_read_before_is_checked_again(running: Running) -> None:
    """Lines decoded before an erasure, and stored after it, do not bring the person back."""
    record = running.record(EMAIL)
    late = line(event("page.viewed", identifiers=[identifier("email", EMAIL, verified=True)]))
    decoded = running.pipeline.decode([Line(late, len(late))])
    running.erase(record)
    [result] = running.pipeline.finish(decoded)
    assert result.reason == "erased"
    assert not found_in(running.database, PLANTED)


def test_a_receipt_is_verified(running: Running) -> None:
    """A changed one is not genuine; what came back is told."""
    record = running.record(EMAIL)
    running.erase(record)
    asked = access(running.database)
    run = asked.reads.erasures.run(REALM, erasure_id_of(record))
    assert run is not None
    assert run.is_removed
    assert run.marked == 1
    receipt = signed(
        ErasureReceipt(
            realm=REALM,
            erasure_id=run.erasure_id,
            identifiers=len(run.nodes),
            erased_at=datetime.now(UTC),
            removed=run.removed,
            kept_shared=run.marked,
            files_removed=True,
        ),
        asked.reads.secret(),
    )
    [found] = ERASURE_VERIFY.run(asked, ReceiptRequest(receipt=receipt))
    assert plain(found) == {"is_genuine": True, "remaining": {}, "newer_events": 0}
    forged = receipt.model_copy(update={"identifiers": 1})
    assert not is_genuine(forged, asked.reads.secret())
    running.database.insert_rows(
        "node_values",
        ("realm", "node", "type", "issuer", "value", "batch"),
        [(REALM, node(EMAIL), "email", "", EMAIL, 1)],
    )
    [found] = ERASURE_VERIFY.run(asked, ReceiptRequest(receipt=receipt))
    assert found.remaining == {"node_values": 1}


def test_an_incident_of_others_loses_what_names_the_person() -> None:
    """Ids of events and strings with a value; everything else stays."""
    body = {"evidence": [["e-1", "e-2"]], "details": {"seen": "Call A@B.example now", "price": 5}}
    assert without(body, {"e-1"}, ["a@b.example"]) == {
        "evidence": [["erased", "e-2"]],
        "details": {"seen": "erased", "price": 5},
    }


def test_an_incident_of_others_stays_what_it_is() -> None:
    """A value that reads like a state or a part of a number says nothing about an incident."""
    body = {
        "state": "resolved",
        "subject": {"type": "product", "sku": "4012345678901"},
        "evidence": [["e-2"]],
        "details": {"gtin": "4012345678901", "seen": "xa@b.example", "id": "Resolved"},
    }
    values = ["resolved", "product", "401234", "a@b.example", "e-2"]
    kept = body["details"] | {"id": "erased"}  # type: ignore[operator]
    assert without(body, {"e-1"}, values) == body | {"details": kept}


def assert_consistent(database: Database) -> None:
    """The map is what the edges that are left make."""
    told, store = Verified(), ClickHouseIdentityStore(database)
    assert not list(differences(store, REALM, identity_rules(), told))

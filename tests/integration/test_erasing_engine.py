"""An engine ends when an erasure cannot go on, completes it, and nothing of before comes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.edge import Decision, Verdict
from schemas.identifiers import as_uuid
from schemas.instants import to_ms
from schemas.records import DecisionRecord, ErasureRecord, RulesRecord
from services.erasure.adapters import eraser as eraser_module
from services.erasure.adapters.eraser import Eraser, ErasureRun
from services.ingest.core.outcome import Intake
from services.runtime.errors import Fatal, Retry
from services.store.database import Database
from tests.events import event, identifier, line
from tests.mixed_history import REALM, node_of
from tests.mixed_history import rules as rules_with
from tests.mixed_process import Faults, Killed, Operation, Process
from tests.tiers import always

AT = "2026-11-20T10:00:00Z"
LATER = "2026-11-21T10:00:00Z"
SHOP, OTHER = (identifier("customer_number", one, issuer="shop", verified=True) for one in "12")
ERP = identifier("customer_number", "9", issuer="erp", verified=True)
MAIL = identifier("email", "a@mail.example", verified=True)
NOTES = """SELECT count() FROM erasure_runs FINAL WHERE stage < 2"""
DECIDED = "SELECT count() FROM decisions"


@pytest.fixture
def process(database: Database, tmp_path: Path) -> Process:
    """On an empty store."""
    found = Process(database, tmp_path)
    found.now = found.now.replace(day=22)
    return found


def events(process: Process, *sent: dict[str, object]) -> None:
    """Take events in."""
    lines = [line(one) for one in sent]
    process.carry_out(Operation("events", (lines, Intake.SERVER), process.now))


def login(number: int, at: str, *who: dict[str, object]) -> dict[str, object]:
    """Somebody proves who they are."""
    return event(
        "identity.linked", event_id=f"e-{number}", occurred_at=at, identifiers=list(who), body={}
    )


def rules(process: Process, version: str, **limits: int) -> Operation:
    """Rules to be applied."""
    record = RulesRecord(
        realm=REALM,
        text=rules_with(version, "", **limits),
        author="kim",
        reason="a try",
        decided_ms=to_ms(process.now) + len(limits),
    )
    return Operation("rules", record, process.now)


def erasure(process: Process, *who: dict[str, object]) -> ErasureRecord:
    """Of these identifiers, now."""
    nodes = [as_uuid(node_of(one).id) for one in who]
    return ErasureRecord(realm=REALM, nodes=sorted(nodes), erased_ms=to_ms(process.now))


def same(a: dict[str, object], b: dict[str, object], process: Process) -> DecisionRecord:
    """Somebody decided an hour ago that they are one."""
    first, second = sorted((node_of(a), node_of(b)), key=lambda node: node.id)
    decided_ms = to_ms(process.now) - 3_600_000
    return DecisionRecord.of(REALM, Decision(first, second, Verdict.SAME, "kim", "", decided_ms))


@pytest.mark.parametrize("takes_effect", [True, False])
@pytest.mark.parametrize("first", always({0, 2}, [0, 1, 2, 7]))
def test_an_erasure_that_is_begun_ends_the_process(
    process: Process, monkeypatch: pytest.MonkeyPatch, first: int, takes_effect: bool
) -> None:
    """From the first write on, whether or not the store took it: no event may come before the rest
    of it, and the next start completes it."""
    events(process, login(1, AT, SHOP, MAIL))
    record = erasure(process, SHOP, MAIL)
    with monkeypatch.context() as patch:
        faults = Faults(patch)
        faults.fail(first, Retry, takes_effect=takes_effect)
        with pytest.raises(Fatal, match="is begun and cannot go on"):
            process.engine.erase(record)
    process.start()
    is_begun = bool(process.database.rows("SELECT 1 FROM erasures LIMIT 1"))
    assert is_begun == (first > 0 or takes_effect)  # the note comes first
    if not is_begun:
        process.engine.erase(record)
    assert process.database.rows(NOTES) == [(0,)]
    assert process.database.rows("SELECT count() FROM node_values") == [(0,)]
    assert process.database.rows("SELECT count() FROM touchpoints") == [(0,)]


@pytest.mark.parametrize("takes_effect", [True, False])
@pytest.mark.parametrize("first", always({0, 1}, range(4)))
def test_no_ledger_is_without_its_erasure(
    process: Process, monkeypatch: pytest.MonkeyPatch, first: int, takes_effect: bool
) -> None:
    """Killed before or after any of the first writes: the next start removes the person, or nothing
    is begun."""
    events(process, login(1, AT, SHOP, MAIL))
    record = erasure(process, SHOP, MAIL)
    with monkeypatch.context() as patch:
        faults = Faults(patch)
        faults.fail(first, Killed, takes_effect=takes_effect)
        with pytest.raises(Killed):
            process.engine.erase(record)
    process.start()
    ledger = process.database.rows("SELECT count() FROM erasures")
    left = process.database.rows("SELECT count() FROM touchpoints")
    assert (ledger == [(0,)]) == (left == [(1,)])
    assert (ledger == [(0,)]) == (first == 0 and not takes_effect)


def test_a_decision_of_before_does_not_stand(process: Process) -> None:
    """One that was checked before the erasure and comes after it is left out, as on a server."""
    events(process, login(1, AT, SHOP, MAIL), login(2, AT, OTHER, ERP))
    process.engine.erase(erasure(process, SHOP, MAIL))
    process.engine.act([same(SHOP, OTHER, process)])
    assert process.database.rows(DECIDED) == [(0,)]
    process.engine.act([same(OTHER, ERP, process)])
    assert process.database.rows(DECIDED) == [(1,)]


def test_a_decision_that_was_given_up_goes_with_the_person(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stored in part, or only remembered: the batch after the erasure does not finish it;
    one about others is in force before the erasure is acknowledged."""
    # The other two have nothing to do with the person, around whom the map is solved anyway.
    third, fourth = (
        identifier("customer_number", one, issuer="shop", verified=True) for one in "34"
    )
    events(process, login(1, AT, SHOP, MAIL), login(2, AT, OTHER, ERP), login(3, AT, third))
    mine, others = same(SHOP, OTHER, process), same(third, fourth, process)
    for one in (mine, others):
        with monkeypatch.context() as patch:
            faults = Faults(patch)
            faults.fail(0, Retry)
            with pytest.raises(Retry):
                process.engine.act([one])
    process.engine.erase(erasure(process, SHOP, MAIL))
    process.start()  # what is acknowledged is not done again
    events(process, login(4, LATER, third))
    [(a, b)] = process.database.rows("SELECT a, b FROM decisions FINAL")
    assert {a.int, b.int} == {node_of(third).id, node_of(fourth).id}
    both = "SELECT node, profile FROM map FINAL WHERE node IN {ends:Array(UUID)}"
    placed = process.database.rows(both, {"ends": [str(a), str(b)]})
    assert len(placed) == 2
    assert len({profile for _, profile in placed}) == 1


def test_a_new_link_of_an_erased_person_is_none_of_before(process: Process) -> None:
    """Nobody else had to do with the person, so that no map was to be solved: the same process
    takes the same link as a new one."""
    events(process, login(1, AT, SHOP, MAIL))
    process.engine.erase(erasure(process, SHOP, MAIL))
    process.now = process.now.replace(day=23)
    events(process, login(2, "2026-11-22T12:00:00Z", SHOP, MAIL))
    assert process.database.rows("SELECT event_id FROM edges FINAL") == [("e-2",)]


def test_what_only_former_rules_shared_is_not_marked(process: Process) -> None:
    """Other rules are in force, and the map does not follow yet: an identifier of a person is not
    shared for good because its row still says so."""
    tablet, cookie = identifier("device_id", "t"), identifier("cookie", "c")
    process.carry_out(rules(process, "two", hub_above=2))
    process.finish_rules()
    events(process, login(1, AT, SHOP, tablet), login(2, AT, SHOP, MAIL))
    events(process, login(3, AT, cookie, tablet), login(4, AT, MAIL, tablet))
    kinds = "SELECT kind FROM map FINAL WHERE type = 'device_id'"
    assert process.database.rows(kinds) == [("shared",)]
    process.now += timedelta(minutes=1)  # of two rules those decided last are in force
    process.carry_out(rules(process, "many"))
    process.engine.erase(erasure(process, cookie))
    process.finish_rules()
    assert process.database.rows(kinds) == [("person",)]
    assert process.database.rows("SELECT count() FROM marks") == [(0,)]


def test_incidents_of_who_stays_are_judged_again_by_the_next_start(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure gives somebody else another profile id, and the process is killed when all rows
    are gone: the incidents about that one follow."""
    marketing = {"purpose": "marketing", "channel": "email"}
    refused = event(
        "objection.made", event_id="o", occurred_at="2026-11-17T10:00:00Z", identifiers=[ERP],
        body=marketing,
    )  # fmt: skip
    sent = event(
        "message.sent", event_id="m", occurred_at=LATER, channel="email", identifiers=[ERP],
        body=marketing,
    )  # fmt: skip
    early = "2026-11-18T10:00:00Z"
    events(
        process, login(1, "2026-11-19T10:00:00Z", SHOP, MAIL), login(2, AT, SHOP, ERP),
        login(3, early, ERP, OTHER), refused, sent, login(4, LATER, MAIL),
    )  # fmt: skip
    customer = "SELECT DISTINCT subject FROM incident_states FINAL WHERE state != 'retracted'"
    assert process.database.rows(customer) == [(str(as_uuid(node_of(ERP).id)),)]
    note, stages = Eraser._note, list[int]()

    def dying(eraser: Eraser, run: ErasureRun, stage: int) -> None:
        note(eraser, run, stage)
        stages.append(stage)
        if stage == eraser_module.REMOVED:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Eraser, "_note", dying)
        with pytest.raises(Killed):
            process.engine.erase(erasure(process, OTHER))
    process.start()
    assert process.database.rows(customer) == [(str(as_uuid(node_of(SHOP).id)),)]


def test_incidents_of_who_is_left_alone_are_judged_again(process: Process) -> None:
    """Nobody else is left of a profile that had the erased identifier's id: the one who stays has
    no row on the map, and an id of its own again, and the incidents follow."""
    events(process, login(1, "2026-11-17T08:00:00Z", SHOP, ERP))
    [(profile,)] = process.database.rows("SELECT DISTINCT profile FROM map FINAL")
    gone, stays = sorted((SHOP, ERP), key=lambda one: as_uuid(node_of(one).id) != profile)
    marketing = {"purpose": "marketing", "channel": "email"}
    told: dict[str, Any] = {"identifiers": [stays], "body": marketing}
    events(
        process,
        event("objection.made", event_id="o", occurred_at="2026-11-17T10:00:00Z", **told),
        event("message.sent", event_id="m", occurred_at=AT, channel="email", **told),
        login(2, LATER, MAIL),
    )
    customer = "SELECT DISTINCT subject FROM incident_states FINAL WHERE state != 'retracted'"
    assert process.database.rows(customer) == [(str(profile),)]
    process.engine.erase(erasure(process, gone))
    assert process.database.rows("SELECT count() FROM map") == [(0,)]
    assert process.database.rows(customer) == [(str(as_uuid(node_of(stays).id)),)]

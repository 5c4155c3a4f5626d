"""Nothing of a suppressed person is processed, until that is lifted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.api.permission import ContactAddress
from schemas.edge import Decision, Verdict
from schemas.instants import to_ms
from schemas.records import DecisionRecord, ErasureRecord
from services.api.operation import Operation as ApiOperation
from services.api.operation import RealmRequest
from services.api.ports import Access
from services.api.queries.consents import CONTACT_PERMISSION, ContactRequest
from services.api.queries.personal_data import PROFILE_EXPORT
from services.api.queries.profiles import ProfileRequest
from services.api.queries.suppressions import (
    PROFILE_SUPPRESS,
    PROFILE_UNSUPPRESS,
    PROFILES_SUPPRESSED,
    SuppressionEntry,
    SuppressionRequest,
)
from services.api.read_store import access_to
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.runtime.errors import Fatal, InvalidInput, InvalidState, NotFound, Retry
from services.store.database import Database
from services.store.suppressions import Suppressions
from tests.events import event, identifier, line
from tests.mixed_history import REALM, node_of
from tests.mixed_process import START, Faults, Process

MAIL = identifier("email", "zq.away@mail.example", verified=True)
CARD = identifier("loyalty_card", "880077", issuer="shop", verified=True)
OTHER = identifier("email", "zq.stays@mail.example", verified=True)
TABLET = identifier("device_id", "tablet-zq-9")
NAMED = f"email={MAIL['value']}"
REJECTED = "SELECT count(), max(event_id), max(raw) FROM rejected"


@pytest.fixture
def process(database: Database, tmp_path: Path) -> Process:
    """An engine with a person of two identifiers."""
    one = Process(database, tmp_path)
    one.now = START + timedelta(days=5)
    take(one, sent("identity.linked", MAIL, CARD), sent("consent.given", MAIL))
    return one


def sent(type_: str, *who: dict[str, Any], **more: Any) -> dict[str, Any]:
    contact = {"purpose": "marketing", "channel": "email"}
    at = (START + timedelta(days=1)).isoformat()
    body = contact if type_.startswith("consent.") else {}
    return event(type_, **{"occurred_at": at, "identifiers": list(who), "body": body, **more})


def take(process: Process, *events: dict[str, Any] | bytes) -> list[str]:
    lines = [one if isinstance(one, bytes) else line(one) for one in events]
    read = [Line(one, len(one)) for one in lines]
    results = process.take(process.engine.pipeline.decode(read, Intake.SERVER))
    return [one.reason or one.status for one in results]


def access(process: Process) -> Access:
    engine = process.engine
    return access_to(
        engine.settings,
        process.database,
        engine.act,
        engine.erase,
        lambda before, _within_s: engine.expire(before),
        engine.suppress,
    )


def ask(
    process: Process,
    operation: ApiOperation[SuppressionRequest, SuppressionEntry],
    named: str = NAMED,
    **more: Any,
) -> list[SuppressionEntry]:
    asked = {"author": "kim", "reason": "by telephone", "identifier": named, **more}
    request = SuppressionRequest(realm=REALM, **asked)
    return list(operation.run(access(process), request))


def in_force(process: Process) -> list[SuppressionEntry]:
    return list(PROFILES_SUPPRESSED.run(access(process), RealmRequest(realm=REALM)))


def may(process: Process) -> tuple[bool, str, str]:
    request = ContactRequest(
        realm=REALM, channel="email", purpose="marketing",
        addresses=(ContactAddress(type="email", value=MAIL["value"]),),
    )  # fmt: skip
    [found] = CONTACT_PERMISSION.run(access(process), request)
    return found.allowed, found.reason, found.sentence


def test_nothing_is_taken_until_it_is_lifted(process: Process) -> None:
    """However new, under any of the identifiers, also of a line that is wrong; nothing of it is
    kept. Others are not affected. What was rejected does not come by itself."""
    late = (START + timedelta(days=5)).isoformat()
    first, newer = sent("page.viewed", CARD), sent("page.viewed", MAIL, OTHER, occurred_at=late)
    wrong = sent("no.such.type", MAIL)
    [told] = ask(process, PROFILE_SUPPRESS, dry_run=True)
    assert (told.identifiers, in_force(process)) == (2, [])
    assert may(process)[:2] == (True, "opted_in")
    ask(process, PROFILE_SUPPRESS)
    assert take(process, first, newer, wrong) == ["suppressed"] * 3
    assert take(process, sent("page.viewed", OTHER)) == ["accepted"]
    assert process.database.rows(REJECTED) == [(3, "", "")]  # why, and nothing else
    assert may(process) == (
        False, "suppressed", "We process nothing of yours, and do not contact you.",
    )  # fmt: skip
    [listed] = in_force(process)
    assert (listed.author, listed.reason, listed.identifiers) == ("kim", "by telephone", 2)
    rows = PROFILE_EXPORT.run(access(process), ProfileRequest(realm=REALM, identifier=NAMED))
    assert len([one for one in rows if one.section == "suppressions"]) == 2

    process.start()  # a new process goes by it
    assert take(process, first) == ["suppressed"]
    ask(process, PROFILE_UNSUPPRESS, "loyalty_card@shop=880077", reason="was a mistake")
    assert in_force(process) == []
    assert may(process)[:2] == (True, "opted_in")
    assert take(process, first, newer) == ["accepted"] * 2
    with pytest.raises(InvalidState, match="not suppressed"):
        ask(process, PROFILE_UNSUPPRESS)


def test_an_erased_person_stays_away(process: Process) -> None:
    """Suppressed before or after the erasure, by any of the identifiers; lifting lets only events
    from after the erasure in."""
    nodes = [node_of(MAIL).id, node_of(CARD).id]
    uuids = [f"{one:032x}" for one in nodes]
    record = ErasureRecord.model_validate(
        {"realm": REALM, "nodes": uuids, "erased_ms": to_ms(process.now)}
    )
    process.engine.erase(record)
    with pytest.raises(NotFound, match=r"loyalty_card .*erased.*TYPE@ISSUER"):
        ask(process, PROFILE_SUPPRESS, "loyalty_card=880077")
    for operation in (PROFILE_SUPPRESS, PROFILE_UNSUPPRESS):
        with pytest.raises(NotFound, match=r"'880077' .*erased.*TYPE@ISSUER"):
            ask(process, operation, who="880077", identifier="")
    [told] = ask(process, PROFILE_SUPPRESS, "loyalty_card@shop=880077")
    assert told.identifiers == 2
    after = (process.now + timedelta(hours=1)).isoformat()
    new = sent("page.viewed", CARD, occurred_at=after)
    assert take(process, new) == ["suppressed"]
    ask(process, PROFILE_UNSUPPRESS)
    assert take(process, sent("page.viewed", CARD), new) == ["erased", "accepted"]


def test_what_several_share_cannot_be_suppressed(process: Process) -> None:
    """A family's tablet is of no person, and stays when one who used it is suppressed."""
    take(process, sent("page.viewed", MAIL, TABLET), sent("page.viewed", OTHER, TABLET))
    with pytest.raises(InvalidState, match="shared"):
        ask(process, PROFILE_SUPPRESS, f"device_id={TABLET['value']}")
    ask(process, PROFILE_SUPPRESS)
    assert take(process, sent("page.viewed", OTHER, TABLET)) == ["accepted"]
    with pytest.raises(NotFound):
        ask(process, PROFILE_SUPPRESS, "email=nobody@mail.example")


@pytest.mark.parametrize("field", ["reason", "author"])
def test_a_text_that_names_the_person_is_refused(process: Process, field: str) -> None:
    """It would outlast an erasure."""
    with pytest.raises(InvalidInput, match=field):
        ask(process, PROFILE_SUPPRESS, **{field: "asked for by ZQ.away@mail.example"})
    assert in_force(process) == []


def test_a_short_identifier_is_found_where_it_stands_alone(process: Process) -> None:
    """In a text of a person it names the customer; within another word it does not."""
    short = identifier("loyalty_card", "4711", issuer="shop", verified=True)
    take(process, sent("identity.linked", MAIL, short))
    for text in ("4711", "as C-77 (4711) asked for it", "card 4711."):
        with pytest.raises(InvalidInput, match="reason"):
            ask(process, PROFILE_SUPPRESS, reason=text)
    assert in_force(process) == []
    ask(process, PROFILE_SUPPRESS, reason="file 47110, A4711")
    with pytest.raises(InvalidInput, match="reason"):
        ask(process, PROFILE_UNSUPPRESS, reason="(4711)")


def test_steps_of_one_instant_have_an_order(process: Process) -> None:
    """A clock that stands, or is set back, does not bring a former step back."""
    store = Suppressions(process.database)
    first = store.after_all(REALM, process.now)
    ask(process, PROFILE_SUPPRESS)
    [listed] = in_force(process)
    assert store.after_all(REALM, first) == listed.decided_at + timedelta(milliseconds=1)


def test_a_failure_ends_the_process(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store may have taken it although it told a failure: the next start goes by it."""
    put = Suppressions.put

    def failing(store: Suppressions, steps: Any) -> None:
        put(store, steps)
        raise Retry("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(Suppressions, "put", failing)
        with pytest.raises(Fatal, match="repeat the command"):
            ask(process, PROFILE_SUPPRESS)
    process.start()
    assert take(process, sent("page.viewed", MAIL)) == ["suppressed"]


def test_what_is_stored_of_a_suppressed_person_holds_together(process: Process) -> None:
    """Also when the event that a link rested on expires: the next best one of them counts."""
    early, later = START, START + timedelta(hours=12)
    take(process, sent("page.viewed", MAIL, CARD, event_id="first", occurred_at=early.isoformat()))
    ask(process, PROFILE_SUPPRESS)
    for table in ("edges", "edges_reversed"):  # what was replaced is gone
        process.database.command(f"OPTIMIZE TABLE {table} FINAL")
    evidence = "SELECT event_id = 'first' FROM edges FINAL"
    assert process.database.rows(evidence) == [(True,)]
    process.engine.expire({"page.viewed": later})
    assert process.database.rows(evidence) == [(False,)]
    kept = process.database.rows("SELECT count(), uniqExact(profile) FROM map FINAL")
    assert kept == [(2, 1)]


def test_a_decision_that_was_given_up_is_not_forgotten(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored, and the map does not follow yet: it does before a suppression lets the engine
    go on behind it."""
    take(process, sent("identity.linked", OTHER, TABLET))
    a, b = sorted((node_of(CARD), node_of(OTHER)), key=lambda node: node.id)
    decision = Decision(a, b, Verdict.SAME, "kim", "one", to_ms(process.now))
    with monkeypatch.context() as patch:
        Faults(patch).fail(0, Retry)
        with pytest.raises(Retry):
            process.engine.act([DecisionRecord.of(REALM, decision)])
    ask(process, PROFILE_SUPPRESS)
    process.start()
    persons = "SELECT uniqExact(profile) FROM map FINAL WHERE type IN ('email', 'loyalty_card')"
    assert process.database.rows(persons) == [(1,)]

"""What an event sent with a public write key may do: add to the history of the sender's device."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from schemas.identifiers import node_id
from schemas.reject import RejectReason
from schemas.rules.identity import IdentifierKind, identity_rules
from services.api.queries.events import _marked
from services.consistency.adapters.memory import MemoryStore
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import Line
from services.ingest.stage import IngestStage
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line
from tests.simulation.stores import FactRows, Facts

TYPES = {kind: [row.name for row in identity_rules().type if row.kind is kind] for kind in
         IdentifierKind}  # fmt: skip
NOT_DEVICES = [*TYPES[IdentifierKind.PERSONAL], *TYPES[IdentifierKind.REFERENCE]]
DEVICES = TYPES[IdentifierKind.DEVICE]


def given(type_: str, number: int = 1) -> dict[str, Any]:
    """A valid identifier of a type that claims to be proven."""
    values = {"email": f"anna{number}@example.com", "phone": f"+4930231250{number:02}"}
    return identifier(type_, values.get(type_, f"value-{number}"), issuer="shop", verified=True)


def sent(intake: Intake, *identifiers: dict[str, Any], **fields: Any) -> Accepted | Reject:
    """The outcome of an event."""
    return core().process(line(event(identifiers=list(identifiers), **fields)), RECEIVED_AT, intake)


@pytest.mark.parametrize("type_", NOT_DEVICES)
def test_without_a_device_it_is_refused(type_: str) -> None:
    """Knowing a number or an address is not enough to add to its history."""
    outcome = sent(Intake.PUBLIC, given(type_), given(type_, 2))
    assert isinstance(outcome, Reject)
    assert outcome.reason is RejectReason.NO_USABLE_IDENTIFIER
    assert isinstance(sent(Intake.SERVER, given(type_)), Accepted)


@pytest.mark.parametrize(("device", "other"), list(product(DEVICES, NOT_DEVICES)))
def test_it_is_anchored_at_the_device_and_only_states_the_rest(device: str, other: str) -> None:
    """Whatever stands beside the device, in any order: the edge joins nobody."""
    for identifiers in ([given(device), given(other)], [given(other), given(device)]):
        outcome = sent(Intake.PUBLIC, *identifiers)
        assert isinstance(outcome, Accepted)
        assert outcome.row["anchor_type"] == device
        assert [edge.verified for edge in outcome.edges] == [False]


def test_devices_of_one_event_belong_together() -> None:
    """A cookie and a session in one request are one visitor: only they know their values."""
    outcome = sent(Intake.PUBLIC, given("cookie"), given("session"), given("phone"))
    assert isinstance(outcome, Accepted)
    grades = {frozenset((edge.a.type, edge.b.type)): edge.verified for edge in outcome.edges}
    assert grades == {
        frozenset(("session", "cookie")): True,
        frozenset(("session", "phone")): False,
    }


def test_its_ids_are_not_those_of_servers() -> None:
    """It is stored under an id that no other event may bear; answers name the id as sent."""
    public, server = (sent(one, given("cookie"), event_id="e-1") for one in
                      (Intake.PUBLIC, Intake.SERVER))  # fmt: skip
    assert isinstance(public, Accepted)
    assert isinstance(server, Accepted)
    assert (public.event_id, public.sent_id) == ("public:e-1", "e-1")
    assert (server.event_id, server.sent_id) == ("e-1", "e-1")
    assert public.event_hash != server.event_hash
    for intake in Intake:
        refused = sent(intake, given("cookie"), event_id="public:e-1")
        assert isinstance(refused, Reject)
        assert (refused.reason, refused.path) == (RejectReason.INVALID_FIELD, "event_id")


@pytest.mark.parametrize("intake", list(Intake))
@pytest.mark.parametrize("other", NOT_DEVICES)
def test_an_event_that_is_marked_as_public_has_no_other_rights(intake: Intake, other: str) -> None:
    """Whichever way it comes, it is the same fact as if it had come with a public key: an export
    that is ingested again believes nothing more. The mark takes rights away and gives none."""
    fields = event(identifiers=[given("cookie"), given(other)], event_id="e-1")
    marked = core().process(line(fields | {"from_public_key": True}), RECEIVED_AT, intake)
    first = core().process(line(fields), RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(first, Accepted)
    assert isinstance(marked, Accepted)
    assert {**marked.row, "payload": b""} == {**first.row, "payload": b""}
    assert (marked.edges, marked.version, marked.intake) == (
        first.edges, first.version, Intake.PUBLIC
    )  # fmt: skip
    unmarked = core().process(line(fields | {"from_public_key": False}), RECEIVED_AT, intake)
    assert isinstance(unmarked, Accepted)
    assert unmarked.intake is intake


def test_a_mark_is_no_skew_of_a_clock() -> None:
    """An export may be ingested years after its events were sent."""
    at = {"occurred_at": "2026-01-01T10:00:00Z", "sent_at": "2026-01-01T10:00:01Z"}
    fields = event(identifiers=[given("cookie")], from_public_key=True) | at
    outcome = core().process(line(fields), RECEIVED_AT, Intake.FILE)
    assert isinstance(outcome, Accepted)
    assert outcome.row["corrected_at"] == outcome.occurred_ms


@pytest.mark.parametrize("more", ["", ',"from_public_key":false', ',"from_public\\u005fkey":false'])
def test_an_export_marks_what_a_public_key_sent(more: str) -> None:
    """Whatever the sender wrote, the mark counts; other events leave as they came."""
    text = line(event(identifiers=[given("cookie"), given("email")])).decode()
    sent_as = text.removesuffix("}") + more + "} "
    outcome = core().process(_marked("public:e", sent_as).encode(), RECEIVED_AT, Intake.FILE)
    assert isinstance(outcome, Accepted)
    assert outcome.intake is Intake.PUBLIC
    assert _marked("e", sent_as) == sent_as


@pytest.mark.parametrize(
    "change",
    [{"body": {"url": "/other"}}, {"revision": 7}, {"identifiers": [given("cookie", 2)]}],
)
def test_its_second_body_changes_nothing(change: dict[str, Any]) -> None:
    """Not by a higher revision or from another device either; both bodies are kept."""
    rows = FactRows(MemoryStore())
    stage = IngestStage(core(), Facts(rows, None), from_log=True)
    first = event(event_id="e-1", identifiers=[given("cookie")])
    for batch, fields in enumerate((first, first | change)):
        content = line(fields)
        decoded = stage.decode([Line(content, len(content))], RECEIVED_AT, Intake.PUBLIC)
        stored = stage.store(decoded, batch)
    [result] = stored.results
    assert (result.event_id, result.status, result.reason) == ("e-1", "duplicate", "id_conflict")
    assert stored.fresh == []


def test_it_cannot_join_the_record_of_an_order() -> None:
    """A survey that names an order and nobody stands under its own id, not the order's."""
    body = {"kind": "nps", "order_id": "O-1", "answers": [{"question": "q", "score": 1}]}
    outcome = sent(Intake.PUBLIC, type="survey.answered", body=body, event_id="s")
    assert isinstance(outcome, Accepted)
    assert outcome.node == node_id(SECRET, "default", "record", "webshop", "public:s")

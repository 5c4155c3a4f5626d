"""Every reject reason, on a real example; and that a reject never quotes what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.examples import EXAMPLES as TOUCHPOINTS
from schemas.identifiers import node_id
from schemas.instants import from_ms, to_ms
from schemas.reject import ADVICE, RejectReason
from schemas.touchpoint import EVENT_TYPES
from services.ingest.core.event_processor import OLDER, UNTIMED, EventProcessor
from services.ingest.core.outcome import Accepted, DropReason, Intake, Reject
from services.ingest.stage import outcome_of
from tests.events import RECEIVED_AT, SECRET, config, core, event, identifier, line

EXAMPLES: dict[RejectReason, list[tuple[bytes, str]]] = {
    RejectReason.NOT_JSON: [
        (b'{"event_id": "e1", ', ""),  # cut off
        (b"id;date;type", ""),  # CSV
        (b"\xff\xfe\x00bin", ""),  # no UTF-8
        (line(event()).replace(b"c-1", b"\xc3\x28"), ""),  # damaged UTF-8 inside a value
    ],
    RejectReason.TOO_LARGE: [(line(event(body={"url": "x" * 40_000})), "")],
    RejectReason.UNKNOWN_TYPE: [(line(event("page.liked")), "type")],
    RejectReason.INVALID_FIELD: [
        (b"[]", ""),  # no object
        (b"{}", "type"),
        (line(event(occurred_at="2026-11-20T10:00:00")), "occurred_at"),  # no zone
        (line(event(channel="carrier_pigeon")), "channel"),  # not configured
        (line(event(realm="elsewhere")), "realm"),  # not configured
        (line(event(identifiers=[identifier("shoe_size", "44")])), "identifiers.0.type"),
        (line(event(identifiers=[{"type": "cookie"}])), "identifiers.0.value"),
        (line(event(event_id="x" * 101)), "event_id"),
        (line(event(occurred_at=20261120)), "occurred_at"),  # never seconds since 1970
        (line(event(occurred_at="20261120")), "occurred_at"),
        (line(event("order.placed", body={"lines": []})), "body.order_id"),
        (line(event("order.placed", body={"order_id": "1", "lines": [{}]})), "body.lines.0.total"),
        (line(event("offer.published", body={"price": "1"})), "body"),  # names no product
        (line(event(identifiers=[identifier("cookie", "c")] * 21)), "identifiers"),
    ],
    RejectReason.NO_USABLE_IDENTIFIER: [
        (line(event(identifiers=[])), "identifiers"),
        (line(event(identifiers=[identifier("email", "anna at example")])), "identifiers"),
        (line(event(identifiers=[identifier("phone", "ask me")])), "identifiers"),
    ],
    RejectReason.ALL_IDENTIFIERS_BLOCKED: [
        (line(event(identifiers=[identifier("customer_number", "0")])), "identifiers"),
        (line(event(identifiers=[identifier("cookie", "Undefined")])), "identifiers"),
        (line(event(identifiers=[identifier("email", "test@example.com")])), "identifiers"),
        (line(event(identifiers=[identifier("app_user", "[object Object]")])), "identifiers"),
    ],
    RejectReason.FROM_THE_FUTURE: [(line(event(occurred_at="2026-11-23T10:00Z")), "occurred_at")],
    RejectReason.BEFORE_TIME_FLOOR: [(line(event(occurred_at="1970-01-01T00:00Z")), "occurred_at")],
}  # fmt: skip
CASES = [(reason, *case) for reason, cases in EXAMPLES.items() for case in cases]


@pytest.mark.parametrize(("reason", "sent", "path"), CASES)
def test_reject_names_reason_and_path(reason: RejectReason, sent: bytes, path: str) -> None:
    """A bad line is refused with the reason of the closed set and the path of the field."""
    outcome = core().process(sent, RECEIVED_AT)
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.path) == (reason, path)


@pytest.mark.parametrize(
    ("fields", "intake", "reject"),
    [
        (
            {"realm": "elsewhere"},
            Intake.SERVER,
            (RejectReason.INVALID_FIELD, "realm", "not a configured realm"),
        ),
        (
            {"channel": "pigeon"},
            Intake.SERVER,
            (RejectReason.INVALID_FIELD, "channel", "not a known channel"),
        ),
        (
            {"occurred_at": "1999-12-31T23:59:59.999Z"},
            Intake.FILE,
            (RejectReason.BEFORE_TIME_FLOOR, "occurred_at", "before 2000-01-01"),
        ),
        (
            {"occurred_at": "2026-11-22T12:00:00.001Z"},
            Intake.FILE,
            (
                RejectReason.FROM_THE_FUTURE,
                "occurred_at",
                "more than 24 hours ahead of its receipt",
            ),
        ),
        (
            {"type": "order.cancelled", "body": {"order_id": "o-1"}},
            Intake.PUBLIC,
            (RejectReason.NOT_ALLOWED, "type", "a public write key may not send this type"),
        ),
        (
            {"event_id": "public:e-1"},
            Intake.SERVER,
            (
                RejectReason.INVALID_FIELD,
                "event_id",
                "'public:' is reserved at the beginning of an event id",
            ),
        ),
        (
            {"occurred_at": "2026-11-20T00:00:00Z"},
            Intake.FILE,
            (RejectReason.ERASED, "identifiers", "older than an erasure"),
        ),
        (
            {},
            Intake.PUBLIC,
            (RejectReason.SUPPRESSED, "identifiers", "names somebody who must not be processed"),
        ),
    ],
)
def test_what_the_sender_of_a_refused_event_is_told(
    fields: dict[str, Any], intake: Intake, reject: tuple[RejectReason, str, str]
) -> None:
    """Reason, field, what is wrong, and which event it was."""
    is_erased = reject[0] is RejectReason.ERASED
    erased_ms = to_ms(datetime(2026, 11, 20, tzinfo=UTC)) if is_erased else None
    is_suppressed = reject[0] is RejectReason.SUPPRESSED
    by = EventProcessor(
        config(),
        lambda _realm, _node: erased_ms,
        is_suppressed=lambda _realm, _node: is_suppressed,
    )
    sent = event(**fields)
    assert by.process(line(sent), RECEIVED_AT, intake) == Reject(*reject, sent["event_id"])


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00Z", "2026-11-22T12:00:00Z"])
def test_the_bounds_of_event_time_are_allowed(at: str) -> None:
    """The floor itself, and the tolerance for clocks that are fast."""
    assert isinstance(core().process(line(event(occurred_at=at)), RECEIVED_AT), Accepted)


def test_erased_person_is_refused_up_to_the_erasure() -> None:
    """An event older than the erasure of one of its identifiers is refused, a newer one is not."""
    node = node_id(SECRET, "default", "cookie", "", "c-1")
    erased_ms = 1_795_200_000_000
    erased = {("default", node): erased_ms}
    erasing = EventProcessor(config(), lambda realm, asked: erased.get((realm, asked)))
    instant, after = from_ms(erased_ms).isoformat(), "2026-11-21T00:00:00Z"
    old = erasing.process(line(event(occurred_at=instant)), RECEIVED_AT)
    new = erasing.process(line(event(occurred_at=after)), RECEIVED_AT)
    assert isinstance(old, Reject)
    assert old.reason is RejectReason.ERASED
    assert isinstance(new, Accepted)


def test_a_broken_line_without_a_time_hears_why_it_counts_as_older() -> None:
    """Nothing of it is kept, so that its sender must know what to correct."""
    erasing = EventProcessor(config(), lambda _realm, _node: 1_795_200_000_000)
    for at, message in ((None, UNTIMED), ("soon", UNTIMED), ("2026-11-20T10:00:00Z", OLDER)):
        outcome = erasing.process(line(event("no.such.type", occurred_at=at)), RECEIVED_AT)
        assert isinstance(outcome, Reject)
        assert (outcome.reason, outcome.message) == (RejectReason.ERASED, message)


def test_a_public_key_claims_no_time_after_an_erasure() -> None:
    """What was received before it is older, whatever time it states."""
    at_ms = to_ms(RECEIVED_AT) + 1
    erasing = EventProcessor(config(), lambda _realm, _node: at_ms)
    sent = line(event(occurred_at="2026-11-22T02:00:00Z", identifiers=[identifier("cookie", "c")]))
    found = [
        erasing.process(sent, RECEIVED_AT, intake) for intake in (Intake.PUBLIC, Intake.SERVER)
    ]
    assert isinstance(found[0], Reject)
    assert found[0].reason is RejectReason.ERASED
    assert isinstance(found[1], Accepted)


def test_a_sender_of_another_realm_does_not_learn_who_was_erased() -> None:
    """Its line is refused for its realm, whether or not it names somebody who was erased."""
    erasing = EventProcessor(config(), lambda _realm, _node: 1_795_200_000_000)
    old = line(event(occurred_at="2026-11-20T10:00:00Z"))
    outcome = erasing.process(old, RECEIVED_AT, Intake.SERVER, "another")
    assert isinstance(outcome, Reject)
    assert outcome.reason is RejectReason.OTHER_REALM


def test_every_reason_has_an_example_and_advice() -> None:
    """No reason is without a test, and each says what to do."""
    # below, in test_event_processor.py, test_kafka_sink.py, test_limited_types.py, test_facts.py
    elsewhere = {
        RejectReason.ERASED,
        RejectReason.EXPIRED,
        RejectReason.NOT_ALLOWED,
        RejectReason.OTHER_REALM,
        RejectReason.SUPPRESSED,
        RejectReason.UNSTORABLE,
        RejectReason.UNPROCESSABLE,
    }
    assert EXAMPLES.keys() | elsewhere == set(RejectReason) == set(ADVICE)


@pytest.mark.parametrize(("reason", "sent", "path"), CASES)
def test_messages_hold_no_personal_data(reason: RejectReason, sent: bytes, path: str) -> None:
    """What a reject says may be logged: it never quotes a value of the event."""
    outcome = core().process(sent, RECEIVED_AT)
    assert isinstance(outcome, Reject)
    for value in ("anna", "ask me", "c-1", "elsewhere", "carrier_pigeon"):
        assert value not in outcome.message


MARK = "zz-top-secret-zz"


def spoilt(value: Any) -> Iterator[Any]:
    """The value with one part of it, at any depth, replaced by something wrong."""
    yield from (MARK, f"{MARK}1.5", [MARK], {MARK: MARK}, MARK * 3_000)
    if not isinstance(value, dict | list):
        return
    for name, part in list(value.items() if isinstance(value, dict) else enumerate(value)):
        for other in spoilt(part):
            changed: Any = copy(value)
            changed[name] = other
            yield changed


@pytest.mark.parametrize("type_", sorted(TOUCHPOINTS))
def test_no_reject_quotes_what_was_sent(type_: str) -> None:
    """Whatever is wrong, wherever: neither message nor path repeats it, so both may be logged."""
    using, refused = core(), 0
    for sent in spoilt(TOUCHPOINTS[type_]):
        if isinstance(sent, dict):
            outcome = using.process(line(sent), RECEIVED_AT)
            if isinstance(outcome, Reject):
                assert MARK not in outcome.message + outcome.path
                assert outcome.reason is not RejectReason.UNPROCESSABLE
                refused += 1
    assert refused > 10


@pytest.mark.parametrize("type_", sorted(TOUCHPOINTS))
def test_only_listed_types_may_name_nobody(type_: str) -> None:
    """The column "identifiers optional" of the reference is what is accepted, type by type; the
    address in the body of a refusal names its addressee."""
    sent = TOUCHPOINTS[type_]
    body = {name: value for name, value in sent.get("body", {}).items() if name != "address"}
    outcome = core().process(line(sent | {"identifiers": [], "body": body}), RECEIVED_AT)
    assert isinstance(outcome, Accepted) == EVENT_TYPES[type_].anonymous
    if isinstance(outcome, Accepted):
        assert (outcome.values, outcome.edges) == ([], [])


def test_one_bad_identifier_does_not_cost_the_event() -> None:
    """Placeholders and malformed values beside a good identifier are dropped and counted."""
    identifiers = [
        identifier("email", "guest"),
        identifier("phone", "12"),
        identifier("cookie", "c-9"),
    ]
    outcome = core().process(line(event(identifiers=identifiers)), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    assert outcome.dropped == (DropReason.PLACEHOLDER, DropReason.MALFORMED)
    assert [value for _node, value in outcome.values] == ["c-9"]


class FailingProcessor(EventProcessor):
    """Our own code fails on one event."""

    def process(
        self, line: bytes, received_at: datetime, intake: Intake = Intake.FILE, realm: str = ""
    ) -> Accepted | Reject:
        """See EventProcessor."""
        if b"poison" in line:
            raise OverflowError("date value out of range: 0001-01-01")
        return super().process(line, received_at, intake, realm)


def test_an_event_on_which_our_code_fails_costs_only_itself() -> None:
    """It is rejected as a whole, names the kind of failure and quotes nothing of the event."""
    core = FailingProcessor(config())
    lines = [line(event(event_id=name)) for name in ("a", "poison", "b")]
    outcomes = [outcome_of(core, one, RECEIVED_AT, Intake.SERVER) for one in lines]
    assert [type(one) for one in outcomes] == [Accepted, Reject, Accepted]
    assert outcomes[1] == Reject(
        RejectReason.UNPROCESSABLE, message="OverflowError; please report it"
    )


@pytest.mark.parametrize("bound", ["0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z"])
def test_an_open_beginning_is_like_an_open_end(bound: str) -> None:
    """Exporters write the first day of a calendar for "always", as they write its last one."""
    body = {"sku": "1", "price": "2.00", "valid_from": bound, "valid_to": "9999-12-31T23:59:59Z"}
    offer = event("offer.published", identifiers=[], body=body)
    found = core().process(line(offer), RECEIVED_AT)
    assert isinstance(found, Accepted)
    assert {(claim.valid_from, claim.valid_to) for claim in found.claims} == {(None, None)}


@pytest.mark.parametrize(("sent", "kept"), [(77, "77"), ("e-7", "e-7"), (7.5, ""), (True, "")])
def test_reject_names_the_event_though_its_id_is_a_number(sent: object, kept: str) -> None:
    """Who looks for a refused event finds it under the id that it would have had."""
    outcome = core().process(line(event(event_id=sent, occurred_at="soon")), RECEIVED_AT)
    assert isinstance(outcome, Reject)
    assert outcome.event_id == kept

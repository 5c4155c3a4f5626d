"""No rejected line of somebody who is suppressed, or was erased, is kept for what else is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.faults import Fault
from schemas.identifiers import node_id
from schemas.instants import to_ms
from schemas.reject import RejectReason
from schemas.touchpoint import Touchpoint
from services.consistency.adapters.memory import MemoryStore
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Intake, Reject
from services.ingest.core.rejected_persons import READ_IDENTIFIERS_MAX
from services.ingest.lines import KEPT_BYTES_MAX, Line
from services.ingest.stage import IngestStage, outcome_of
from tests.events import RECEIVED_AT, SECRET, config, event, identifier, line
from tests.simulation.stores import FactRows, Facts

STORE = Facts(FactRows(MemoryStore()), None)
WHO = identifier("cookie", "c-gone")
NODE = node_id(SECRET, "default", "cookie", "", "c-gone")
OTHERS = [identifier("cookie", f"c-{number}") for number in range(READ_IDENTIFIERS_MAX)]
LONG = line(event(identifiers=[WHO], body={"url": "x" * 40_000}))
CUT = line(event(identifiers=[WHO], body={"url": "x" * KEPT_BYTES_MAX}))


class Failing(EventProcessor):
    """Fails on every event."""

    def _refuse(self, event: Touchpoint, occurred_ms: int, received_ms: int) -> Reject | None:
        raise OverflowError


def suppressing(kind: type[EventProcessor] = EventProcessor) -> EventProcessor:
    return kind(config(), is_suppressed=lambda realm, node: (realm, node) == ("default", NODE))


def erasing(kind: type[EventProcessor] = EventProcessor) -> EventProcessor:
    at_ms = to_ms(RECEIVED_AT)
    return kind(config(), lambda realm, node: at_ms if (realm, node) == ("default", NODE) else None)


def judged(core: EventProcessor, content: bytes, size: int = 0, **more: Any) -> str:
    """The reason for which a line is rejected."""
    given = Line(content, size or len(content), **more)
    outcome = IngestStage(core, STORE, from_log=True).outcome(given, RECEIVED_AT, Intake.SERVER)
    assert isinstance(outcome, Reject)
    return outcome.reason


@pytest.mark.parametrize(
    ("content", "size", "fault", "reason"),
    [
        pytest.param(LONG, 0, None, RejectReason.TOO_LARGE, id="large"),
        pytest.param(CUT[:KEPT_BYTES_MAX], len(CUT), None, RejectReason.TOO_LARGE, id="cut"),
        pytest.param(
            line(event(identifiers=[WHO])), 0, Fault(RejectReason.INVALID_FIELD),
            RejectReason.INVALID_FIELD, id="fault",
        ),
        pytest.param(
            line(event(identifiers=[*OTHERS[1:], WHO])), 0, None, RejectReason.TOO_LARGE, id="many"
        ),
        pytest.param(
            line(event(identifiers=[WHO])) + b",", 0, None, RejectReason.NOT_JSON, id="comma"
        ),
        pytest.param(
            line(event(identifiers=[identifier("loyalty_card", "7", issuer="half"), WHO])).replace(
                b'"half"', rb'"\ud800"'
            ),
            0, None, RejectReason.NOT_JSON, id="half of a character",
        ),
        pytest.param(
            line(event(identifiers=[WHO], body={"url": "zz"})).replace(b"zz", b"\xc3("), 0, None,
            RejectReason.NOT_JSON, id="letters",
        ),
    ],
)  # fmt: skip
def test_whoever_can_be_read_is_named(
    content: bytes, size: int, fault: Fault | None, reason: RejectReason
) -> None:
    """In a line that is too large, cut off, no JSON behind the identifiers, or wrong by what the
    intake says of it; behind more identifiers than an event may have."""
    more: dict[str, Any] = {"fault": fault}
    assert judged(EventProcessor(config()), content, size, **more) == reason
    assert judged(suppressing(), content, size, **more) == RejectReason.SUPPRESSED
    assert judged(erasing(), content, size, **more) == RejectReason.ERASED
    other = content.replace(b"c-gone", b"c-more")
    assert judged(suppressing(), other, size, **more) == reason


def test_an_event_on_which_the_code_fails_is_not_kept_either() -> None:
    """Who it names is asked for all the same; of others it is kept, to be replayed."""
    sent = line(event(identifiers=[WHO]))
    assert judged(suppressing(Failing), sent) == RejectReason.SUPPRESSED
    assert judged(erasing(Failing), sent) == RejectReason.ERASED
    other = line(event(identifiers=[OTHERS[0]]))
    assert judged(suppressing(Failing), other) == RejectReason.UNPROCESSABLE
    unread = Failing(config(), is_suppressed=lambda _realm, _node: 1 // 0 > 0)
    assert judged(unread, other) == RejectReason.UNPROCESSABLE


def test_a_sender_of_another_realm_learns_nothing_from_a_broken_line() -> None:
    """Neither if the line says its realm, nor if that is cut off."""
    for sent in (LONG, CUT[:KEPT_BYTES_MAX], b'{"realm": "default", ' + LONG[1:] + b","):
        for core in (suppressing(), erasing()):
            outcome = outcome_of(core, sent, RECEIVED_AT, Intake.SERVER, "another")
            assert isinstance(outcome, Reject)
            assert outcome.reason not in (RejectReason.SUPPRESSED, RejectReason.ERASED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"identifiers": [{"type": "cookie", "value": "c-go',
        b'{"identifiers": ' + b"9" * 100_000,
        b'{["identifiers"]: 1}',
        b'\xef\xbb\xbf{"realm": 7, ',
        b'{"identifiers": {"a": 1}, "source": 7, "occurred_at": [',
        line(event(identifiers=[*OTHERS, WHO])),
    ],
)
def test_what_cannot_be_read_names_nobody(content: bytes) -> None:
    """Whatever it is, it is rejected for what it is."""
    assert judged(suppressing(), content) not in (RejectReason.SUPPRESSED, RejectReason.ERASED)

"""What a reject of a line that cannot be read says: its message, and the event id it had."""

from __future__ import annotations

import pytest

from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_BYTES_MAX
from services.ingest.core.decode import decode, event_hash
from services.ingest.core.outcome import Reject
from tests.events import event, line


def refusal(sent: bytes) -> Reject:
    """The reject that a line becomes."""
    found = decode(sent)
    assert isinstance(found, Reject)
    return found


def sized(size: int) -> bytes:
    """A valid line of so many bytes."""
    sent = line(event(event_id="e-1"))
    return sent + b" " * (size - len(sent))


def test_the_largest_line_is_read() -> None:
    """The limit itself is allowed; above it, the message gives both sizes."""
    assert not isinstance(decode(sized(EVENT_BYTES_MAX)), Reject)
    message = f"{EVENT_BYTES_MAX + 1} bytes, at most {EVENT_BYTES_MAX}"
    assert refusal(sized(EVENT_BYTES_MAX + 1)) == Reject(RejectReason.TOO_LARGE, message=message)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b'{"event_id": "e-1", ', "Invalid JSON: EOF while parsing a value at byte 20"),
        (b'{"event_id": "\xfc"}', "not UTF-8: byte 0xFC at byte 15. It looks like Windows-1252: "
         "convert it with 'iconv -f Windows-1252 -t UTF-8'"),
    ],
)  # fmt: skip
def test_what_is_no_json_says_where(sent: bytes, message: str) -> None:
    """Cut off: the byte; in another encoding: which one, and what to do."""
    assert refusal(sent) == Reject(RejectReason.NOT_JSON, message=message)


def test_nan_is_no_json() -> None:
    """A number that JSON does not have is refused, even in a field that nobody reads."""
    found = refusal(line(event()).replace(b"{", b'{"extra":NaN,', 1))
    assert found.reason is RejectReason.NOT_JSON
    assert found.message.startswith("unexpected character")


def test_an_unknown_type_is_named_as_such() -> None:
    """The message says what is wrong, the event id which event it was."""
    assert refusal(line(event("page.liked", event_id="e-1"))) == Reject(
        RejectReason.UNKNOWN_TYPE, "type", "no such event type", "e-1"
    )


@pytest.mark.parametrize(
    ("sent", "event_id"),
    [
        (b"[]", ""),
        (b'"text"', ""),
        (b"{}", ""),
        (b'{"event_id": null}', ""),
        (b'{"event_id": ["e-1"]}', ""),
        (b'{"event_id": "e-1"}', "e-1"),
        (b'{"event_id": "e-1", "extra": NaN}', ""),  # neither complete nor JSON
        (line({"event_id": "x" * 100}), "x" * 100),
        (line({"event_id": "x" * 101}), "x" * 100),  # no longer than an event id may be
    ],
)
def test_a_refused_line_keeps_its_event_id(sent: bytes, event_id: str) -> None:
    """Text or number, cut to the length of an event id; anything else is none."""
    assert refusal(sent).event_id == event_id


def test_an_event_hash_has_64_bits() -> None:
    """It fits its column for every event id, and two ids have two hashes."""
    hashes = {event_hash(f"e-{number}") for number in range(100)}
    assert len(hashes) == 100
    assert 2**56 < max(hashes) < 2**64

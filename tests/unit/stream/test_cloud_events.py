"""CloudEvents around touchpoints, on Kafka and over HTTP; what serializers write in front."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.intake.format import Delivered
from services.intake.formats.cloudevents import enveloped, touchpoints
from services.stream.cloud_events import Unreadable, record_value, type_of
from services.stream.ports import Headers

DATA = b'{ "identifiers": [], "body": {"total": 1.00000000000000000001} }'
ATTRIBUTES = {
    "specversion": "1.0", "id": "ce-1", "source": "/till/7", "type": "com.example.page.viewed",
    "time": "2026-03-02T17:20:00Z", "channel": "pos",
}  # fmt: skip
EVENT = json.dumps(ATTRIBUTES).encode()[:-1] + b', "data": ' + DATA + b"}"
BINARY: Headers = tuple((f"ce_{name}", value.encode()) for name, value in ATTRIBUTES.items())
IN_HEADERS = {f"ce-{name}": value.replace("/", "%2F") for name, value in ATTRIBUTES.items()}
JSON_TYPE = (("Content-Type", b"application/cloudevents+json; charset=utf-8"),)
WHOLE: dict[str, Any] = {
    "event_id": "ce-1", "occurred_at": ATTRIBUTES["time"], "channel": "pos", "type": "page.viewed",
    "source": {"system": "/till/7"},
}  # fmt: skip


def read(value: bytes, headers: Headers = ()) -> bytes:
    found = record_value(value, headers)
    assert isinstance(found, bytes), found
    return found


@pytest.mark.parametrize(("value", "headers"), [(DATA, BINARY), (EVENT, JSON_TYPE)])
def test_both_modes_give_the_same_touchpoint(value: bytes, headers: Headers) -> None:
    """Attributes stand for what the data do not say; numbers keep all their digits."""
    found = read(value, headers)
    assert json.loads(found) == {**WHOLE, **json.loads(DATA)}
    assert b"1.00000000000000000001" in found


def test_the_data_count_where_they_say_something() -> None:
    """Down to the byte, if they say all of it."""
    own = json.dumps({**WHOLE, "event_id": "own", "realm": "de", "body": {}}).encode()
    assert read(own, BINARY) == own
    assert json.loads(read(b'{"event_id":"own"}', BINARY)) == {**WHOLE, "event_id": "own"}
    assert json.loads(read(b" {} ", BINARY)) == WHOLE


def test_records_of_others_stay_as_they_are() -> None:
    """Also with headers of other kinds, and what begins with a zero and is too short."""
    for headers in ((), (("traceparent", b"00-1"), ("content-type", b"application/json"))):
        for value in (DATA, b"", b"\0\0\0\0\1"):
            assert read(value, headers) == value


@pytest.mark.parametrize(("value", "headers"), [(DATA, ()), (DATA, BINARY), (EVENT, JSON_TYPE)])
def test_the_number_of_a_schema_is_skipped(value: bytes, headers: Headers) -> None:
    """Zero and four bytes, as serializers with a registry write it."""
    assert read(b"\0\0\0\1\7" + value, headers) == read(value, headers)


@pytest.mark.parametrize(
    ("value", "headers", "path", "named"),
    [
        (DATA, tuple(one for one in BINARY if one[0] != "ce_id"), "id", DATA),
        (DATA, (("ce_specversion", b"0.3"),), "specversion", DATA),
        (DATA, (("ce_specversion", b"\xff"),), "", DATA),
        (b"[]", BINARY, "data", b"[]"),
        (EVENT[:-3], JSON_TYPE, "", b" " + DATA[:-2]),
        (EVENT.replace(b'"data"', b'"date"'), JSON_TYPE, "data", b""),
        (EVENT.replace(b'"ce-1"', b'"\\ud800"'), JSON_TYPE, "", b" " + DATA + b"}"),
        (EVENT.replace(b'"ce-1"', b"7"), JSON_TYPE, "id", DATA),
        (json.dumps(DATA.decode()).encode(), BINARY, "data", DATA),
    ],
)
def test_what_has_no_touchpoint_says_why(
    value: bytes, headers: Headers, path: str, named: bytes
) -> None:
    """And whom it may name, for their lines may be of somebody who was erased."""
    found = record_value(value, headers)
    assert isinstance(found, Unreadable)
    assert (found.fault.path, found.named) == (path, named)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("page.viewed", "page.viewed"), ("com.example.page.viewed", "page.viewed"),
        ("com.example.viewed", "com.example.viewed"), ("page.viewed.v1", "page.viewed.v1"),
    ],
)  # fmt: skip
def test_the_end_of_a_type_is_an_event_type(named: str, meant: str) -> None:
    """Whatever stands before it; another type stays whole, for ingest to refuse."""
    assert type_of(named) == meant


@pytest.mark.parametrize(
    ("media", "headers", "body"),
    [
        ("application/cloudevents+json", {}, EVENT),
        ("application/cloudevents-batch+json; charset=utf-8", {}, b"[" + EVENT + b"]"),
        (
            "application/json",
            {f"ce-{k}": v.replace("/", "%2F") for k, v in ATTRIBUTES.items()},
            DATA,
        ),
    ],
)
def test_over_http_in_every_mode(media: str, headers: dict[str, str], body: bytes) -> None:
    """One, several, and one with its attributes as headers, which are percent-encoded."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    delivered = Delivered(body, {**headers, "content-type": media, "host": "x"}, "http://x/", at)
    found = touchpoints(enveloped(delivered))
    assert isinstance(found, list)
    [line] = found
    assert isinstance(line, bytes)
    assert json.loads(line) == {**WHOLE, **json.loads(DATA)}


@pytest.mark.parametrize("body", [b"", b"{", b'{}, "id": "x"}', b"\xff"])
def test_a_body_that_is_no_json_is_no_event(body: bytes) -> None:
    """Whatever its headers say; it cannot say other attributes than they do."""
    headers = {f"ce-{name}": value for name, value in ATTRIBUTES.items()}
    found = touchpoints(enveloped(Delivered(body, headers, "", datetime(2026, 3, 2, tzinfo=UTC))))
    assert not isinstance(found, list)

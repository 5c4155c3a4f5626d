"""What is fuzzed, and what must hold of each: nothing is raised but what is documented."""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, cast

import orjson
import uvicorn
from pydantic import SecretStr
from uvicorn.server import ServerState

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.api.auth import Credentials
from services.api.http.local import LocalChannel
from services.api.operations import OPERATIONS
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.lines import KEPT_BYTES_MAX, InputError, Line
from services.ingest.stage import Result, Status
from services.intake.application import create_app
from services.intake.batch import NoBatch, batch_lines, cut_lines
from services.intake.files import read_lines
from services.intake.format import Refused
from services.intake.formats import FILE_FORMATS, FORMATS
from services.intake.http import Running
from services.intake.in_flight import BytesInFlight
from services.intake.publish import route
from services.intake.server import Deadlines, GuardedHttp
from services.runtime.connections import Connections
from services.runtime.errors import InvalidInput
from services.runtime.metrics import Metrics
from tests.api_parts import api_parts_of
from tests.events import RECEIVED_AT, core
from tests.fuzz.mutations import EVENTS, EXPORTS, MESSAGES, PAYLOADS, broken, damaged_export, event
from tests.pydantic_alone import assert_processed_alike

KEY = "a-key-of-the-fuzzer"
PROCESSOR = core()


def line(rng: Random) -> None:
    """One line is accepted or rejected with a reason, the same each time, and as pydantic alone
    reads it; nothing is raised."""
    text, intake = event(rng), rng.choice(list(Intake))
    outcome = assert_processed_alike(PROCESSOR, text, intake)
    assert isinstance(outcome, Accepted | Reject)
    if isinstance(outcome, Reject):
        assert outcome == PROCESSOR.process(text, RECEIVED_AT, intake)
        assert outcome.reason
        outcome.message.encode()
        outcome.event_id.encode()
    else:
        orjson.loads(outcome.row["payload"])
    record = route(text)
    assert record.value == text


def batch(rng: Random) -> None:
    """Whatever stands between two events that can be read, they come out whole."""
    good = rng.choice(EVENTS)
    spoilt = event(rng)
    body = b'{"batch": [' + b",".join((good, spoilt, good)) + b"]}"
    if rng.random() < 0.3:
        body = broken(body, rng)
        with suppress(NoBatch):
            assert all(isinstance(one, bytes) for one in batch_lines(body))
        return
    try:
        orjson.loads(b"[" + spoilt + b"]")
        is_json = True
    except orjson.JSONDecodeError:
        is_json = False
    if is_json:
        assert len(batch_lines(body)) == 3
    if is_json or _is_balanced(spoilt):
        found = cut_lines(body)
        assert orjson.loads(found[0]) == orjson.loads(found[-1]) == orjson.loads(good)


def _is_balanced(text: bytes) -> bool:
    """Whether its brackets and strings are closed, by a second parser."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def tracking(rng: Random) -> None:
    """Whatever message of the Segment protocol stands between two that can be read, these come out
    whole, and it is no fault of ours."""
    good = rng.choice(MESSAGES)
    odd = event(rng, MESSAGES)
    body = b'{"batch":[' + b",".join((good, odd, good)) + b"]}"
    found = FORMATS["segment"].touchpoints(body)
    if isinstance(found, Fault):
        assert not _is_json(odd), found
        return
    if _is_json(odd):
        alone = FORMATS["segment"].touchpoints(good)
        assert not isinstance(alone, Fault)
        assert list(found[: len(alone)]) == list(found[-len(alone) :]) == list(alone)
    for one in found:
        if isinstance(one, Refused):
            assert one.fault.reason is not RejectReason.UNPROCESSABLE
        else:
            orjson.loads(one)


def foreign(rng: Random) -> None:
    """A payload of a shop or a mail provider gives the same whenever it is read: touchpoints that
    are JSON, refusals with a reason of its own, or one fault; none of them is a fault of ours."""
    layout = FORMATS[rng.choice(sorted(PAYLOADS.keys() - {"touchpoint", "batch", "segment"}))]
    payloads = PAYLOADS[layout.name]
    text = rng.choice(payloads)
    is_json = text[:1] in b"{["
    payload = event(rng, [text]) if is_json and rng.random() < 0.8 else broken(text, rng)
    found = layout.touchpoints(payload)
    assert found == layout.touchpoints(payload)
    if isinstance(found, Fault):
        assert found.reason is not RejectReason.UNPROCESSABLE, found
        return
    for one in found:
        if isinstance(one, Refused):
            assert one.fault.reason is not RejectReason.UNPROCESSABLE, one
        elif layout.name != "cloudevents":  # whose data ingest reads as they came
            orjson.loads(one)


def tills(rng: Random) -> None:
    """A damaged export of tills gives the same whenever it is read: touchpoints that are JSON,
    refusals with a reason of their own, or an error that names the file; none is a fault of
    ours."""
    layout = FILE_FORMATS[rng.choice(sorted(FILE_FORMATS))]
    sample = rng.choice(EXPORTS[layout.name])
    with tempfile.TemporaryDirectory() as made:
        path = damaged_export(sample, Path(made) / "export", rng)
        found: list[list[Line]] = []
        for _ in range(2):
            lines: list[Line] = []
            with suppress(InputError):
                lines += read_lines(str(path), layout)
            found.append(lines)
        assert found[0] == found[1]
        for one in found[0]:
            if one.fault is None:
                orjson.loads(one.content)
            else:
                assert one.fault.reason is not RejectReason.UNPROCESSABLE, one


def _is_json(text: bytes) -> bool:
    try:
        orjson.loads(b"[" + text + b"]")
    except orjson.JSONDecodeError:
        return False
    return True


def file(rng: Random) -> None:
    """A file in any form is read to its end, or to a damage that is named."""
    lines = [event(rng) for _ in range(rng.randrange(1, 5))]
    text = rng.choice((b"\n", b"\r\n", b"\n\n", b"\r")).join(lines)
    match rng.randrange(8):
        case 0:
            text = gzip.compress(text)
        case 1:
            text = broken(gzip.compress(text), rng)
        case 2:
            text = gzip.compress(text)[: rng.randrange(len(text))]
        case 3:
            text = (
                gzip.compress(text[:100]) + gzip.compress(text[100:]) + b"\x00" * rng.randrange(9)
            )
        case 4:
            text = text.decode("utf-8", "replace").encode(
                rng.choice(("utf-16", "utf-16-le", "utf-32"))
            )
        case 5:
            text = b"\xef\xbb\xbf" + text
        case 6:
            text = gzip.compress(gzip.compress(text))
        case _:
            text = broken(text, rng)
    with tempfile.NamedTemporaryFile() as made:
        Path(made.name).write_bytes(text)
        for layout in FORMATS.values():
            with suppress(InputError):
                for one in read_lines(made.name, layout):
                    assert len(one.content) <= max(KEPT_BYTES_MAX, layout.payload_bytes_max)
                    assert one.size >= len(one.content)


class _Sink:
    """Takes every event and rejects it."""

    def submit(self, lines: Iterable[Line], intake: Intake) -> Future[list[Result]]:
        answer: Future[list[Result]] = Future()
        answer.set_result([Result("", Status.REJECTED, "not_json") for _ in lines])
        return answer

    def submit_tick(self) -> Future[None]:
        answer: Future[None] = Future()
        answer.set_result(None)
        return answer

    def is_live(self) -> bool:
        return True

    def waits_for(self) -> str:
        return ""


class _Wire(asyncio.Transport):
    """A connection without a network."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing is read here."""

    def resume_reading(self) -> None:
        """Nothing is read here."""

    def get_write_buffer_size(self) -> int:
        return 0


def _application() -> Any:
    metrics = Metrics()
    keys = Credentials([SecretStr(KEY)], [], "token-of-nobody")
    sink = cast(Any, _Sink())
    parts = Running(
        lambda: None, sink, metrics.registry, 100_000, BytesInFlight(1_000_000, metrics),
        asyncio.Lock(),
    )  # fmt: skip
    channel = LocalChannel(cast(Any, None), sink, keys)
    return create_app(parts, api_parts_of(keys, metrics), channel)


def request(rng: Random) -> None:
    """Any bytes on a connection are answered in HTTP, or it is closed; no fault of ours."""
    paths = (
        b"/livez",
        b"/metrics",
        b"/v1/touchpoints",
        b"/openapi.json",
        b"/internal/v1/tick",
        b"*",
    )
    body = b'{"batch":[' + event(rng) + b"]}"
    query = bytes(rng.choice(b"abc=&%20?/\x7f\xff;+#") for _ in range(rng.randrange(30)))
    head = b"%b %b?%b HTTP/1.1\r\nHost: x\r\nX-Api-Key: %b\r\nContent-Length: %d\r\n\r\n" % (
        rng.choice((b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE", b"CONNECT", b"get", b"")),
        rng.choice(paths), query, rng.choice((KEY.encode(), b"", b"\xff", b"x")), len(body),
    )  # fmt: skip
    sent = head + body
    if rng.random() < 0.7:
        at = rng.randrange(len(head))
        sent = broken(sent[: at + 200], rng) + sent[at + 200 :]
    asyncio.run(_served(sent, rng))


async def _served(sent: bytes, rng: Random) -> None:
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: faults.append(context))
    app = _application()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            faults.append(error)

    config = uvicorn.Config(
        watched, ws="none", lifespan="off", log_config=None, log_level="critical"
    )
    config.load()
    table = Connections(5, Metrics())
    made = GuardedHttp(
        table,
        Deadlines(5, 5, 0),
        config=config,
        server_state=ServerState(),
        app_state={},
        _loop=loop,
    )
    wire = _Wire()
    made.connection_made(wire)
    while sent and not wire.closed:
        size = rng.choice((1, 10, 1_000, 100_000))
        made.data_received(sent[:size])
        sent = sent[size:]
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    made.connection_lost(None)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=5)
    assert not faults, faults
    assert len(table) == 0
    assert not wire.written or wire.written.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in wire.written.split(b"\r\n")[0]


def operation(rng: Random) -> None:
    """Arguments of an operation are taken or refused with a reason."""
    asked = OPERATIONS[rng.choice(list(OPERATIONS))]
    text = broken(rng.choice((b'{"realm":"default"}', b'{"limit":1}', event(rng))), rng)
    with suppress(InvalidInput):
        asked.parse(text)


TARGETS: dict[str, Callable[[Random], None]] = {
    one.__name__: one for one in (line, batch, tracking, foreign, tills, file, request, operation)
}

"""A command's session through the `c360 up` that holds the data directory."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson

from services.api.operation import In, Operation, Out
from services.embedded.running_instance import RunningInstance
from services.ingest.core.outcome import Intake
from services.ingest.lines import InputError, Line
from services.ingest.stage import Result
from services.runtime.batching import bounded
from services.runtime.errors import C360Error, Retry

FAULT = '{"c360_error"'
"""Begins a line that holds an error instead of a row."""
REMOTE_LINES = 5_000
REMOTE_BYTES = 4 * 1024 * 1024
"""Of the lines of one request; what the service takes is more (services/api/http/local.py)."""
TIMEOUT = httpx.Timeout(10, read=600, write=600)


class RemoteSession:
    """Implements services.cli.session.Session on a `c360 up` of this machine."""

    def __init__(self, presence: RunningInstance) -> None:
        self._client = httpx.Client(
            base_url=presence.url,
            headers={"Authorization": f"Bearer {presence.token}"},
            timeout=TIMEOUT,
            trust_env=False,  # loopback never goes through a proxy
            verify=_trusting(presence.certificate),
        )

    def run(self, operation: Operation[In, Out], request: In) -> Iterator[Out]:
        """See Session."""
        path, content = f"/internal/v1/{operation.name}", request.model_dump_json()
        with self._client.stream("POST", path, content=content) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                _raise(response)
            for line in response.iter_lines():
                if line.startswith(FAULT):
                    _raise_error(orjson.loads(line))
                yield operation.adapter.validate_json(line)

    def ingest(
        self,
        lines: Iterable[Line],
        report: Callable[[list[Result]], None],
        intake: Intake = Intake.FILE,
    ) -> None:
        """See Session. An oversized line is sent with its size only."""
        try:
            for part in bounded(lines, REMOTE_LINES, REMOTE_BYTES, _size_of):
                report(self._send(part, intake))
        except InputError:
            self._tick()  # what came before the damage is judged
            raise
        self._tick()

    def _tick(self) -> None:
        response = self._client.post("/internal/v1/tick")
        if not response.is_success:
            _raise(response)

    def _send(self, part: list[Line], intake: Intake) -> list[Result]:
        body = b"".join(map(_written, part))
        response = self._client.post("/internal/v1/lines", params={"intake": intake}, content=body)
        if response.status_code != httpx.codes.OK:
            _raise(response)
        return [Result(*row) for row in response.json()]


def _trusting(certificate: str) -> ssl.SSLContext | bool:
    """Trust in this one certificate, whoever issued it and for whatever name."""
    if not certificate:
        return True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def _size_of(line: Line) -> int:
    return len(line.content)


def _written(line: Line) -> bytes:
    fault = line.fault and list(line.fault)
    named = line.named.decode(errors="replace")
    head = orjson.dumps([line.size, fault, line.place, named])  # a tab in it is escaped
    return head + b"\t" + line.content.replace(b"\n", b" ") + b"\n"


def _raise(response: httpx.Response) -> None:
    try:
        _raise_error(response.json())
    except (ValueError, KeyError):
        raise Retry(f"the running c360 answered {response.status_code}: {response.text}") from None


def _raise_error(fault: dict[str, Any]) -> None:
    error = C360Error(fault["c360_error"], reason=fault["reason"])
    error.exit_code = fault["exit_code"]
    raise error


@contextmanager
def connected(presence: RunningInstance) -> Iterator[RemoteSession]:
    """A session through that instance. Raises Retry when it vanishes in between."""
    try:
        yield RemoteSession(presence)
    except httpx.TransportError as error:
        raise Retry(f"c360 up at {presence.url} does not answer ({error}); try again") from error

"""What routes answer when nothing can be written, or the process is out of something."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr

from services.api.auth import Credentials
from services.api.http.local import LocalChannel
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.intake.application import create_app
from services.intake.http import Running
from services.intake.in_flight import BytesInFlight
from services.runtime.errors import Fatal, Retry
from services.runtime.metrics import Metrics
from tests.api_parts import api_parts_of

KEY, TOKEN = "a-key-of-a-server", "a-token-of-this-machine"


class FailingSink:
    """Takes nothing, for one reason."""

    def __init__(self, fault: Exception, *, at_once: bool) -> None:
        self._fault = fault
        self._at_once = at_once

    def submit(self, lines: Iterable[Line], intake: Intake) -> Future[list[Result]]:
        return self._failed()

    def submit_tick(self) -> Future[None]:
        return self._failed()

    def is_live(self) -> bool:
        return True

    def waits_for(self) -> str:
        return str(self._fault)

    def _failed(self) -> Future[Any]:
        if self._at_once:
            raise self._fault
        answer: Future[Any] = Future()
        answer.set_exception(self._fault)
        return answer


async def answered(fault: Exception, path: str, *, at_once: bool) -> httpx.Response:
    """The answer of a service whose sink fails so."""
    metrics, keys = Metrics(), Credentials([SecretStr(KEY)], [], TOKEN)
    sink = cast(Any, FailingSink(fault, at_once=at_once))
    app = create_app(
        Running(
            lambda: None, sink, metrics.registry, 100_000, BytesInFlight(1_000_000, metrics),
            asyncio.Lock(),
        ),
        api_parts_of(keys, metrics),
        LocalChannel(cast(Any, None), sink, keys),
    )  # fmt: skip
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        key = TOKEN if path.startswith("/internal") else KEY
        headers = {"Authorization": f"Bearer {key}"}
        return await client.post(path, content=b'{"batch":[{}]}', headers=headers)


@pytest.mark.parametrize("path", ["/v1/touchpoints", "/internal/v1/tick"])
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("fault", "after"), [(Retry("no room"), "5"), (Fatal("broken"), "30")])
async def test_nothing_can_be_written(
    path: str, at_once: bool, fault: Exception, after: str
) -> None:
    """503 with the reason and a time to come back, on every route that writes."""
    answer = await answered(fault, path, at_once=at_once)
    assert answer.status_code == 503
    assert answer.json()["detail"] == str(fault)
    assert answer.headers["retry-after"] == after


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (MemoryError(), 503),
        (OSError(errno.EMFILE, "Too many open files"), 503),
        (RuntimeError("can't start new thread"), 503),
        (RuntimeError("something else"), 500),
        (OSError(errno.EIO, "broken"), 500),
    ],
)
async def test_out_of_something(fault: Exception, status: int) -> None:
    """What the process lacks is 503, what is broken 500; both are problem documents."""
    answer = await answered(fault, "/v1/touchpoints", at_once=True)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in answer.headers) == (status == 503)

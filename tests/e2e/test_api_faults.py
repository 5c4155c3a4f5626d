"""`c360 api` on a store that is slow, away, frozen or killed: quick 503s, no pile-up, recovery.

One process of the service lives through all of it. Whatever happens to the store, every request is
answered within its time limit, with a problem and a Retry-After; the number of those that wait
stays bounded, the health page answers, and once the store is back so are the answers.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from schemas.rules.identity import identity_rules
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.runtime.settings import RealmSettings, load_settings
from services.store.database import open_server
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import SECRET, c360, command, environment, wait_for
from tests.events import event, identifier, line
from tests.integration.test_recovery import pipeline
from tests.tiers import always

CONNECTIONS, WAITING_MAX, WAIT_S, LIMIT_S = 2, 6, 1.0, 2
IN_TIME_S = WAIT_S + LIMIT_S + 1.5
"""When every answer must be there; what it takes to send and receive many at once is in it."""
AT_ONCE = 40
BACK_S = 60.0
CUSTOMERS = 10
REFUSALS = {"unavailable", "too-busy"}


class Answer(NamedTuple):
    """What came of a request."""

    status: int
    seconds: float
    retry_after: str
    code: str


class Faulty:
    """The service, and the store it reads."""

    def __init__(self, endpoint: ClickHouseEndpoint, url: str, key: str, ids: list[str]) -> None:
        self.endpoint = endpoint
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}
        self.ids = ids
        self._numbers = itertools.count()
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def close(self) -> None:
        """No request comes any more."""
        self._client.close()

    def ask(self, path: str = "") -> httpx.Response:
        """One answer."""
        asked = path or f"/v1/profiles/{self.ids[0]}"
        return self._client.get(asked, headers=self.headers, follow_redirects=True)

    def works(self) -> bool:
        """Whether profiles are read now."""
        return self.ask(self._new_path()).status_code == httpx.codes.OK

    def ask_many(self, count: int = AT_ONCE) -> tuple[list[Answer], float]:
        """Many answers asked for at once, and the most requests that waited meanwhile."""
        return asyncio.run(self._many(count))

    async def _many(self, count: int) -> tuple[list[Answer], float]:
        waiting, done = [0.0], asyncio.Event()
        limits = httpx.Limits(max_connections=count + 1)
        options: dict[str, Any] = {"timeout": 60, "trust_env": False, "limits": limits}
        async with httpx.AsyncClient(base_url=self.url, **options) as client:

            async def look() -> None:
                while not done.is_set():
                    waiting.append(await self._waiting(client))

            looking = asyncio.create_task(look())
            paths = [self._new_path() for _ in range(count)]
            answers = await asyncio.gather(*(self._timed(client, path) for path in paths))
            done.set()
            await looking
        return answers, max(waiting)

    def _new_path(self) -> str:
        """Another question each time, so that no answer to it is kept."""
        number = next(self._numbers)
        at = f"2026-11-25T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        return f"/v1/profiles/{self.ids[number % CUSTOMERS]}?as_of={at}"

    async def _timed(self, client: httpx.AsyncClient, path: str) -> Answer:
        begun_s = time.monotonic()
        answer = await client.get(path, headers=self.headers)
        seconds = time.monotonic() - begun_s
        is_problem = answer.status_code >= httpx.codes.BAD_REQUEST
        code = answer.json()["code"] if is_problem else ""
        return Answer(answer.status_code, seconds, answer.headers.get("Retry-After", ""), code)

    @staticmethod
    async def _waiting(client: httpx.AsyncClient) -> float:
        """What the metric says; the page must answer at once, whatever the store does."""
        begun_s = time.monotonic()
        page = (await client.get("/metrics")).text
        assert time.monotonic() - begun_s < IN_TIME_S
        [found] = [one for one in page.splitlines() if one.startswith("c360_api_reads_waiting ")]
        return float(found.split()[1])


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """The service with some customers."""
    directory = tmp_path_factory.mktemp("faulty")
    with ClickHouseEndpoint(directory / "store") as endpoint:
        settings: dict[str, Any] = {
            "C360_CLICKHOUSE_URL": endpoint.url,
            "C360_API_CONNECTIONS": str(CONNECTIONS),
            "C360_API_WAITING_MAX": str(WAITING_MAX),
            "C360_API_WAIT_S": str(WAIT_S),
            "C360_API_LIMIT_S": str(LIMIT_S),
            "C360_API_RATE_PER_S": "10000",
        }
        c360(None, "migrate", **settings)
        ids = _customers(endpoint)
        scopes = ("--scope", "profiles:read", "--scope", "profiles:pii")
        made = c360(None, "keys", "create", "--name", "desk", *scopes, "--json", **settings).stdout
        log = directory / "api.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(None, "api", "--port", "0"),
                stderr=output, stdout=output, env=environment(**settings),
            )  # fmt: skip
        try:
            url = wait_for(lambda: _address(process, log))
            service = Faulty(endpoint, url, json.loads(made)["key"], ids)
            wait_for(service.works)
            yield service
            service.close()
            assert process.poll() is None, log.read_text("utf-8")  # it was never started again
            process.send_signal(signal.SIGTERM)
            assert process.wait(BACK_S) == 0, log.read_text("utf-8")
        finally:
            process.kill()
            process.wait()


def _customers(endpoint: ClickHouseEndpoint) -> list[str]:
    """Write customers as workers do; their ids."""
    options: dict[str, Any] = {"identity_secret": SECRET, "clickhouse_url": endpoint.url}
    with closing(open_server(load_settings(**options))) as database:
        register_realms(database, {"default": RealmSettings()}, personal_types(identity_rules()))
        run = pipeline(database)
        named = [identifier("email", f"anna{n}@example.com") for n in range(CUSTOMERS)]
        raw = [line(event(identifiers=[one])) for one in named]
        run.finish(run.decode([Line(one, len(one)) for one in raw], Intake.FILE))
        rows = database.rows("SELECT DISTINCT node FROM node_values ORDER BY node")
    return [str(node) for (node,) in rows]


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.poll() is None, log.read_text("utf-8")
    said = [one for one in log.read_text("utf-8").splitlines() if "c360 api is at " in one]
    return said[0].partition("c360 api is at ")[2].split()[0] if said else ""


@pytest.fixture
def service(faulty: Faulty) -> Iterator[Faulty]:
    """The service as it is when the store is well; it must be so again afterwards."""
    wait_for(faulty.works, BACK_S)
    yield faulty
    if faulty.endpoint._process is None:
        faulty.endpoint.start()
    faulty.endpoint.heal()
    wait_for(faulty.works, BACK_S)


def freeze(service: Faulty) -> None:
    """The store takes connections and never answers."""
    process = service.endpoint._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)


def thaw(service: Faulty) -> None:
    """It goes on."""
    process = service.endpoint._process
    assert process is not None
    os.kill(process.pid, signal.SIGCONT)


FAULTS: dict[str, tuple[Callable[[Faulty], object], Callable[[Faulty], object]]] = {
    # every statement takes longer than a request may
    "slow": (lambda one: one.endpoint.fault(delay_s=30, count=0), lambda one: one.endpoint.heal()),
    # only those that read facts do
    "slow facts": (
        lambda one: one.endpoint.fault(delay_s=30, count=0, match="FROM touchpoints"),
        lambda one: one.endpoint.heal(),
    ),
    # connections are closed at once
    "away": (lambda one: one.endpoint.fault(down_s=600), lambda one: one.endpoint.heal()),
    # it refuses: too many queries at once
    "refusing": (
        lambda one: one.endpoint.fault(code=202, count=0), lambda one: one.endpoint.heal(),
    ),
    # a proxy in front of it says so
    "behind a proxy": (
        lambda one: one.endpoint.fault(status=502, count=0), lambda one: one.endpoint.heal(),
    ),
    "killed": (lambda one: one.endpoint.kill(), lambda one: one.endpoint.start()),
    "frozen": (freeze, thaw),
}  # fmt: skip


@pytest.mark.parametrize("fault", always({"away", "killed", "frozen"}, FAULTS))
def test_requests_are_refused_in_time_and_answered_again(service: Faulty, fault: str) -> None:
    """503 with Retry-After within the limit, twice, for many at once; then 200, by the same
    process."""
    begin, end = FAULTS[fault]
    begin(service)
    try:
        for _ in range(2):
            answers, waiting = service.ask_many()
            assert {one.status for one in answers} == {503}
            assert {one.code for one in answers} <= REFUSALS
            assert all(int(one.retry_after) > 0 for one in answers)
            assert max(one.seconds for one in answers) < IN_TIME_S
            assert waiting <= WAITING_MAX + 1  # and the one who looks how far the data has come
            live = service.ask("/livez")
            assert live.status_code == httpx.codes.OK
            assert live.elapsed.total_seconds() < IN_TIME_S
    finally:
        end(service)
    wait_for(service.works, BACK_S)
    answers, _ = service.ask_many(CONNECTIONS)
    assert {one.status for one in answers} == {200}


def test_a_kept_answer_is_not_given_without_the_store(service: Faulty) -> None:
    """Nobody can say whether it is still true; nor does a client hear that it has not changed."""
    etag = service.ask().headers["ETag"]
    service.endpoint.fault(down_s=600)
    wait_for(lambda: service.ask().status_code == httpx.codes.SERVICE_UNAVAILABLE)
    path = f"{service.url}/v1/profiles/{service.ids[0]}"
    headers = {**service.headers, "If-None-Match": etag}
    answer = httpx.get(path, headers=headers, trust_env=False)
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "ETag" not in answer.headers
    service.endpoint.heal()
    wait_for(service.works, BACK_S)
    again = httpx.get(path, headers=headers, trust_env=False)
    assert again.status_code == httpx.codes.NOT_MODIFIED


def test_what_a_client_hears_names_no_host(service: Faulty) -> None:
    """Addresses and ports of the store are for the log of the service."""
    service.endpoint.fault(down_s=600)
    told = wait_for(lambda: (one := service.ask()).status_code == 503 and one.text)
    assert str(service.endpoint.port) not in told
    assert "127.0.0.1" not in told

"""Routes over a store: writes with an idempotency key, and reads that leave a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, Request, Response
from httpx import ASGITransport

from schemas.api.problem import ProblemCode
from services.api.access_log import AccessLog
from services.api.answer_cache import AnswerCache
from services.api.auth import Authenticator, Principal, Scope
from services.api.http.caller import Caller, allowed
from services.api.http.notes import note
from services.api.http.parts import ApiParts
from services.api.http.problems import Problem
from services.api.http.repeated import REPLAYED, IdempotencyKey, once
from services.api.idempotency import WritesInWork
from services.api.key_looks import KeyLooks
from services.api.marks import Marks
from services.api.pool import ReadPool, limits_of
from services.api.ports import Access
from services.api.queries.access import ACCESS_LIST, AccessRequest
from services.api.rates import RateLimits
from services.api.read_store import access_to
from services.intake.application import Application, application
from services.runtime.metrics import Metrics
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.events import SECRET

Writer = Annotated[Caller, Depends(allowed(Scope.INCIDENTS_WRITE))]
Reader = Annotated[Caller, Depends(allowed(Scope.PROFILES_READ))]
router = APIRouter()
done: list[bytes] = []


@router.post("/v1/test/things")
async def things(
    request: Request, caller: Writer, idempotency_key: IdempotencyKey = ""
) -> Response:
    """A write that is done anew each time."""
    body = await request.body()

    async def write() -> Response:
        if body == b"refused":
            raise Problem(ProblemCode.INVALID_STATE, "not now")
        if body == b"slow":
            request.app.state.begun.set()
            await request.app.state.gate.wait()
        done.append(body)
        return Response(b'{"number": %d}' % len(done), 201, media_type="application/json")

    return await once(request, caller, idempotency_key, body, write)


@router.get("/v1/test/profiles")
async def profiles(request: Request, caller: Reader) -> Response:
    """A read of two profiles."""
    note(request, caller, "profile_get", [UUID(int=1), UUID(int=2)])
    return Response(b"[]")


class TwoClients:
    """Two keys of one realm, and one of another; an Authenticator."""

    def principal(self, credential: str) -> Principal | None:
        """See Authenticator."""
        realms = {"first": "default", "second": "default", "third": "other"}
        realm = realms.get(credential)
        scopes = frozenset({Scope.INCIDENTS_WRITE, Scope.PROFILES_READ})
        return Principal(credential, f"client {credential}", realm, scopes) if realm else None

    def refresh(self, credential: str) -> None:
        """See Authenticator."""


@pytest.fixture
def app(database: Database) -> Iterator[tuple[Application, Access]]:
    """The application with these routes, over the store."""
    settings = load_settings(identity_secret=SECRET.decode(), realms={"default": {}, "other": {}})
    access, metrics = access_to(settings, database, lambda _record: None), Metrics()
    pool = ReadPool(lambda: access, lambda _access: None, limits_of(settings), metrics)
    log = AccessLog(lambda: Unowned(database))
    log.start()
    made = application()
    made.include_router(router)
    authenticator: Authenticator = TwoClients()
    made.state.metrics, rates = metrics, RateLimits(1_000)
    marks = Marks(pool)
    kept = log, WritesInWork(), marks, KeyLooks(authenticator), AnswerCache(marks, 0, metrics)
    made.state.api = ApiParts(settings, pool, authenticator, rates, metrics, *kept, pool)
    made.state.begun, made.state.gate = asyncio.Event(), asyncio.Event()
    done.clear()
    yield made, access
    pool.close()
    log.stop()


class Unowned(Database):
    """A connection that stays open."""

    def __init__(self, database: Database) -> None:
        vars(self).update(vars(database))

    def close(self) -> None:
        """Leave it open."""


def client_of(app: Application, key: str = "first") -> httpx.AsyncClient:
    """A client with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    transport = ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


async def post(app: Application, key: str, body: bytes, client: str = "first") -> httpx.Response:
    """One write."""
    headers = {"Idempotency-Key": key} if key else {}
    async with client_of(app, client) as opened:
        return await opened.post("/v1/test/things", content=body, headers=headers)


async def test_a_repeated_write_gets_the_first_answer(app: tuple[Application, Access]) -> None:
    """Byte for byte, and says so; without a key each is done."""
    first = await post(app[0], "a-1", b"one")
    again = await post(app[0], "a-1", b"one")
    assert (first.status_code, first.content) == (201, b'{"number": 1}')
    assert (again.status_code, again.content) == (201, b'{"number": 1}')
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers[REPLAYED] == "true"
    assert REPLAYED not in first.headers
    for number in (2, 3):
        assert (await post(app[0], "", b"one")).json() == {"number": number}
    assert done == [b"one"] * 3


async def test_a_key_is_for_one_request_of_one_client(app: tuple[Application, Access]) -> None:
    """Another request under it is a mistake, the key of another client a new one."""
    await post(app[0], "a-1", b"one")
    reused = await post(app[0], "a-1", b"two")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    for client in ("second", "third"):
        assert (await post(app[0], "a-1", b"two", client)).status_code == 201
    assert done == [b"one", b"two", b"two"]


async def test_a_refused_write_may_be_tried_again(app: tuple[Application, Access]) -> None:
    """An error is not kept."""
    for _ in range(2):
        refused = await post(app[0], "a-2", b"refused")
        assert (refused.status_code, refused.json()["code"]) == (409, "invalid-state")
    assert (await post(app[0], "a-2", b"good")).status_code == 201


@pytest.mark.parametrize("key", ["a b", "x" * 201])
async def test_a_wrong_key_is_refused(app: tuple[Application, Access], key: str) -> None:
    """Before anything is written."""
    answer = await post(app[0], key, b"one")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")
    assert not done


async def test_two_at_once_are_done_once(app: tuple[Application, Access]) -> None:
    """The second is asked to come again, and then gets the answer of the first."""
    first = asyncio.create_task(post(app[0], "a-3", b"slow"))
    await asyncio.wait_for(app[0].state.begun.wait(), 30)
    second = await post(app[0], "a-3", b"slow")
    assert (second.status_code, second.json()["code"]) == (409, "invalid-state")
    app[0].state.gate.set()
    assert (await first).status_code == 201
    assert (await post(app[0], "a-3", b"slow")).headers[REPLAYED] == "true"
    assert done == [b"slow"]


async def test_reads_leave_a_trace(app: tuple[Application, Access]) -> None:
    """Who, what, why, and the id of the request that the answer has, too."""
    made, access = app
    async with client_of(made, "second") as client:
        answer = await client.get("/v1/test/profiles", headers={"X-Purpose": "ticket 4711"})
    made.state.api.access_log.stop()
    [page] = ACCESS_LIST.run(access, AccessRequest(realm="default"))
    [entry] = page.entries
    assert (entry.key_id, entry.key_name, entry.purpose) == (
        "second", "client second", "ticket 4711",
    )  # fmt: skip
    assert entry.profile_ids == (UUID(int=1), UUID(int=2))
    assert (entry.operation, entry.count, entry.status) == ("profile_get", 2, 200)
    assert entry.request_id == answer.headers["X-Request-ID"]
    async with client_of(made, "second") as client:
        refused = await client.get("/v1/test/profiles")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")

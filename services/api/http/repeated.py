"""Writes that a client may send again: the same `Idempotency-Key` gets the same answer for a day.

Without the header a write is done as often as it is sent. What a route writes must be idempotent by
itself: two processes may do it at the same moment (services/api/idempotency.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Header, Request, Response

from schemas.api.problem import ProblemCode
from services.api.http.caller import Caller
from services.api.http.parts import api_parts
from services.api.http.problems import Problem
from services.api.http.run import JSON
from services.api.idempotency import KeptAnswer, WriteKey, request_hash
from services.runtime.clock import utc_now

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="Makes it safe to send the request again: for a day it gets the same answer.",
    ),
]
REPLAYED = "Idempotency-Replayed"


async def once(
    request: Request,
    caller: Caller,
    idempotency_key: str,
    body: bytes,
    write: Callable[[], Awaitable[Response]],
) -> Response:
    """The answer of `write`, or that of an earlier request with the same key.

    Errors are not kept: the client corrects the request, or tries again. Raises Problem 422 for
    another request under the same key, InvalidState (409) while the first one is being answered,
    InvalidInput for a key that is none.
    """
    if not idempotency_key:
        return await write()
    parts = api_parts(request)
    key = WriteKey.checked(caller.realm, caller.principal.key_id, idempotency_key)
    asked = request_hash(request.method, request.url.path, body)
    with parts.in_work.reserved(key):
        now = utc_now()
        kept = await parts.pool.run(lambda access: access.reads.answers.find(key, now))
        if kept is not None:
            return _again(kept, asked)
        answer = await write()
        if answer.status_code < 400:
            given = KeptAnswer(asked, answer.status_code, bytes(answer.body))
            await parts.pool.run(lambda access: access.writes.keep_answer(key, given, now))
        return answer


def _again(kept: KeptAnswer, asked: str) -> Response:
    if kept.request_hash != asked:
        detail = "the idempotency key came before with another request; use a new one"
        raise Problem(ProblemCode.KEY_REUSED, detail)
    return Response(kept.body, kept.status, {REPLAYED: "true"}, JSON)

"""Running operations for requests, and the answers that come of them.

An operation runs in the pool of read connections. A document is written as the command line prints
it with `--json`, so both give the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Path, Query, Request, Response
from pydantic import BaseModel

from schemas.api.problem import ProblemCode
from services.api.answer_cache import ReadAnswer, etag_of, is_known
from services.api.cursors import CURSOR_CHARS_MAX
from services.api.http.parts import api_parts
from services.api.operation import In, Operation, Out, part_of, plain
from services.api.pool import SLOW, ReadPool
from services.api.ports import Access
from services.runtime.errors import Retry
from services.store.asked import recorded

T = TypeVar("T")
READ_PROBLEMS = (
    ProblemCode.INVALID_REQUEST,
    ProblemCode.NO_VALID_KEY,
    ProblemCode.NOT_ALLOWED,
    ProblemCode.NOT_FOUND,
    ProblemCode.RATE_LIMITED,
    ProblemCode.INTERNAL_ERROR,
    ProblemCode.UNAVAILABLE,
    ProblemCode.TOO_BUSY,
    ProblemCode.NOT_VISIBLE_YET,
    ProblemCode.OUT_OF_RESOURCES,
)
"""What every route that reads may answer instead."""
OF_PROFILE_PROBLEMS = (*READ_PROBLEMS, ProblemCode.ERASED)
"""What every route of one profile may answer instead."""
LIST_PROBLEMS = tuple(code for code in READ_PROBLEMS if code is not ProblemCode.NOT_FOUND)
BODY_PROBLEMS = (
    ProblemCode.INCOMPLETE,
    ProblemCode.REQUEST_TOO_SLOW,
    ProblemCode.TOO_LARGE,
    ProblemCode.COMPRESSED,
    ProblemCode.TOO_MANY_BYTES,
)
"""What every route that takes a document may answer, too."""
Cursor = Annotated[
    str, Query(max_length=CURSOR_CHARS_MAX, description="`page.next` of the page before.")
]
"""Parameter of a list."""
ProfileId = Annotated[UUID, Path(description="Any id that the profile or an identifier ever had.")]
"""Parameter of a path."""
ROWS_MAX = 10_000
"""Of one answer, whatever was asked for."""
JSON = "application/json"
READ_AT = "as_of"
"""The member that says when a document was read: no part of its version."""
OK, NOT_MODIFIED = 200, 304
NOT_MODIFIED_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    OK: {
        "headers": {
            "ETag": {
                "description": "The version of what the document says, whenever it was read.",
                "required": True,
                "schema": {"type": "string"},
            }
        }
    },
    NOT_MODIFIED: {
        "description": "The client has this version: its ETag stands in `If-None-Match`."
    },
}
"""What a route with kept answers says of them in OpenAPI."""
MARK = "mark"
"""State of a request: how far the data had come before it was read."""


async def rows(
    request: Request,
    operation: Operation[In, Out],
    asked: In,
    pool: ReadPool[Access] | None = None,
) -> list[Out]:
    """The rows of an operation, read on a connection of `pool`, or of the usual one.

    Raises C360Error, which the application answers with a problem.
    """

    def read(access: Access) -> list[Out]:
        return list(islice(operation.run(access, asked), ROWS_MAX))

    parts = api_parts(request)
    reading = pool or parts.pool

    async def marked() -> list[Out]:
        setattr(request.state, MARK, await parts.marks.latest())
        return await reading.run(read)

    return await _in_time(reading, marked())


async def one(
    request: Request,
    operation: Operation[In, Out],
    asked: In,
    pool: ReadPool[Access] | None = None,
) -> Out:
    """The only row of an operation that gives one."""
    [found] = await rows(request, operation, asked, pool)
    return found


async def kept(
    request: Request,
    operation: Operation[In, Out],
    asked: In,
    subjects: Callable[[Out], Iterable[UUID]],
    fields: frozenset[str] | None = None,
) -> ReadAnswer:
    """The one document of an operation, as it is or as it was read before and has not changed.

    Args:
        subjects: the profiles that it tells of, for the note in the access log: kept answers need
            one as others do.
        fields: the top-level fields that are wanted; None for all.

    Raises C360Error as `rows` does.
    """
    parts = api_parts(request)

    def read(access: Access) -> ReadAnswer:
        with recorded() as keys:
            [row] = operation.run(access, asked)
        written = plain(row)
        if fields is not None:
            written = part_of(written, fields)
        timeless = part_of(written, written.keys() - {READ_AT})
        return ReadAnswer(
            orjson.dumps(written),
            etag_of(orjson.dumps(timeless)),
            tuple(subjects(row)),
            frozenset(keys.keys) if keys.is_complete else None,
        )

    async def marked() -> ReadAnswer:
        mark = await parts.marks.latest()
        setattr(request.state, MARK, mark)
        key = operation.name, asked.model_dump_json(), fields
        return await parts.answers.answer(mark.number, key, lambda: parts.pool.run(read))

    return await _in_time(parts.pool, marked())


async def _in_time(pool: ReadPool[Access], reading: Awaitable[T]) -> T:
    """The mark and the read together take no longer than one of them may. Raises Retry."""
    try:
        async with asyncio.timeout(pool.longest_s):
            return await reading
    except TimeoutError as error:
        raise Retry("the store has not answered in time", reason=SLOW) from error


def kept_document(request: Request, answer: ReadAnswer, **headers: str) -> Response:
    """The answer with it, or 304 without it for a client that has this version (RFC 9110, 13.1.2).

    Both tell the client of the profiles: note it before you give the answer.
    """
    named = {"ETag": answer.etag, **_named(headers)}
    if is_known(answer.etag, request.headers.get("if-none-match")):
        return Response(None, NOT_MODIFIED, named)
    return Response(answer.body, OK, named, JSON)


def document(row: BaseModel, status: int = 200, **headers: str) -> Response:
    """The answer with one document; names of headers have `_` for `-`."""
    return _response(plain(row), status, headers)


def page(found: Sequence[BaseModel], following: str | None, **headers: str) -> Response:
    """The answer with a page of a list, and the cursor of the next one."""
    return listed(map(plain, found), following, **headers)


def listed(found: Iterable[Any], following: str | None, **headers: str) -> Response:
    """The same, of rows that are JSON values already."""
    body = {"data": list(found), "page": {"next": following, "has_more": following is not None}}
    return _response(body, 200, headers)


def merged(asked: UUID, held_by: UUID) -> dict[str, str]:
    """The header that names the profile which holds an id now, if that is another id."""
    return {} if asked == held_by else {"Merged_Into": str(held_by)}


def _response(body: Any, status: int, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), status, _named(headers), JSON)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}

"""Bodies packed by gzip: unpacked no further than the limit, and counted before and after."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from typing import Any

import pytest
from fastapi import Request

from schemas.api.problem import ProblemCode
from services.api.http.bodies import read_packed_body
from services.api.http.problems import Problem

LIMIT = 100_000


def read(body: bytes, encoding: bytes = b"gzip", taken: list[int] | None = None) -> bytes:
    """The body of a request."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    head = [(b"content-encoding", encoding), (b"content-length", str(len(body)).encode())]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": head}, receive)
    sizes = [] if taken is None else taken
    return asyncio.run(read_packed_body(request, LIMIT, sizes.append))


def test_what_is_packed_and_what_it_becomes_is_counted() -> None:
    """Both are in memory."""
    taken: list[int] = []
    packed = gzip.compress(b"x" * LIMIT)
    assert read(packed, taken=taken) == b"x" * LIMIT
    assert [size for size in taken if size] == [len(packed), LIMIT]


@pytest.mark.parametrize("encoding", [b"", b"identity"])
def test_a_plain_body_is_read_as_it_is(encoding: bytes) -> None:
    """Nothing says that it is packed."""
    assert read(b"{}", encoding) == b"{}"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (gzip.compress(b"x" * (LIMIT + 1)), ProblemCode.TOO_LARGE),
        (b"x" * (LIMIT + 1), ProblemCode.TOO_LARGE),
        (gzip.compress(b"x")[:-1], ProblemCode.INVALID_REQUEST),
        (gzip.compress(b"x") + b"y", ProblemCode.INVALID_REQUEST),
        (b"no gzip", ProblemCode.INVALID_REQUEST),
        (b"", ProblemCode.INVALID_REQUEST),
    ],
    ids=["packed", "plain", "cut", "longer", "not packed", "empty"],
)
def test_what_cannot_be_unpacked_is_refused(body: bytes, code: ProblemCode) -> None:
    """As too large, or as damaged."""
    with pytest.raises(Problem) as refused:
        read(body)
    assert refused.value.code is code


@pytest.mark.parametrize("encoding", [b"br", b"gzip, gzip", b"deflate"])
def test_nothing_else_is_unpacked(encoding: bytes) -> None:
    """Nor twice."""
    with pytest.raises(Problem) as refused:
        read(gzip.compress(b"x"), encoding)
    assert refused.value.code is ProblemCode.COMPRESSED


def test_a_bomb_takes_no_memory() -> None:
    """A body of 40 KB that would become 40 MB."""
    bomb = gzip.compress(b"\0" * 40_000_000)
    assert len(bomb) < LIMIT
    tracemalloc.start()
    try:
        with pytest.raises(Problem):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 20 * LIMIT
    finally:
        tracemalloc.stop()

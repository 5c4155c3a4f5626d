"""Request bodies, read no further than a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from schemas.api.problem import ProblemCode
from services.api.http.problems import Problem


async def read_body(
    request: Request, bytes_max: int, take: Callable[[int], object] = lambda size: None
) -> bytes:
    """The body, in memory; `take` hears the size of each part before it is kept.

    Raises Problem 415 for a compressed body, 413 as soon as it exceeds `bytes_max`, 400 when its
    sender disconnects, and what `take` raises.
    """
    _require_uncompressed(request)
    announced = request.headers.get("content-length", "0")  # digits: h11 has checked it
    body = bytearray()
    _check_size(int(announced), bytes_max)
    async for part in _parts(request):
        _check_size(len(body) + len(part), bytes_max)
        take(len(part))
        body += part
    return bytes(body)


def _require_uncompressed(request: Request) -> None:
    """What a small body becomes, nobody knows before it is unpacked."""
    encodings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if any(one.strip() not in ("", "identity") for one in encodings):
        raise Problem(
            ProblemCode.COMPRESSED, "send the body uncompressed", Accept_Encoding="identity"
        )


def _check_size(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise Problem(
            ProblemCode.TOO_LARGE, f"a request may have {bytes_max} bytes; send less at once"
        )


async def _parts(request: Request) -> AsyncIterator[bytes]:
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect as error:
        raise Problem(
            ProblemCode.INCOMPLETE, "the connection closed before the body ended"
        ) from error

"""Request bodies, read no further than a limit."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from starlette.requests import ClientDisconnect

from schemas.api.problem import ProblemCode
from services.api.http.problems import Problem

GZIP = 16 + zlib.MAX_WBITS
"""How zlib is asked for gzip."""


async def read_body(
    request: Request, bytes_max: int, take: Callable[[int], object] = lambda size: None
) -> bytes:
    """The body, in memory; `take` hears the size of each part before it is kept.

    Raises Problem 415 for a compressed body, 413 as soon as it exceeds `bytes_max`, 400 when its
    sender disconnects, and what `take` raises.
    """
    _require_uncompressed(request)
    return await _read(request, bytes_max, take)


async def _read(request: Request, bytes_max: int, take: Callable[[int], object]) -> bytes:
    announced = request.headers.get("content-length", "0")  # digits: h11 has checked it
    body = bytearray()
    _check_size(int(announced), bytes_max)
    async for part in _parts(request):
        _check_size(len(body) + len(part), bytes_max)
        take(len(part))
        body += part
    return bytes(body)


async def read_packed_body(
    request: Request, bytes_max: int, take: Callable[[int], object] = lambda size: None
) -> bytes:
    """The same of a body that may be packed by gzip; `bytes_max` holds before and after.

    Also raises Problem 400 for what gzip cannot unpack.
    """
    if _encodings(request) != ["gzip"]:
        return await read_body(request, bytes_max, take)
    body = _unpacked(await _read(request, bytes_max, take), bytes_max)
    take(len(body))
    return body


def _unpacked(packed: bytes, bytes_max: int) -> bytes:
    """Unpacked no further than the limit: what a small body becomes, nobody knows before."""
    gzip = zlib.decompressobj(GZIP)
    try:
        body = gzip.decompress(packed, bytes_max + 1)
    except zlib.error:
        raise Problem(ProblemCode.INVALID_REQUEST, "gzip cannot unpack the body") from None
    _check_size(len(body), bytes_max)
    if not gzip.eof or gzip.unused_data:
        raise Problem(ProblemCode.INVALID_REQUEST, "the body is no whole gzip document")
    return body


def _require_uncompressed(request: Request) -> None:
    """What a small body becomes, nobody knows before it is unpacked."""
    if _encodings(request):
        raise Problem(
            ProblemCode.COMPRESSED, "send the body uncompressed", Accept_Encoding="identity"
        )


def _encodings(request: Request) -> list[str]:
    named = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    return [one.strip() for one in named if one.strip() not in ("", "identity")]


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

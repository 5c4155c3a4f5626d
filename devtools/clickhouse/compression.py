"""Content encodings in both directions, as the HTTP clients of ClickHouse ask for them."""

from __future__ import annotations

from typing import Any

import cramjam

from devtools.clickhouse.errors import QueryRefusal

# The server's order of preference among what a client accepts.
MODULES: dict[str, Any] = {
    "br": cramjam.brotli,
    "lz4": cramjam.lz4,
    "gzip": cramjam.gzip,
    "deflate": cramjam.zlib,
    "zstd": cramjam.zstd,
}


def choose_encoding(accepted: str) -> str | None:
    """The encoding of an answer, from the Accept-Encoding header."""
    offers = {offer.split(";")[0].strip().lower() for offer in accepted.split(",")}
    return next((name for name in MODULES if name in offers), None)


def decoded(body: bytes, encoding: str) -> bytes:
    """A request body without its content encoding. Raises QueryRefusal."""
    if encoding in ("", "identity"):
        return body
    if encoding not in MODULES:
        raise QueryRefusal.of(89, f"Unknown compression method: {encoding}")
    try:
        return bytes(MODULES[encoding].decompress(body))
    except cramjam.DecompressionError as error:
        raise QueryRefusal.of(271, f"The body is no {encoding}: {error}") from error


class Encoder:
    """Encodes an answer piece by piece; each piece can be decoded when it arrives."""

    def __init__(self, encoding: str | None) -> None:
        self._compressor = None if encoding is None else MODULES[encoding].Compressor()

    def encode(self, piece: bytes) -> bytes:
        """One more piece."""
        if self._compressor is None:
            return piece
        self._compressor.compress(piece)
        return bytes(self._compressor.flush())

    def finish(self) -> bytes:
        """What ends the answer."""
        return b"" if self._compressor is None else bytes(self._compressor.finish())

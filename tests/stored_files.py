"""What the files of a ClickHouse directory hold, as a person with a disk and time would read them.

A search of columns sees the rows of active parts. Here every file of the directory is read, and
compressed blocks are unpacked: parts that were replaced, indexes, marks, mutations, logs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from struct import unpack_from

import cramjam

BEGINNING = 4
CHECKSUM_BYTES, HEAD = 16, 9
"""Before each block its checksum; then method, packed size (with this head) and unpacked size."""
PLAIN, LZ4, ZSTD, SEVERAL = 0x02, 0x82, 0x90, 0x91


class UnknownMethod(Exception):
    """A block is compressed in a way that would hide its content from the search."""


def texts_in(directory: Path, texts: Collection[str]) -> dict[str, set[str]]:
    """Of those texts that stand in a file below the directory, in any letter case: which files."""
    beginning_with: dict[bytes, dict[str, bytes]] = {}
    for text in texts:
        needle = text.casefold().encode()
        beginning_with.setdefault(needle[:BEGINNING], {})[text] = needle
    found: dict[str, set[str]] = {}
    for file in sorted(one for one in directory.rglob("*") if one.is_file()):
        content = file.read_bytes()
        for piece in (content, *unpacked(content)):
            lowered = piece.lower()
            # Hundreds of texts have few beginnings, and most files have none of them.
            for beginning, needles in beginning_with.items():
                if beginning not in lowered:
                    continue
                for text, needle in needles.items():
                    if needle in lowered:
                        found.setdefault(text, set()).add(str(file.relative_to(directory)))
    return found


def unpacked(content: bytes) -> Iterator[bytes]:
    """The content of a file of compressed blocks in one piece; nothing of any other file."""
    pieces, at = list[bytes](), 0
    while at < len(content):
        block = _block(content, at)
        if block is None:
            return
        size, piece = block
        pieces.append(piece)
        at += size
    if pieces:
        yield b"".join(pieces)


def _block(content: bytes, at: int) -> tuple[int, bytes] | None:
    start = at + CHECKSUM_BYTES
    if start + HEAD > len(content):
        return None
    method, packed, size = unpack_from("<BII", content, start)
    known = method in (PLAIN, LZ4, ZSTD, SEVERAL)
    if not known or packed < HEAD or start + packed > len(content) or size > 1 << 30:
        return None
    return CHECKSUM_BYTES + packed, _plain(method, content[start + HEAD : start + packed], size)


def _plain(method: int, body: bytes, size: int) -> bytes:
    if method == LZ4:
        return bytes(cramjam.lz4.decompress_block(body, output_len=size))
    if method == ZSTD:
        return bytes(cramjam.zstd.decompress(body))
    if method == PLAIN:
        return body
    raise UnknownMethod("blocks of several codecs are not read yet; read them here")

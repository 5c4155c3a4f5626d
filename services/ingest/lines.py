"""Lines of a file or standard input, plain or gzip, with bounded memory whatever the input holds.

An oversized line is not read into memory: it is truncated, and its size is kept.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from schemas.touchpoint import EVENT_BYTES_MAX
from services.runtime.errors import C360Error

KEPT_BYTES_MAX = 64 * 1024
READ_BYTES = 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b"
SNIFFED_BYTES = 4096


class Line(NamedTuple):
    """One line without its line break. `size` is its length as sent; `content` may be truncated."""

    content: bytes
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether the line fits the limit of an event."""
        return self.size <= EVENT_BYTES_MAX


class InputError(C360Error):
    """The input cannot be read (further)."""

    exit_code = 65


class InputMissing(InputError):
    """There is no such file."""

    exit_code = 66


def read_lines(name: str) -> Iterator[Line]:
    """Lines of the file `name`, without their numbers. Raises as numbered_lines."""
    for _, line in numbered_lines(name):
        yield line


def numbered_lines(name: str) -> Iterator[tuple[int, Line]]:
    """Lines of the file `name`, or of standard input for `-`, each with its number in it.

    Blank lines are counted and skipped.

    Raises:
        InputMissing: the file does not exist or may not be read.
        InputError: it is not text, or a gzip file ends too early; the lines before that were
            yielded.
    """
    try:
        stream = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115
    except OSError as error:
        raise InputMissing(f"cannot read {name}: {error.strerror}") from error
    with stream:
        buffered = cast(io.BufferedReader, stream)
        head = buffered.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
        if head.startswith(GZIP_MAGIC):
            with gzip.open(buffered, "rb") as unpacked:
                yield from _unpacked_lines(name, cast(BinaryIO, unpacked))
        elif b"\x00" in head:
            raise InputError(
                f"{name} is no text: it holds NUL bytes. Expected are JSON lines in UTF-8, plain "
                "or gzip; nothing of it was read."
            )
        else:
            yield from split_lines(buffered)


def _unpacked_lines(name: str, unpacked: BinaryIO) -> Iterator[tuple[int, Line]]:
    try:
        yield from split_lines(unpacked)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{name} is a damaged or truncated gzip file ({error}). The lines before the damage "
            "were processed; get the file whole and run the same command again: repeated events "
            "do no harm."
        ) from error


def split_lines(stream: BinaryIO) -> Iterator[tuple[int, Line]]:
    """Numbered lines of a binary stream; at most `KEPT_BYTES_MAX` bytes of a line are kept."""
    number = 0
    while content := stream.readline(KEPT_BYTES_MAX):
        number += 1
        if number == 1:  # some editors start a file with a byte order mark
            content = content.removeprefix(BOM_UTF8)
        size = len(content)
        if size == KEPT_BYTES_MAX and not content.endswith(b"\n"):
            size += _skip_rest(stream)
            yield number, Line(content, size)
        elif stripped := content.strip():
            yield number, Line(stripped, len(stripped))


def _skip_rest(stream: BinaryIO) -> int:
    """Skip the rest of an oversized line; its length."""
    skipped = 0
    while part := stream.readline(READ_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped

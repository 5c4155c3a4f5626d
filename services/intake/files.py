"""Reads files or standard input, plain or gzip, with bounded memory whatever the input holds.

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
from typing import BinaryIO, cast

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.ingest.lines import KEPT_BYTES_MAX, InputError, InputMissing, Line
from services.intake.format import Format
from services.intake.formats.touchpoint import FORMAT as NATIVE

READ_BYTES = 1024 * 1024
GZIP_MAGIC = b"\x1f\x8b"
SNIFFED_BYTES = 4096


def read_lines(name: str, layout: Format = NATIVE) -> Iterator[Line]:
    """Touchpoints of the file `name`, each as a line. Raises as numbered_lines.

    A payload that cannot be read comes out as one line with its fault.
    """
    kept_bytes_max = max(KEPT_BYTES_MAX, layout.payload_bytes_max)
    for _, payload in numbered_lines(name, kept_bytes_max):
        if payload.size > layout.payload_bytes_max:
            message = f"{payload.size} bytes, at most {layout.payload_bytes_max}"
            yield _unreadable(payload, Fault(RejectReason.TOO_LARGE, "", message))
            continue
        found = layout.touchpoints(payload.content)
        if isinstance(found, Fault):
            yield _unreadable(payload, found)
        else:
            yield from (Line(one, len(one)) for one in found)


def _unreadable(payload: Line, fault: Fault) -> Line:
    return Line(payload.content[:KEPT_BYTES_MAX], payload.size, fault)


def numbered_lines(name: str, kept_bytes_max: int = KEPT_BYTES_MAX) -> Iterator[tuple[int, Line]]:
    """Lines of the file `name`, or of standard input for `-`, each with its number in it.

    Blank lines are counted and skipped; at most `kept_bytes_max` bytes of a line are kept.

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
                yield from _unpacked_lines(name, cast(BinaryIO, unpacked), kept_bytes_max)
        elif b"\x00" in head:
            raise InputError(
                f"{name} is no text: it holds NUL bytes. Expected are JSON lines in UTF-8, plain "
                "or gzip; nothing of it was read."
            )
        else:
            yield from split_lines(buffered, kept_bytes_max)


def _unpacked_lines(
    name: str, unpacked: BinaryIO, kept_bytes_max: int
) -> Iterator[tuple[int, Line]]:
    try:
        yield from split_lines(unpacked, kept_bytes_max)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            f"{name} is a damaged or truncated gzip file ({error}). The lines before the damage "
            "were processed; get the file whole and run the same command again: repeated events "
            "do no harm."
        ) from error


def split_lines(stream: BinaryIO, kept_bytes_max: int) -> Iterator[tuple[int, Line]]:
    """Numbered lines of a binary stream; at most `kept_bytes_max` bytes of a line are kept."""
    number = 0
    while content := stream.readline(kept_bytes_max):
        number += 1
        if number == 1:  # some editors start a file with a byte order mark
            content = content.removeprefix(BOM_UTF8)
        size = len(content)
        if size == kept_bytes_max and not content.endswith(b"\n"):
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

"""Reads files or standard input, plain or gzip, with bounded memory whatever the input holds.

An oversized line is not read into memory: it is truncated, and its size is kept. What a file is,
its head says (shape.py); every line knows its file and number, for whoever has to correct it.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.ingest.lines import KEPT_BYTES_MAX, InputError, InputMissing, Line
from services.intake.documents import CutOff, documents
from services.intake.format import (
    FileFormat,
    FilePart,
    Format,
    Ignored,
    UnreadableFile,
    lines_of,
)
from services.intake.formats.touchpoint import FORMAT as NATIVE
from services.intake.shape import Empty, NoEvents, Shape, shape_of

READ_BYTES = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"
HEAD_BYTES = 64 * 1024
STANDARD_INPUT = "standard input"


def read_lines(
    name: str, layout: Format | FileFormat = NATIVE, ignored: Counter[str] | None = None
) -> Iterator[Line]:
    """Touchpoints of the file `name`, each as a line. Raises as numbered_lines.

    A payload, or a message of it, that cannot be read comes out as one line with its fault. What
    says nothing of customers is counted in `ignored`.
    """
    if isinstance(layout, FileFormat):
        yield from _whole(name, layout, Counter() if ignored is None else ignored)
        return
    kept_bytes_max = max(KEPT_BYTES_MAX, layout.payload_bytes_max)
    for number, payload in numbered_lines(
        name, kept_bytes_max, lists=layout.lists, is_json=layout.is_json
    ):
        place = f"{named(name)}, line {number}"
        if payload.size > layout.payload_bytes_max:
            message = f"{payload.size} bytes, at most {layout.payload_bytes_max}"
            fault = Fault(RejectReason.TOO_LARGE, "", message)
            yield _unreadable(payload, fault, place, layout)
            continue
        found = layout.touchpoints(payload.content)
        if isinstance(found, Fault):
            yield _unreadable(payload, found, place, layout)
        else:
            yield from lines_of(found, place)


def _whole(name: str, layout: FileFormat, ignored: Counter[str]) -> Iterator[Line]:
    """Of a format of whole files."""
    try:
        with ExitStack() as opened:
            for place, found in _parts(name, layout, opened):
                if isinstance(found, Ignored):
                    ignored[found.name] += 1
                else:
                    yield from lines_of([found], f"{named(name)}, {place}")
    except UnreadableFile as error:
        raise InputError(f"{named(name)} {error}") from error
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(_damaged(name, f"damaged or truncated ({error})")) from error


def _parts(name: str, layout: FileFormat, opened: ExitStack) -> Iterator[FilePart]:
    if layout.read_directory is not None and _is_directory(name):
        return layout.read_directory(Path(name))
    stream = opened.enter_context(_opened(name))
    if not stream.seekable():
        stream = cast(BinaryIO, io.BufferedReader(_Peeked(cast(io.BufferedReader, stream))))
    head = cast(io.BufferedReader, stream).peek(len(GZIP_MAGIC))
    if head.startswith(GZIP_MAGIC):
        stream = cast(BinaryIO, opened.enter_context(gzip.GzipFile(fileobj=stream)))
    return layout.read(stream)


def _is_directory(name: str) -> bool:
    return name != "-" and Path(name).is_dir()


def _unreadable(payload: Line, fault: Fault, place: str, layout: Format) -> Line:
    kept = payload.content[:KEPT_BYTES_MAX] if layout.keeps_unread else b""
    return Line(kept, payload.size, fault, place)


def named(name: str) -> str:
    """The name of a file in messages, on one line; a name may have bytes that are no UTF-8."""
    if name == "-":
        return STANDARD_INPUT
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name)


def require_files(names: list[str], layout: Format | FileFormat = NATIVE) -> None:
    """Raises InputMissing for the first that cannot be opened, before anything is read.

    A pipe is not tried: opening and closing it would end its writer.
    """
    has_directories = isinstance(layout, FileFormat) and layout.read_directory is not None
    for name in names:
        if has_directories and _is_directory(name):
            continue
        if name != "-" and not Path(name).is_fifo():
            _opened(name).close()


def _opened(name: str) -> BinaryIO:
    try:
        return sys.stdin.buffer if name == "-" else Path(name).open("rb")
    except OSError as error:
        raise InputMissing(f"cannot read {named(name)}: {error.strerror}") from error


def numbered_lines(
    name: str,
    kept_bytes_max: int = KEPT_BYTES_MAX,
    *,
    lists: bool = True,
    is_json: bool = True,
) -> Iterator[tuple[int, Line]]:
    """Events of the file `name`, or of standard input for `-`, each with the number of its line.

    Blank lines are counted and skipped; at most `kept_bytes_max` bytes of an event are kept.

    Args:
        lists: the elements of a list or of a request body are events of their own.
        is_json: other texts are refused; else each line counts, whatever it holds.

    Raises:
        InputMissing: the file does not exist or may not be read.
        InputError: it holds no events, or ends too early; the events before that were yielded.
    """
    with _opened(name) as stream:
        try:
            raw = _Peeked(cast(io.BufferedReader, stream))
            if raw.head.startswith(GZIP_MAGIC):
                with gzip.open(io.BufferedReader(raw), "rb") as unpacked:
                    text = _Peeked(cast(io.BufferedReader, unpacked))
                    yield from _text_lines(text, kept_bytes_max, lists, is_json)
            else:
                yield from _text_lines(raw, kept_bytes_max, lists, is_json)
        except Empty as error:
            if name != "-":  # a pipe through which nothing comes is no fault
                raise InputError(f"{named(name)} is empty: it holds no event") from error
        except NoEvents as error:
            raise InputError(f"{named(name)} {error}") from error
        except CutOff as error:
            raise InputError(_damaged(name, f"cut off: {error}")) from error
        except (EOFError, OSError, zlib.error) as error:
            what = f"a damaged or truncated gzip file ({error})"
            raise InputError(_damaged(name, what)) from error


def _damaged(name: str, what: str) -> str:
    return (
        f"{named(name)} is {what}. The events before the damage were processed; get the file whole "
        "and run the same command again: repeated events do no harm."
    )


class _Peeked(io.RawIOBase):
    """A stream whose head was read already, and is read again from here."""

    def __init__(self, stream: io.BufferedReader) -> None:
        """A pipe gives what it has: whoever writes into it may write the rest much later."""
        self._stream = stream
        self._damage: Exception | None = None
        parts, room = [], HEAD_BYTES
        try:
            while room > 0 and (part := stream.read1(room)):
                parts.append(part)
                room -= len(part)
                if not stream.seekable():
                    break
        except (EOFError, OSError, zlib.error) as error:
            self._damage = error
        self.head = self._rest = b"".join(parts)
        if self._damage is not None and not self.head:
            raise self._damage
        self.is_whole = not self.head or (room > 0 and stream.seekable())

    def readable(self) -> bool:
        """See RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See RawIOBase. Raises the damage that reading the head met, once the head is read."""
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        if not part and self._damage is not None:
            raise self._damage
        part = part or self._stream.read1(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _text_lines(
    peeked: _Peeked, kept_bytes_max: int, lists: bool, is_json: bool
) -> Iterator[tuple[int, Line]]:
    shape = shape_of(peeked.head, peeked.is_whole, lists=lists, is_json=is_json)
    stream = io.BufferedReader(peeked, HEAD_BYTES)
    if shape is Shape.LINES:
        yield from split_lines(stream, kept_bytes_max)
        return
    for found in documents(stream, kept_bytes_max, lists=lists):
        yield found.line, Line(found.content, found.size)


def split_lines(stream: BinaryIO, kept_bytes_max: int) -> Iterator[tuple[int, Line]]:
    """Numbered lines of a binary stream; at most `kept_bytes_max` bytes of a line are kept."""
    number = 0
    while content := stream.readline(kept_bytes_max):
        number += 1
        # Some editors begin a file with a byte order mark; joined files have it anywhere.
        content = content.removeprefix(BOM_UTF8)
        size = len(content)
        if size >= kept_bytes_max - len(BOM_UTF8) and not content.endswith(b"\n"):
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

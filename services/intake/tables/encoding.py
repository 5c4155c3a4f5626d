"""The encoding of a text file, decided by all of its bytes: UTF-8, UTF-16 or Windows-1252.

Three encodings and their marks make a closed question, which bytes answer; what answers it twice,
or not at all, is refused until the map says it. Nothing is replaced.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from services.ingest.core.encoding import wide_encoding
from services.ingest.lines import InputError
from services.intake.tables.opened import TableFile

PART_BYTES = 1 << 20
UTF_8, UTF_8_MARKED, WINDOWS = "utf-8", "utf-8-sig", "cp1252"
NOT_IN_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
OTHER_LETTERS = re.compile(rb"[A-Za-z][\x81\x84\x8a\x94\x9f][a-z]|(?<![A-Za-z])\x99[a-z]{2}")
"""Umlauts of DOS and of old Macintosh computers where words have no such letters of Windows: within
them, and the capital O before others."""
SAY = 'say it: encoding = "…" in the map, or --set encoding=…'


class Encoding(NamedTuple):
    """An encoding, as Python names it, and how it was found."""

    name: str
    how: str


def encoding_of(file: TableFile, stated: str) -> Encoding:
    """The encoding of a file; `stated` is "auto" or a name. Raises InputError."""
    if stated != "auto":
        _require(file, stated)
        if codecs.lookup(stated).name == UTF_8 and file.head.startswith(codecs.BOM_UTF8):
            return Encoding(UTF_8_MARKED, "the map says so")
        return Encoding(stated, "the map says so")
    wide = wide_encoding(file.head)
    if wide:
        marked = file.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        name = "utf-16" if marked and "16" in wide else wide.lower()
        _require(file, name)
        return Encoding(name, "by its byte order mark" if marked else "by its zero bytes")
    if b"\0" in file.head:
        raise InputError(f"{file.name} is no text: it has zero bytes")
    return _narrow(file)


def _narrow(file: TableFile) -> Encoding:
    is_marked = file.head.startswith(codecs.BOM_UTF8)
    letters = False
    try:
        with file.read() as stream:
            for text in _decoded(stream, UTF_8):
                letters = letters or not text.isascii()
    except UnicodeDecodeError as error:
        fault = error
    else:
        if is_marked:
            return Encoding(UTF_8_MARKED, "by its byte order mark")
        return Encoding(UTF_8, "all of it is UTF-8" if letters else "all of it is ASCII")
    if is_marked or letters or _has_letters(fault):
        raise InputError(f"{file.name} is UTF-8 in part only: {fault.reason}; {SAY}")
    return _windows(file)


def _has_letters(fault: UnicodeDecodeError) -> bool:
    """Whether UTF-8 letters stand before the fault in the part that could not be read."""
    return any(byte >= 0x80 for byte in fault.object[: fault.start])


def _windows(file: TableFile) -> Encoding:
    with file.read() as stream:
        last = b""
        while part := stream.read(PART_BYTES):
            if NOT_IN_WINDOWS.search(part) or OTHER_LETTERS.search(last + part):
                raise InputError(
                    f"{file.name} is neither UTF-8 nor Windows-1252, perhaps cp850 or mac-roman; "
                    f"{SAY}"
                )
            last = part[-2:]
    return Encoding(WINDOWS, "it is not UTF-8, and all of it is Windows-1252")


def _require(file: TableFile, name: str) -> None:
    try:
        with file.read() as stream:
            for _ in _decoded(stream, name):
                pass
    except UnicodeError as error:
        reason = getattr(error, "reason", "it has no byte order mark")
        raise InputError(f"{file.name} is not in {name}: {reason}; {SAY}") from error


def _decoded(stream: IO[bytes], name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(name)("strict")
    while part := stream.read(PART_BYTES):
        yield decoder.decode(part)
    yield decoder.decode(b"", True)

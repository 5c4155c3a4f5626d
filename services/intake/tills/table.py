"""Tables of text (CSV) as tills export them, record by record with bounded memory.

A record may go over several lines where a text is quoted. A table that does not hold together is
refused as a whole: with a quote too many, nobody knows which field is which.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple, cast

from services.intake.format import UnreadableFile
from services.intake.tills.keyed_rows import KeyedRow

LINE_CHARS_MAX = 256 * 1024
RECORD_LINES_MAX = 200
"""A quoted text of more lines is a quote that was never closed."""
COLUMNS_MAX = 500
TOO_LONG = f"is no table: line {{}} is longer than {LINE_CHARS_MAX // 1024} KiB"
WESTERN = "cp1252"
"""What programs on Windows write in German that is not UTF-8."""


class Dialect(NamedTuple):
    """How a table is written."""

    delimiter: str = ";"
    quote: str = '"'


class TableRecord(NamedTuple):
    """One record."""

    number: int
    """Of its first line."""
    text: str
    """As it is written, with its line breaks."""
    values: list[str]

    @property
    def row(self) -> KeyedRow:
        """To be kept."""
        return KeyedRow(self.number, self.text)


def text_lines(stream: BinaryIO, encoding: str = "") -> Iterator[str]:
    """The lines of a text. Without a known encoding it is UTF-8, or UTF-16 with its mark; a line
    that is neither is one of Windows. Raises UnreadableFile."""
    reader = cast(io.BufferedReader, stream)
    if not hasattr(stream, "peek"):
        reader = io.BufferedReader(cast(io.RawIOBase, stream))
    head = reader.peek(4)[:4]
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    if encoding and encoding != "utf-8":
        text = io.TextIOWrapper(reader, encoding, newline="")
        try:
            yield from _decoded(text)
        finally:
            with suppress(ValueError):  # whoever opened the stream closed it
                text.detach()
        return
    number = 0
    while line := reader.readline(LINE_CHARS_MAX):
        number += 1
        if len(line) >= LINE_CHARS_MAX:
            raise UnreadableFile(
                f"is no table: line {number} is longer than {LINE_CHARS_MAX:,} bytes"
            )
        if b"\x00" in line:
            raise UnreadableFile(f"is no text: line {number} holds NUL bytes")
        if b"\x00" in line:
            raise UnreadableFile(f"is no text: line {number} holds NUL bytes")
        yield _decoded_line(line.removeprefix(BOM_UTF8) if number == 1 else line, number)


def _decoded(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    try:
        while line := text.readline(LINE_CHARS_MAX):
            number += 1
            if len(line) >= LINE_CHARS_MAX:
                raise UnreadableFile(TOO_LONG.format(number))
            yield line
    except UnicodeError as error:
        message = f"is no text in {text.encoding} after line {number}; export it again in UTF-8"
        raise UnreadableFile(message) from error


def _decoded_line(line: bytes, number: int) -> str:
    for encoding in ("utf-8", WESTERN):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile(f"is no text: line {number} is neither UTF-8 nor Windows-1252")


class _Kept:
    """Lines on their way to a reader, kept until a record of them is whole."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.number = 0
        self.kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.kept.append(line)
        if len(self.kept) > RECORD_LINES_MAX:
            first = self.number - RECORD_LINES_MAX
            raise UnreadableFile(f"is no table: the quote that begins at line {first} does not end")
        return line


def records(lines: Iterable[str], dialect: Dialect) -> Iterator[TableRecord]:
    """The records of a table; empty lines are skipped. Raises UnreadableFile."""
    kept = _Kept(lines)
    reader = csv.reader(
        kept,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,  # a quote that stands anywhere else would take the rows behind it along
    )
    while True:
        kept.kept.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"is no table: line {kept.number} cannot be read ({error})"
            raise UnreadableFile(message) from error
        if len(values) > COLUMNS_MAX:
            raise UnreadableFile(
                f"is no table: line {kept.number} has more than {COLUMNS_MAX} columns"
            )
        if any(value.strip() for value in values):
            yield TableRecord(kept.number - len(kept.kept) + 1, "".join(kept.kept), values)


def values_of(row: KeyedRow, dialect: Dialect) -> list[str]:
    """The values of a record that was kept as text."""
    return next(records(io.StringIO(row.text, newline=""), dialect)).values


def named_values(columns: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """The values of a record by the names of its columns; none for what stands in no column."""
    return {name: value.strip() for name, value in zip(columns, values, strict=False)}

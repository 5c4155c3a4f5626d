"""Splits a stream of JSON documents into its events, by brackets, with bounded memory.

Takes what exporters write besides JSON lines: one list, request bodies `{"batch": [event, …]}`,
objects over several lines or beside each other. No value is parsed, so a fault within one event
costs no other; only brackets that do not match join neighbours. A line break within a string is no
JSON: the string ends there, and with it the damage.
"""

from __future__ import annotations

import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

READ_BYTES = 256 * 1024
TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"|["\[\]{},\n]')
STRING_REST = re.compile(rb'(?:[^"\\\n]++|\\.)*+(["\n])?')
BATCH_KEY = re.compile(rb'"batch"\s*:\s*$')
INDENT = re.compile(rb"\n[ \t\r]*")
BLANK = b" \t\r\n"
KEY_BYTES = 1024
"""Within so many bytes before its list the key of a request body is looked for."""
INDENTED = 4
"""An indented event is read up to so many times its limit, before its blanks are taken out."""
OPENING, CLOSING = (b"[", b"{"), (b"]", b"}")


class Document(NamedTuple):
    """One event, without its line breaks, the line where it begins, and its size."""

    line: int
    content: bytes
    size: int


class CutOff(ValueError):
    """The stream ends within a list or an object."""


class Splitter:
    """Feed it chunks, then `finish`; both give the documents that ended."""

    def __init__(self, kept_bytes_max: int, *, lists: bool) -> None:
        """`lists`: elements of lists and of request bodies are documents of their own."""
        self._kept_bytes_max = kept_bytes_max
        self._lists = lists
        self._line = 1
        self._begun_at = 0
        """Line of the document that is being read; 0 between documents."""
        self._kept = bytearray()
        self._size = 0
        self._depth = 0
        self._list_depth = 0
        """Depth of the list whose elements are documents; 0 outside."""
        self._in_string = False
        self._skips = False
        """In the rest of a request body, behind its list."""

    def feed(self, chunk: bytes) -> Iterator[Document]:
        """The documents that end in this chunk."""
        begin = at = 0
        while at < len(chunk):
            if self._in_string:
                found = STRING_REST.match(chunk, at)
                assert found is not None
                at = max(found.end(), at + 1)
                if found[1] == b"\n":
                    self._line += 1
                self._in_string = found[1] is None
                continue
            found = TOKEN.search(chunk, at)
            if found is None:
                break
            at, token = found.end(), found[0]
            if len(token) > 1:
                self._begun_at = self._begun_at or self._line
                continue
            if token == b'"':
                self._begun_at = self._begun_at or self._line
                self._in_string = True
                continue
            if token == b"\n":
                self._line += 1
                if self._depth or self._list_depth:
                    continue
            ended = self._sign(token, chunk, begin, found.start())
            if ended is None:
                continue
            begin = at
            if ended.content:
                yield ended
        self._keep(chunk[begin:])

    def finish(self) -> Iterator[Document]:
        """What was left at the end. Raises CutOff after it if something is still open."""
        ended = self._end(b"")
        if ended.content:
            yield ended
        if self._depth or self._in_string:
            raise CutOff(f"it ends at line {self._line} within a list or an object")

    def _sign(self, token: bytes, chunk: bytes, begin: int, at: int) -> Document | None:
        """Follow a bracket, comma or line break; None while the document goes on.

        What stands before it is cut out of the chunk only where it is needed: a copy at each of
        many brackets would take the square of their number.
        """
        if token in OPENING:
            return self._open(token, chunk, begin, at)
        if token in CLOSING:
            return self._close(token, chunk, begin, at)
        return self._end(chunk[begin:at]) if self._depth == self._list_depth else None

    def _open(self, token: bytes, chunk: bytes, begin: int, at: int) -> Document | None:
        is_list = self._lists and token == b"[" and not self._list_depth and not self._skips
        is_first = is_list and self._depth == 0 and not self._begun_at
        if is_first and not self._has(chunk[begin:at]):
            self._depth = self._list_depth = 1
            return self._end(b"")
        if is_list and self._depth == 1 and self._is_batch(chunk[max(begin, at - KEY_BYTES) : at]):
            self._depth = self._list_depth = 2
            self._drop()
            return Document(0, b"", 0)
        self._begun_at = self._begun_at or self._line
        self._depth += 1
        return None

    def _close(self, token: bytes, chunk: bytes, begin: int, at: int) -> Document | None:
        if self._depth > self._list_depth:
            self._depth -= 1
            if self._depth or self._list_depth:
                return None
            if self._skips:
                self._skips = False
                self._drop()
                return Document(0, b"", 0)
            return self._end(chunk[begin:at] + token)
        if not self._list_depth:
            return None  # a bracket too many: part of what is no JSON anyway
        ended = self._end(chunk[begin:at])
        self._skips = self._depth == 2
        self._depth, self._list_depth = self._depth - 1, 0
        return ended

    def _is_batch(self, before: bytes) -> bool:
        return BATCH_KEY.search(bytes(self._kept[-KEY_BYTES:]) + before) is not None

    def _has(self, before: bytes) -> bool:
        return bool(before.removeprefix(BOM_UTF8).strip(BLANK) or self._kept.strip(BLANK))

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        room = self._kept_bytes_max * INDENTED - len(self._kept)
        if room > 0 and not self._skips:
            self._kept += part[:room]

    def _end(self, last: bytes) -> Document:
        """The document up to here; its content is empty if there is none."""
        self._keep(last)
        kept = bytes(self._kept).strip(BLANK).removeprefix(BOM_UTF8).strip(BLANK)
        content = INDENT.sub(b" ", kept).replace(b"\r", b" ")
        is_whole = len(self._kept) == self._size
        size = len(content) if is_whole else self._size
        line = self._begun_at or self._line
        self._drop()
        return Document(line, content[: self._kept_bytes_max], size)

    def _drop(self) -> None:
        self._kept.clear()
        self._size = self._begun_at = 0


def documents(stream: BinaryIO, kept_bytes_max: int, *, lists: bool) -> Iterator[Document]:
    """The documents of a stream; at most `kept_bytes_max` bytes of each are kept.

    Raises CutOff, after everything else, if the stream ends too early.
    """
    splitter = Splitter(kept_bytes_max, lists=lists)
    rest = b""
    while chunk := cast(io.BufferedReader, stream).read1(READ_BYTES):
        chunk, rest = rest + chunk, b""
        if chunk.endswith(b"\\"):  # its escaped character is in the next chunk
            chunk, rest = chunk[:-1], b"\\"
        yield from splitter.feed(chunk)
    yield from splitter.feed(rest)
    yield from splitter.finish()

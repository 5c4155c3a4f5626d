"""What the head of a file says of the whole: JSON lines, JSON documents, or no events at all.

Pure. Where JSON is expected, a file that holds none is refused as a whole and by its name, so that
a picture or a table does not become a million rejected lines.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from enum import StrEnum

from services.ingest.core.encoding import conversion, wide_encoding

EXPECTED = "Expected are JSON lines or a JSON list in UTF-8, plain or gzip; nothing of it was read."
ARCHIVES = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet: unpack it"),
    (b"\x1f\x8b", "packed twice by gzip: unpack it once"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard: unpack it with 'zstd -dc'"),
    (b"BZh", "packed by bzip2: unpack it with 'bzip2 -dc'"),
    (b"\xfd7zXZ\x00", "packed by xz: unpack it with 'xz -dc'"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it"),
    (b"PAR1", "a Parquet file: convert it to JSON lines"),
    (b"Obj\x01", "an Avro file: convert it to JSON lines"),
    (b"SQLite format 3\x00", "an SQLite database: export JSON lines of it"),
    (b"%PDF", "a PDF document"),
    (b"\x1e", "a JSON text sequence: take its separators out with \"tr -d '\\036'\""),
)
TAR_MARK, TAR_AT = b"ustar", 257
BODY = re.compile(rb'\{[^{\[]*?"batch"\s*:\s*\[')
"""A request body `{"batch": [event, …]}`, other plain fields before the list or not."""
WRAPPED = re.compile(
    rb'\{[^{\[]*?"(events|data|records|items|results|rows|touchpoints|messages|entries|documents|docs'
    rb'|hits|list|values?|content|payload)"\s*:\s*\[\s*\{',
    re.IGNORECASE,
)
LIST = re.compile(rb"\[\s*(?:[{\]]|$)")
EVENT_LINE = re.compile(rb'^[ \t\r]*+(\[\s*+)?+\{\s*+"', re.MULTILINE)
"""Such a line makes a text of it: damaged lines beside it are rejected one by one."""
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]')
"""A string without an end goes to the end of the text: else each of its quotes would search it."""


class Shape(StrEnum):
    """How the events of a text are told apart."""

    LINES = "lines"
    """One a line; a broken line costs no other."""
    DOCUMENTS = "documents"
    """By their brackets: lists, request bodies, objects over several lines or beside each other."""


class NoEvents(ValueError):
    """The text says what the file is instead, and what to do."""


class Empty(NoEvents):
    """There is nothing but blanks."""


def shape_of(head: bytes, is_whole: bool, *, lists: bool, is_json: bool = True) -> Shape:
    """The shape of a text by its first bytes. `lists`: one list of payloads is a file, too.

    Raises NoEvents for what is no text, or no JSON if `is_json`; Empty for blanks.
    """
    _refuse_binary(head)
    text = head.removeprefix(BOM_UTF8).lstrip()
    if not text:
        if is_whole:
            raise Empty
        return Shape.LINES
    if not is_json:
        return Shape.LINES
    if lists and LIST.match(text):
        return Shape.DOCUMENTS
    if lists and (found := WRAPPED.match(text)):
        key = found[1].decode()
        raise NoEvents(
            f"is one JSON object with a list under {key!r}. Take the list out of it, for example "
            f"with 'jq -c .{key}[]'. {EXPECTED}"
        )
    if text.startswith(b"{"):
        is_document = (lists and BODY.match(text)) or _is_document(text)
        return Shape.DOCUMENTS if is_document else Shape.LINES
    _refuse_text(text, is_whole)
    return Shape.LINES


def _refuse_binary(head: bytes) -> None:
    for mark, what in ARCHIVES:
        if head.startswith(mark):
            raise NoEvents(f"is {what}. {EXPECTED}")
    if head[TAR_AT:].startswith(TAR_MARK):
        raise NoEvents(f"is a tar archive: unpack it with 'tar -xf'. {EXPECTED}")
    if EVENT_LINE.search(head):
        return
    if wide := wide_encoding(head):
        raise NoEvents(f"is {wide} text: {conversion(wide)}. {EXPECTED}")
    if b"\x00" in head:
        raise NoEvents(f"is no text: it holds NUL bytes. {EXPECTED}")


def _refuse_text(text: bytes, is_whole: bool) -> None:
    """Raises NoEvents where no whole line of the head begins like JSON."""
    lines = text.splitlines()
    whole = lines if is_whole else lines[:-1]
    if not whole or any(one.removeprefix(BOM_UTF8).lstrip()[:1] in b"{[" for one in lines):
        return
    first = lines[0]
    if text.startswith(b"<"):
        what = "XML or HTML"
    elif first.startswith(b"---"):
        what = "YAML"
    elif _is_table(lines):
        what = "a table (CSV)"
    else:
        what = "some other text"
    raise NoEvents(f"is no JSON: it looks like {what}. {EXPECTED}")


def _is_table(lines: Sequence[bytes]) -> bool:
    """Whether the first lines have the same separators: several, or one on each of two lines."""
    heads = [[one.count(sign) for one in lines[:2]] for sign in (b",", b";", b"\t", b"|")]
    return any(counts[0] > 1 or (len(counts) > 1 and min(counts) > 0) for counts in heads)


def _is_document(text: bytes) -> bool:
    """Whether the first object goes over several lines, or another follows on its line."""
    first, _, rest = text.partition(b"\n")
    depth = 0
    for token in TOKEN.finditer(first):
        depth += (token[0] in (b"{", b"[")) - (token[0] in (b"}", b"]"))
        if not depth:
            return first[token.end() :].lstrip()[:1] in (b"{", b",")
    following = rest.lstrip()[:1]
    return first.rstrip() == b"{" or (following != b"" and following in b'"}]')

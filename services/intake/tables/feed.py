"""Product feeds in XML (RSS and Atom, as Google Merchant takes them) and their like, item by item.

Each `item` or `entry` is a row, or each element that the map names; its elements are columns by
their local names, `shipping.price` one within. A document type is refused: with it go entities,
which could grow without bound or read other files. Memory is bounded by the largest item.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from xml.parsers import expat

from services.ingest.lines import InputError
from services.intake.tables.opened import TableFile
from services.intake.tables.table import (
    CELL_CHARS_MAX,
    ROW_CELLS_MAX,
    Cell,
    TableRow,
    UnreadableCell,
    text_cell,
)

PART_BYTES = 64 * 1024
ROWS = frozenset({"item", "entry"})
DEPTH_MAX = 50
TOKEN_BYTES_MAX = 1 << 20
MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE|[A-Za-z])")
WIDE = (b"\xff\xfe<\0", b"\xfe\xff\0<")
SEVERAL = "occurs several times"
MIXED = "has text beside elements within it, and nobody knows which is meant"
CHILD = "\0"
"""Stands for an element within a text; no text of XML has it."""


class _NoFeed(Exception):
    """What is wrong with the document."""


class ProductFeed:
    """Implements Table for an XML document with an element for each row."""

    kind = "XML"
    has_names = True
    is_padded = True

    def __init__(self, file: TableFile, element: str) -> None:
        """Reads it once for the names of its elements; `element` names that of a row, if it is none
        of the usual ones. Raises InputError."""
        self._file = file
        self._elements = frozenset({element}) if element else ROWS
        names: dict[str, None] = {}
        for item in self._items():
            names.update(dict.fromkeys(item))
            if len(names) > ROW_CELLS_MAX:
                raise InputError(f"{file.name} has over {ROW_CELLS_MAX} different elements")
        if not names:
            wanted = " or ".join(f"<{name}>" for name in sorted(self._elements))
            raise InputError(f"{file.name} has no {wanted}; say which is a row: --set element=NAME")
        self._names = list(names)

    def found(self) -> dict[str, str]:
        """See Table."""
        return {"elements": f"{len(self._names)}"}

    def names(self) -> list[str]:
        """See Table."""
        return self._names

    def check(self, header: int) -> None:
        """See Table."""

    def rows(self) -> Iterator[TableRow]:
        """See Table."""
        for number, item in enumerate(self._items(), 1):
            yield TableRow(number, tuple(item.get(name) for name in self._names))

    def _items(self) -> Generator[dict[str, Cell], None, None]:
        reader = _ItemReader(self._elements)
        with self._file.read() as stream:
            try:
                while part := stream.read(PART_BYTES):
                    reader.feed(part)
                    yield from reader.taken()
                reader.feed(b"", is_last=True)
                yield from reader.taken()
            except (expat.ExpatError, _NoFeed, ValueError, LookupError) as error:
                line = reader.line
                raise InputError(f"{self._file.name}, line {line}: no XML ({error})") from error


def is_markup(file: TableFile) -> bool:
    """Whether it begins as XML does."""
    return bool(MARKUP.match(file.head)) or file.head.startswith(WIDE)


class _ItemReader:
    """Makes items of the events of a parser."""

    def __init__(self, elements: frozenset[str]) -> None:
        self._elements = elements
        self._parser = parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.buffer_text = True
        self._depth = 0
        self._path: list[str] = []
        """Names within the item; the item itself is not among them."""
        self._within: int | None = None
        """Depth of the item."""
        self._item: dict[str, Cell] = {}
        self._parts: list[str] = []
        self._chars = 0
        self._outer: list[tuple[list[str], int]] = []
        """The texts of the elements around the current one, as far as they were read."""
        self._taken: list[dict[str, Cell]] = []
        self._silent, self._is_heard = 0, False
        """Bytes behind the last event."""

    @property
    def line(self) -> int:
        """Where the parser is."""
        return self._parser.CurrentLineNumber

    def feed(self, part: bytes, *, is_last: bool = False) -> None:
        """Parse on. Raises ExpatError, _NoFeed."""
        self._parser.Parse(part, is_last)
        self._silent = 0 if self._is_heard else self._silent + len(part)
        self._is_heard = False
        if self._silent > TOKEN_BYTES_MAX:  # which the parser holds in memory
            raise _NoFeed(f"a tag or comment has over {TOKEN_BYTES_MAX} bytes")

    def taken(self) -> list[dict[str, Cell]]:
        """The items that were complete since the last call."""
        found, self._taken = self._taken, []
        return found

    def _refuse(self, *_: object) -> None:
        raise _NoFeed("it has a document type, which is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._is_heard = True
        if self._depth > DEPTH_MAX:
            raise _NoFeed(f"elements are nested deeper than {DEPTH_MAX} levels")
        local = name.rpartition(":")[2]
        if self._within is None:
            if local in self._elements:
                self._within, self._item, self._path = self._depth, {}, []
                self._parts, self._chars, self._outer = [], 0, []
            return
        self._path.append(local)
        self._outer.append((self._parts, self._chars))
        self._parts, self._chars = [], 0
        for key, value in attributes.items():
            if not key.startswith("xmlns"):
                self._put(".".join([*self._path, key.rpartition(":")[2]]), value)

    def _text(self, text: str) -> None:
        self._is_heard = True
        if self._within is None or not self._path:
            return
        self._chars += len(text)
        if self._chars > CELL_CHARS_MAX:
            raise _NoFeed(f"an element has over {CELL_CHARS_MAX} characters")
        self._parts.append(text)

    def _end(self, name: str) -> None:
        if self._within == self._depth:
            self._within = None
            self._taken.append(self._item)
        elif self._within is not None:
            self._put(".".join(self._path), "".join(self._parts))
            self._path.pop()
            self._parts, self._chars = self._outer.pop()
            if self._parts[-1:] != [CHILD]:
                self._parts.append(CHILD)
        self._depth -= 1

    def _put(self, name: str, text: str) -> None:
        cell = text_cell(text.replace(CHILD, ""))
        if cell is None:
            return
        if CHILD in text:
            cell = UnreadableCell("", MIXED)
        if name in self._item:
            cell = UnreadableCell("", SEVERAL)
        self._item[name] = cell
        if len(self._item) > ROW_CELLS_MAX:
            raise _NoFeed(f"an item has over {ROW_CELLS_MAX} elements")

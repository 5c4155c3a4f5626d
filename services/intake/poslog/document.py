"""A POSLog as a stream of transactions, by a parser that trusts nobody.

No document type is read at all, so there are no entities to expand and nothing outside the file to
open. Depth, size and number of the elements are bounded, and each transaction is let go of once it
is read. Namespaces and their versions make no difference: names are local ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple
from xml.parsers import expat

from services.ingest.lines import KEPT_BYTES_MAX
from services.intake.format import UnreadableFile
from services.intake.tills.xml import SEPARATOR, XmlNode, local_name

CHUNK_BYTES = 64 * 1024
TOKEN_BYTES_MAX = 512 * 1024
"""A tag or comment that is longer never ends: the parser would wait for its end in memory."""
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
NODES_MAX = 50_000
DEPTH_MAX = 64
ROOTS = frozenset({"POSLog", "Transaction"})
TRANSACTION = "Transaction"
HEAD_DEPTH, HEAD_CHARS_MAX = 2, 200
DECLARED = (
    "declares a document type (DTD) or entities: no POSLog needs them, and nothing of it was read"
)
NOT_WHOLE = "The transactions before it were processed; get the file whole and read it again."


class FoundTransaction(NamedTuple):
    """One transaction."""

    number: int
    """Among those of the file, from 1."""
    node: XmlNode | None
    """None if it is too large."""
    content: bytes
    """As it stands in the file; its begin if it is too large to be kept."""
    size: int
    head: Mapping[str, str]
    """What the log says once for all of its transactions, by name."""


class _Handler:
    """What the parser finds, as far as it stands in a transaction."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.EntityDeclHandler = self._refuse_doctype
        self.head: dict[str, str] = {}
        self.finished: list[tuple[XmlNode | None, int, int]] = []
        """Transactions with their begin and the begin of their end tag, in bytes of the file."""
        self.begin: int | None = None
        """Of the transaction that is open."""
        self._depth = 0
        self._depth_of_open = 0
        self._count = 0
        self._stack: list[XmlNode] = []
        """From the transaction that is open to the element that is; empty if it is too large."""
        self._beside = ""
        """Name of the element beside the transactions that is open."""

    def forget(self) -> None:
        """Keep nothing more of the transaction that is open: it is too large."""
        self._stack.clear()

    def _refuse_doctype(self, *_: object) -> None:
        raise UnreadableFile(DECLARED)

    def _start(self, full_name: str, attributes: dict[str, str]) -> None:
        name = local_name(full_name)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise UnreadableFile(f"is nested more than {DEPTH_MAX} elements deep")
        if self._depth == 1 and name not in ROOTS:
            raise UnreadableFile(f"is XML, but no POSLog: its first element is {name[:40]!r}")
        is_first = self.begin is None
        if is_first and name != TRANSACTION:
            self._beside = name if self._depth == HEAD_DEPTH else ""
            return
        if is_first:
            self.begin, self._depth_of_open = self.parser.CurrentByteIndex, self._depth
            self._count = 0
        self._count += 1
        if self._count > NODES_MAX:
            self.forget()
        elif is_first or self._stack:
            local = {local_name(key): one for key, one in attributes.items()}
            node = XmlNode(name, local)
            if self._stack:
                self._stack[-1].nodes.append(node)
            self._stack.append(node)

    def _end(self, _: str) -> None:
        self._beside = ""
        if self.begin is not None:
            node = self._stack.pop() if self._stack else None
            if self._depth == self._depth_of_open:
                self.finished.append((node, self.begin, self.parser.CurrentByteIndex))
                self.begin, self._stack = None, []
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self._stack:
            self._stack[-1].parts.append(text)
        elif self._beside and self.begin is None:
            self.head[self._beside] = (self.head.get(self._beside, "") + text)[:HEAD_CHARS_MAX]


def transactions(stream: BinaryIO) -> Iterator[FoundTransaction]:
    """The transactions of a log, one after the other. Raises UnreadableFile."""
    handler, window, base, fed, number = _Handler(), b"", 0, 0, 0
    head = b""
    """Of a transaction that is too large."""
    while True:
        chunk = stream.read(CHUNK_BYTES)
        window += chunk
        fed += len(chunk)
        _parse(handler, chunk)
        for node, begin, end in handler.finished:
            number += 1
            close = window.find(b">", end - base) + 1
            content = head or window[max(0, begin - base) : close]
            yield FoundTransaction(number, node, content, base + close - begin, handler.head)
            head = b""
        handler.finished.clear()
        if not chunk:
            return
        if fed - max(handler.parser.CurrentByteIndex, 0) > TOKEN_BYTES_MAX:
            raise UnreadableFile(f"has a tag without an end. {NOT_WHOLE}")
        keep_from = fed if handler.begin is None or head else handler.begin
        window, base = window[max(0, keep_from - base) :], max(base, keep_from)
        if len(window) > TRANSACTION_BYTES_MAX:
            handler.forget()
            head, window, base = window[:KEPT_BYTES_MAX], b"", fed


def _parse(handler: _Handler, chunk: bytes) -> None:
    try:
        handler.parser.Parse(chunk, not chunk)
    except UnreadableFile:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        if handler.parser.CurrentByteIndex <= 0 and not handler.head:
            raise UnreadableFile(f"is no XML ({error})") from error
        raise UnreadableFile(f"is damaged or cut off ({error}). {NOT_WHOLE}") from error

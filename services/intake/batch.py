"""The events of a request body `{"batch": [event, …]}`, each as a line of its own.

A fault within one event (a number that no parser accepts, endless nesting, an unpaired surrogate)
must not affect the others. If the body as a whole cannot be parsed, it is split at the commas of
the list, which needs no value to be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import orjson

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},:]', re.DOTALL)
OPENING, CLOSING = (b"[", b"{"), (b"]", b"}")
LIST_DEPTH = 2
"""Within the object, within the list."""


class NoBatch(ValueError):
    """The body has no list of events; the text says why, without quoting it."""


def batch_lines(body: bytes) -> list[bytes]:
    """Each event of the body as JSON, or the bytes in its place. Raises NoBatch."""
    try:
        events = orjson.loads(body)["batch"]
        if not isinstance(events, list):
            raise NoBatch("'batch' is no list")
        return [orjson.dumps(event) for event in events]
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return list(_cut(body))
    except (KeyError, TypeError) as error:
        raise NoBatch("there is no 'batch'") from error


class _Place(NamedTuple):
    """A token of the body and its depth."""

    text: bytes
    start: int
    end: int
    depth: int


def _cut(body: bytes) -> Iterator[bytes]:
    """The elements of the list under `batch`, split at its own commas."""
    start: int | None = None
    key = b""
    for token in _places(body):
        if start is None:
            if token.depth == 1 and token.text.startswith(b'"'):
                key = token.text
            elif token.text == b"[" and token.depth == LIST_DEPTH and key == b'"batch"':
                start = token.end
        elif token.depth == LIST_DEPTH and token.text == b",":
            yield body[start : token.start].strip()
            start = token.end
        elif token.depth == LIST_DEPTH and token.text == b"]":
            if last := body[start : token.start].strip():
                yield last
            return
    raise NoBatch("it is no JSON, or has no list 'batch'")


def _places(body: bytes) -> Iterator[_Place]:
    """Strings, brackets and separators. A bracket has the depth that it encloses."""
    depth = 0
    for found in TOKEN.finditer(body):
        text = found[0]
        depth += text in OPENING
        yield _Place(text, found.start(), found.end(), depth)
        depth -= text in CLOSING

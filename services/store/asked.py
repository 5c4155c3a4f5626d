"""What a read depends on: the keys that its statements asked for and found.

All our reads are by key, so only a row with one of these keys can change their result. A statement
that names no key, or reads a table that is not followed, makes the record incomplete; such a result
may change at any time. It holds for the calling thread, and costs nothing while nobody records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "touchpoints": ("node",),
    "orders": ("node", "order_id", "return_id"),
    "order_keys": ("node", "order_id"),
    "consents": ("node",),
    "observations": ("node",),
    "group_facts": ("node",),
    "group_keys": ("node", "group_id"),
    "node_values": ("node",),
    "members": ("profile", "node"),
    "map": ("node", "profile"),
    "erasures": ("node",),
    "kept_objections": ("node",),
    "suppressions": ("node",),
}
"""Tables whose new rows are followed, and the columns of them that are keys."""
KEY_TYPES = frozenset({"UUID", "Array(UUID)", "Array(String)"})
_READ_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([A-Za-z_.]+)\b(?!\s*\()", re.IGNORECASE)
"""Not the function of an ARRAY JOIN."""
_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")


class Asked:
    """The keys of one read."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.is_complete = True
        """Whether these are all."""


class _Form(NamedTuple):
    keys: tuple[tuple[str, bool], ...]
    """Parameters that are keys, and whether they are UUIDs."""
    is_followed: bool
    """Whether these keys decide what the statement finds."""


_RECORD: ContextVar[Asked | None] = ContextVar("asked", default=None)


@contextmanager
def recorded() -> Iterator[Asked]:
    """Record the keys of all statements inside."""
    asked = Asked()
    token = _RECORD.set(asked)
    try:
        yield asked
    finally:
        _RECORD.reset(token)


def note_statement(sql: str, parameters: Mapping[str, Any] | None) -> None:
    """A statement is asked."""
    asked = _RECORD.get()
    if asked is None:
        return
    form = _form(sql)
    asked.is_complete &= form.is_followed
    for name, is_uuid in form.keys:
        value = (parameters or {}).get(name, ())
        values: Iterable[Any] = [value] if isinstance(value, str | UUID) else value
        asked.keys.update(map(_canonical, values) if is_uuid else values)


def note_rows(rows: Iterable[Sequence[Any]]) -> None:
    """Rows were found: those that a statement reached by others are keys, too."""
    asked = _RECORD.get()
    if asked is None:
        return
    for row in rows:
        asked.keys.update(str(one) for one in row if isinstance(one, UUID))


def note_unknown() -> None:
    """Something is read whose keys nobody knows."""
    asked = _RECORD.get()
    if asked is not None:
        asked.is_complete = False


@lru_cache(maxsize=500)
def _form(sql: str) -> _Form:
    tables = set(_READ_TABLE.findall(sql))
    keys = {name: kind == "UUID" or kind == "Array(UUID)" for name, kind in _keys(sql)}
    return _Form(tuple(keys.items()), not tables or (tables <= FOLLOWED.keys() and bool(keys)))


def _keys(sql: str) -> Iterator[tuple[str, str]]:
    return ((name, kind) for name, kind in _PARAMETER.findall(sql) if kind in KEY_TYPES)


def _canonical(value: str | UUID) -> str:
    text = str(value)
    return text if len(text) == 36 else str(UUID(text))

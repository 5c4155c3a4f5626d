"""Keys that were met in a file, in bounded memory: what does not fit goes to a temporary file.

Exact, however many there are; nothing of it outlives the process.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from types import TracebackType
from typing import Any, Self

import orjson

CACHE_KIB = 64 * 1024
CREATE = "CREATE TABLE keys (key BLOB PRIMARY KEY, met INTEGER NOT NULL) WITHOUT ROWID"
MEET = "INSERT INTO keys VALUES (?, 1) ON CONFLICT DO UPDATE SET met = met + 1 RETURNING met"


def digest(value: Any) -> bytes:
    """What tells two keys apart."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest()


class MetKeys:
    """How often each key was met. Use as a context manager."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(CREATE)
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def meet(self, key: bytes) -> int:
        """The how many-th time it is met."""
        with closing(self._database.execute(MEET, (key,))) as found:
            return int(found.fetchone()[0])

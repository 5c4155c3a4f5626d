"""Answers to writes with an idempotency key, kept for a day for clients that send them again.

The store cannot reserve a key: of requests with one key that arrive at the same moment at several
processes each may write, and the last answer is kept. Within a process `reserved` prevents it. So
what a route writes must be idempotent by itself.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from schemas.instants import to_ms
from services.runtime.errors import InvalidInput, InvalidState
from services.store.database import Database
from services.store.statements import statements_of

FOUND_SQL = statements_of(__file__)["found"]
KEPT = timedelta(days=1)
BODY_BYTES_MAX = 4 * 1024 * 1024
VALID_KEY = re.compile(r"[\x21-\x7e]{1,200}")
IN_WORK = "idempotency_key_in_work"
"""Reason of an InvalidState: the first request with the key is not answered yet."""
COLUMNS = ("realm", "key_id", "idempotency_key", "request_hash", "status", "body", "at")


class WriteKey(NamedTuple):
    """What a client calls one of its writes; another client's keys are never the same."""

    realm: str
    key_id: str
    """The API key."""
    idempotency_key: str
    """As the client sent it."""

    @classmethod
    def checked(cls, realm: str, key_id: str, idempotency_key: str) -> WriteKey:
        """Raises InvalidInput for a key that is no printable ASCII text of bounded length."""
        if not VALID_KEY.fullmatch(idempotency_key):
            raise InvalidInput("Idempotency-Key: 1 to 200 printable ASCII characters, no blanks")
        return cls(realm, key_id, idempotency_key)


class KeptAnswer(NamedTuple):
    """The answer to the first request with a key."""

    request_hash: str
    """Of that request; another one under the same key is a mistake of the client."""
    status: int
    body: bytes


def request_hash(method: str, path: str, body: bytes) -> str:
    """What tells two requests apart."""
    head = f"{method}\n{path}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


class Idempotency:
    """The answers of a store. `find` and `remember` block and raise Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: WriteKey, now: datetime) -> KeptAnswer | None:
        """The answer to the first request with this key; None for a new key."""
        bound = {"realm": key.realm, "key": key.key_id, "idempotency": key.idempotency_key}
        rows = self._database.rows(FOUND_SQL, {**bound, "since": to_ms(now - KEPT)})
        return KeptAnswer(rows[0][0], rows[0][1], rows[0][2].encode()) if rows else None

    def remember(self, key: WriteKey, answer: KeptAnswer, now: datetime) -> None:
        """Keep an answer in UTF-8, durably when it returns. Raises InvalidState for a huge one."""
        if len(answer.body) > BODY_BYTES_MAX:
            raise InvalidState(f"an answer of {len(answer.body)} bytes is not kept")
        row = (*key, answer.request_hash, answer.status, answer.body.decode(), now)
        self._database.insert_rows("idempotency", COLUMNS, [row])


class WritesInWork:
    """The keys of requests that this process is answering. Any thread may use it."""

    def __init__(self) -> None:
        self._keys: set[WriteKey] = set()
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, key: WriteKey) -> Iterator[None]:
        """Hold a key while its request is answered. Raises InvalidState if it is held already."""
        with self._lock:
            if key in self._keys:
                raise InvalidState(
                    "a request with this Idempotency-Key is being answered; send it again later",
                    reason=IN_WORK,
                )
            self._keys.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(key)

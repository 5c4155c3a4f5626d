"""Answers to repeated writes: found by the same client for a day, by nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.api.idempotency import (
    BODY_BYTES_MAX,
    KEPT,
    Idempotency,
    KeptAnswer,
    WriteKey,
    WritesInWork,
    request_hash,
)
from services.runtime.errors import InvalidInput, InvalidState
from services.store.database import Database

KEY = WriteKey.checked("default", "key000000001", "a-1")


def answer(body: bytes = b"{}", status: int = 200) -> KeptAnswer:
    """An answer to a request."""
    return KeptAnswer(request_hash("POST", "/v1/things", b"{}"), status, body)


@pytest.mark.any_store(always=True)
def test_an_answer_is_found_for_a_day(database: Database) -> None:
    """By its whole key; another client, realm or key is a new request."""
    now = datetime.now(UTC)
    kept, given = Idempotency(database), answer('{"name": "Jürgen"}'.encode(), 202)
    assert kept.find(KEY, now) is None
    kept.remember(KEY, given, now)
    assert kept.find(KEY, now) == given
    assert kept.find(KEY, now + KEPT - timedelta(seconds=1)) == given
    assert kept.find(KEY, now + KEPT + timedelta(seconds=1)) is None
    for other in (
        KEY._replace(realm="other"),
        KEY._replace(key_id="key000000002"),
        KEY._replace(idempotency_key="a-2"),
        KEY._replace(idempotency_key="A-1"),
        KEY._replace(idempotency_key="' OR 1=1 --"),
    ):
        assert kept.find(other, now) is None


@pytest.mark.any_store(always=True)
def test_the_last_answer_counts(database: Database) -> None:
    """A key that is used again after a day has the new answer."""
    kept, then = Idempotency(database), datetime.now(UTC)
    kept.remember(KEY, answer(b"1"), then - 2 * KEPT)
    kept.remember(KEY, answer(b"2"), then)
    assert kept.find(KEY, then) == answer(b"2")


@pytest.mark.any_store(always=True)
def test_a_huge_answer_is_not_kept(database: Database) -> None:
    """Rather than have somebody fill the store."""
    with pytest.raises(InvalidState, match="not kept"):
        Idempotency(database).remember(KEY, answer(b"x" * (BODY_BYTES_MAX + 1)), datetime.now(UTC))


@pytest.mark.parametrize("text", ["", "x" * 201, "a b", "a\n", "ü", "\x00"])
def test_a_key_is_a_short_visible_text(text: str) -> None:
    """Anything else is refused before it is stored or logged."""
    with pytest.raises(InvalidInput, match="Idempotency-Key"):
        WriteKey.checked("default", "key000000001", text)


def test_requests_differ_by_method_path_and_body() -> None:
    """A body cannot be shifted into the path."""
    hashes = {
        request_hash("POST", "/v1/a", b"b"),
        request_hash("PUT", "/v1/a", b"b"),
        request_hash("POST", "/v1/ab", b""),
        request_hash("POST", "/v1/a", b""),
    }
    assert len(hashes) == 4


def test_one_request_with_a_key_is_answered_at_a_time() -> None:
    """The second is told to wait; other keys are free, and so is the key afterwards."""
    in_work = WritesInWork()
    with in_work.reserved(KEY):
        with pytest.raises(InvalidState, match="being answered"), in_work.reserved(KEY):
            raise AssertionError("held twice")
        with in_work.reserved(KEY._replace(key_id="key000000002")):
            pass
    with pytest.raises(ValueError, match="fails"), in_work.reserved(KEY):
        raise ValueError("fails")
    with in_work.reserved(KEY):
        pass

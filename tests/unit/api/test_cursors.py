"""Cursors: only the one spelling that a page gave is taken, for its list and realm."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.cursors import seal, unseal
from services.runtime.errors import InvalidInput

SECRET = b"a secret of the store, 32 bytes."
VALUES: list[Any] = [1_700_000_000_000, "shop ü-1", True, None]
SPELLING = string.ascii_letters + string.digits + "-_=+/ .é\n"


def test_a_cursor_comes_back() -> None:
    """What was sealed is what a page continues with."""
    assert (
        unseal(SECRET, "timeline", "default", seal(SECRET, "timeline", "default", VALUES)) == VALUES
    )


@pytest.mark.parametrize(
    ("secret", "operation", "realm"),
    [
        (b"another secret of another store.", "timeline", "default"),
        (SECRET, "incidents", "default"),
        (SECRET, "timeline", "other"),
        (SECRET, "timelinedefault", ""),
    ],
)
def test_it_opens_nothing_else(secret: bytes, operation: str, realm: str) -> None:
    """A cursor of another list, realm or store is none."""
    with pytest.raises(InvalidInput):
        unseal(secret, operation, realm, seal(SECRET, "timeline", "default", VALUES))


@given(st.data())
def test_any_other_spelling_is_refused(data: st.DataObject) -> None:
    """One character more, less or different, and nothing is read of it."""
    word = seal(SECRET, "timeline", "default", VALUES)
    at = data.draw(st.integers(0, len(word)))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.text(SPELLING, max_size=3))
    other = word[:at] + put + word[at + cut :]
    if other != word:
        with pytest.raises(InvalidInput):
            unseal(SECRET, "timeline", "default", other)


@given(st.text(max_size=60))
def test_so_is_any_text(text: str) -> None:
    """Whatever somebody writes, the error is that of the request."""
    with pytest.raises(InvalidInput):
        unseal(SECRET, "timeline", "default", text)

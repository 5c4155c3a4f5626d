"""The list of tests that others show, too, names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tiers import SHOWN_BY_ANOTHER

TESTS = Path(__file__).parents[1]
VALUES = ("", "[derived", "[distributed", "[p-", "[server")
"""Beginnings of parameters that patterns name."""
NAMED = [
    f"{file.relative_to(TESTS)}::{name}{value}"
    for file in sorted(TESTS.rglob("test_*.py"))
    for name in re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    for value in VALUES
]


@pytest.mark.parametrize("pattern", SHOWN_BY_ANOTHER)
def test_there_is_such_a_test(pattern: str) -> None:
    """One that is renamed must not come back into every run unnoticed."""
    assert any(re.search(pattern, one) for one in NAMED)

"""A short run of schemathesis: every operation, all phases, three kinds of callers.

`make fuzz-api` asks for longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.api.populated import MARK, Populated, populated
from tests.fuzz.api import SETTINGS, ask, callers

EXAMPLES = 3
"""Of each operation and phase."""
CALLERS = ("every scope", "masked", "no key")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Populated]:
    """A running service with data, whose limits slow nobody down."""
    with populated(tmp_path_factory.mktemp("asked"), **SETTINGS) as made:
        yield made


@pytest.mark.parametrize("caller", CALLERS)
def test_answers_are_those_of_the_document(caller: str, asked: Populated, tmp_path: Path) -> None:
    """No server error, no undocumented status, header or form; no value of another realm."""
    found = ask(asked, callers(asked)[caller], EXAMPLES, seed=1, directory=tmp_path)
    assert found.failures == [], found.printed
    assert found.cases > found.operations
    assert MARK not in found.printed

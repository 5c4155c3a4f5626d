"""Which tests `make test` leaves to `make test-long`, because they take long and find little more.

A long test is one more seed, a larger volume or a second variant of what a shorter one shows.
pytest itself leaves nothing out: whoever names a file runs all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

LONG = pytest.mark.long


def volumes(few: int, many: int) -> list[Any]:
    """Values of a parameter: how many histories are tried in every run, and in a long one."""
    return [few, pytest.param(many, marks=LONG)]


def always(these: Collection[Any], among: Iterable[Any]) -> list[Any]:
    """Values of a parameter, such as seeds, of which a short run tries these alone."""
    return [one if one in these else pytest.param(one, marks=LONG) for one in among]

"""A kind is asked for claims of the bodies that it hears, and would make none of any other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.examples import EXAMPLES
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard, Kind
from services.consistency.kinds import KINDS

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HEARD = [
    Heard(TouchpointAdapter.validate_python(one), NOON, 0, 7, "DE", "EUR", (8,), 9, cards=(8,))
    for one in EXAMPLES.values()
]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_nothing_is_claimed_of_what_is_not_heard(kind: Kind) -> None:
    """Each example event of any other type, its links and cards among them, makes no claim."""
    unheard = [one for one in HEARD if kind not in KINDS.hearing(type(one.event.body))]
    assert [one.event.type for one in unheard if list(kind.claims(one))] == []

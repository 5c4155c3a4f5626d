"""Customer effort: the share of answers that say it was easy."""

from __future__ import annotations

from services.measures.catalogue import ces
from services.measures.catalogue.ces import EffortAnswers, EffortGroup
from tests.unit.measures.contexts import CONTEXT


def test_effort() -> None:
    """The share of who found it easy; nobody has none."""
    found = ces.compute(EffortAnswers([EffortGroup("", "", 30, 30, 18, 1)]), CONTEXT)
    assert (found.n, found.value) == (30, 0.6)
    assert found.counts == {"answers": 30, "easy": 18, "invalid": 1}
    assert ces.compute(EffortAnswers([]), CONTEXT).value is None

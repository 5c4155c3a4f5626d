"""Figures of the retailer in what customers get of themselves: removed, whatever was sent."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.erasure.adapters.held import REJECTED_LINE, TOO_DEEP, _readable
from services.erasure.own_figures import without_own_figures

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "body", "lines", "cost", "margin", "x"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(ANYTHING)
def test_a_line_of_any_form_is_handed_out(document: Any) -> None:
    """Without cost and margin anywhere; as it came where it says neither."""
    line = f" {orjson.dumps(document).decode()}"
    shown = _readable({REJECTED_LINE: line})[REJECTED_LINE]
    assert '"cost":' not in shown
    assert '"margin":' not in shown
    if '"cost":' not in line and '"margin":' not in line:
        assert shown == line
    without_own_figures(document)  # raises nothing


@pytest.mark.parametrize("kind", [["order.placed"], {}, None, 7])
def test_a_type_that_is_no_text(kind: Any) -> None:
    """A stored body of no event is left as it is."""
    event = {"type": kind, "body": {"lines": [{"cost": 1}]}}
    assert without_own_figures(event) == {"type": kind, "body": {"lines": [{"cost": 1}]}}


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"order.placed ","body":{"lines":[{"cost":1,"margin":2,"sku":"a"}]}}',
        '{"batch":[{"type":"campaign.published","body":{"cost":"3"}}]}',
        '{"type":["order.placed"],"body":{"lines":[{"cost":"5"}]}}',
    ],
)
def test_lines_that_were_rejected_because_of_their_form(line: str) -> None:
    """What is no event may say the same figures."""
    shown = _readable({REJECTED_LINE: line})[REJECTED_LINE]
    assert "cost" not in shown
    assert "margin" not in shown
    assert orjson.loads(shown).keys() == orjson.loads(line).keys()


def test_lines_that_are_nested_deeply() -> None:
    """They do not stop the export: shown as they came, or not at all if they say such a figure."""
    deep = "[" * 900 + "]" * 900
    assert _readable({REJECTED_LINE: deep}) == {REJECTED_LINE: deep}
    told = "[" * 900 + '{"cost":1}' + "]" * 900
    assert _readable({REJECTED_LINE: told}) == {REJECTED_LINE: TOO_DEEP}

"""Scenario files: the shipped ones pass, a broken one says what differs, a bad one where."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.touchpoint import TouchpointAdapter
from services.consistency.scenario import InvalidScenario, check_scenario, customers_of
from tests.events import event, identifier

SCENARIOS = sorted((Path(__file__).parents[3] / "docs" / "scenarios").glob("*.toml"))
HEAD = """
[[offer]]
at = 2026-03-01T00:00:00Z
channel = "shop"
sku = "4711"
price = 10.00

[[offer]]
at = 2026-03-01T00:00:00Z
channel = "app"
sku = "4711"
price = 12.00
"""


def test_there_are_scenarios() -> None:
    """The examples of the documentation are found."""
    assert len(SCENARIOS) >= 7


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_shipped_scenario_passes(path: Path) -> None:
    """Every example of the documentation holds, and checks at least two times."""
    report = check_scenario(path.read_text("utf-8"))
    assert report.differences == []
    assert report.passed
    assert report.expectations >= 2


@pytest.mark.parametrize(
    ("expectation", "difference"),
    [
        (
            "incidents = []",
            "2026-03-02T00:00:00Z: not expected: [open price_mismatch of 4711 on app: 12.00 "
            "instead of 10.00 EUR, wrong_price, since 2026-03-01T00:00:00Z]",
        ),
        (
            'incidents = [{ channel = "app", state = "resolved", observed = 11 }]',
            "2026-03-02T00:00:00Z: [open price_mismatch of 4711 on app: 12.00 instead of 10.00 "
            "EUR, wrong_price, since 2026-03-01T00:00:00Z]: state: expected resolved, came open, "
            "observed: expected 11, came 12.00",
        ),
        (
            'incidents = [{ channel = "app" }, { channel = "pos", state = "open" }]',
            "2026-03-02T00:00:00Z: expected [channel pos, state open], came none like it",
        ),
        (
            'incidents = [{ channel = "app" }, { channel = "app" }]',
            "2026-03-02T00:00:00Z: expected [channel app], came none like it",
        ),
    ],
)
def test_a_broken_scenario_shows_the_difference(expectation: str, difference: str) -> None:
    """What was expected, what came, and at which time."""
    report = check_scenario(f"{HEAD}\n[[expect]]\nat = 2026-03-02T00:00:00Z\n{expectation}\n")
    assert report.differences == [difference]
    assert not report.passed


def test_only_the_given_fields_are_compared() -> None:
    """An expectation may be as short as one field."""
    expect = '[[expect]]\nat = 2026-03-02T00:00:00Z\nincidents = [{ severity = "high" }]\n'
    assert check_scenario(HEAD + expect).passed


def test_time_comes_from_ticks_where_there_are_any() -> None:
    """Before the first tick nothing is found; without any tick every expectation is one."""
    expect = "[[expect]]\nat = 2026-03-02T00:00:00Z\nincidents = []\n"
    tick = "[[tick]]\nat = 2026-03-03T00:00:00Z\n"
    assert not check_scenario(HEAD + expect).passed
    assert check_scenario(HEAD + expect + tick).passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[offer", "not TOML"),
        (HEAD, "expect: Field required"),
        (HEAD + "[[expect]]\nat = 2026-03-01T00:00:00\nincidents = []", r"expect\.#1\.at"),
        (
            HEAD + "[[expect]]\nat = 0001-01-01T00:00:00+14:00\nincidents = []",
            r"expect\.#1\.at.*years",
        ),
        (HEAD + "[[tick]]\nat = 9999-12-31T23:59:59-14:00\n", r"tick\.#1\.at.*years"),
        (HEAD + '[[tick]]\nat = "0001-01-01T00:00:00Z"\n', r"tick\.#1\.at.*years"),
        (HEAD + "[[offer]]\nat = 2026-03-01T00:00:00Z\n", r"offer\.#3\.channel: Field required"),
        (HEAD.replace("10.00", '"ten"'), r"offer\.#1\.price"),
        (HEAD.replace("price = 12.00", "prize = 12.00"), r"offer\.#2\.prize"),
        (
            HEAD + '[[expect]]\nat = 2026-03-01T00:00:00Z\nincidents = [{ state = "ajar" }]',
            r"expect\.#1\.incidents\.#1\.state",
        ),
        (HEAD + "[[expect]]\nat = 2026-03-01T00:00:00Z\nincidents = [{}]", "at least one field"),
    ],
)
def test_a_bad_file_is_refused_with_the_entry_named(text: str, message: str) -> None:
    """The message leads to the entry and the field."""
    with pytest.raises(InvalidScenario, match=message):
        check_scenario(text)


def test_a_bad_rule_is_refused_by_name() -> None:
    """Overrides are validated like a rules file."""
    expect = "[[expect]]\nat = 2026-03-02T00:00:00Z\nincidents = []\n"
    with pytest.raises(InvalidScenario, match=r"rules\.price_mismatch\.tolerance_percent"):
        check_scenario(f"[rules]\ntolerance_percent = -1\n{HEAD}{expect}")


def test_whose_events_these_are() -> None:
    """Events that share an identifier, directly or by way of others, are of one customer; those
    without any too."""
    given = [["a"], ["b"], [], ["c", "b"], ["d"], ["a", "c"], []]
    events = [
        TouchpointAdapter.validate_python(
            event(identifiers=[identifier("customer_number", value) for value in values])
        )
        for values in given
    ]
    assert customers_of(events) == [1, 1, 0, 1, 2, 1, 0]

"""Scenario files: the shipped ones pass, a broken one says what differs, a bad one where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.events.master_data import ProfileUpdated
from schemas.touchpoint import Touchpoint, TouchpointAdapter
from services.consistency import scenario_events
from services.consistency.core.kind import Kinds
from services.consistency.scenario import InvalidScenario, check_scenario
from services.consistency.scenario_events import customer_claims, heard_events
from tests.customer_kind import KIND as CITIES
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


def city(number: int, *names: tuple[str, str], to: str = "Bonn", **fields: Any) -> Touchpoint:
    """An update of a customer's city on a day, under verified identifiers."""
    return TouchpointAdapter.validate_python(
        event(
            "profile.updated",
            event_id=f"e-{number}",
            occurred_at=f"2026-03-{number:02}T00:00:00Z",
            identifiers=[identifier(*name, verified=True) for name in names],
            body={"attributes": {"city": to}},
            **fields,
        )
    )


def customers(*events: Touchpoint) -> list[set[str]]:
    """The events of each customer, when all have happened."""
    books = customer_claims(heard_events(events))
    return sorted(({claim.event_id for claim in claims} for claims in books.values()), key=min)


def test_whose_events_these_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Identifiers are joined as in the product: by what is verified, at the time it is known."""
    monkeypatch.setattr(scenario_events, "KINDS", Kinds([CITIES]))
    card, mail = ("loyalty_card", "2000001"), ("email", "anna@example.com")
    before = [city(1, card), city(2, mail), city(3, ("email", "Anna@Example.com "))]
    assert customers(*before) == [{"e-1"}, {"e-2", "e-3"}]
    assert customers(*before, city(4, card, mail)) == [{"e-1", "e-2", "e-3", "e-4"}]
    unproven = city(4, card, mail)
    unproven.identifiers[1].__dict__["verified"] = False
    assert customers(*before, unproven) == [{"e-1", "e-4"}, {"e-2", "e-3"}]


def test_events_that_count_for_no_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test journeys, public keys, and what a correction took back; without identifiers all are of
    one customer."""
    monkeypatch.setattr(scenario_events, "KINDS", Kinds([CITIES]))
    card = ("loyalty_card", "2000001")
    assert customers(city(1, card, source={"synthetic": True})) == []
    assert customers(city(1, ("cookie", "c-1"), from_public_key=True)) == []
    assert customers(city(1), city(2)) == [{"e-1", "e-2"}]
    corrected = city(1, card).model_copy(
        update={"revision": 1, "body": ProfileUpdated(attributes={})}
    )
    assert customers(city(1, card), corrected) == []


def test_an_event_that_ingest_would_reject_is_named() -> None:
    """As is the field at fault."""
    text = """
[[event]]
event_id = "e-1"
occurred_at = 2026-03-01T00:00:00Z
channel = "shop"
type = "page.viewed"
identifiers = [{ type = "email", value = "anna" }]
body = { url = "https://shop.example/" }
"""
    with pytest.raises(InvalidScenario, match="event e-1: identifiers: none can be used"):
        check_scenario(f"{text}[[expect]]\nat = 2026-03-02T00:00:00Z\nincidents = []\n")

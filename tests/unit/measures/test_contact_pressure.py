"""Contact pressure: the worked example, caps of two windows, and the fatigue curve."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.rules.insights import InsightRules, PressureCaps
from services.measures.catalogue.contact_pressure import (
    ContactsOn,
    PressedGroup,
    Pressure,
    PressureBand,
    compute,
)
from services.measures.core.contact_moments import next_allowed
from tests.unit.measures.contexts import CONTEXT

FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)


def day(number: int) -> datetime:
    """The same hour of a day, 1 for the first."""
    return FIRST + timedelta(days=number - 1)


def test_the_next_contact_is_allowed_when_only_two_are_left() -> None:
    """Contacts on days 1, 3, 5, 6, 6, 7 with three allowed: the third-latest, of day 6, leaves on
    day 13."""
    contacts = [day(one) for one in (1, 3, 5, 6, 6, 7)]
    assert next_allowed(contacts, PressureCaps(), day(7)) == day(13)
    assert next_allowed(contacts, PressureCaps(), day(14)) == day(14)
    assert next_allowed(reversed(contacts), PressureCaps(), day(7)) == day(13)


def test_both_caps_hold() -> None:
    """Eight contacts, one a week apart from the other, are too many for 30 days only."""
    contacts = [day(1 + 3 * number) for number in range(8)]
    assert next_allowed(contacts, PressureCaps(), day(26)) == day(31)
    assert next_allowed(contacts[:2], PressureCaps(), day(26)) == day(26)
    assert next_allowed([], PressureCaps(), day(26)) == day(26)


PERSONS = [
    PressedGroup(6, 6, is_blocked=True, persons=6),
    PressedGroup(3, 9, is_blocked=False, persons=2),
    PressedGroup(3, 8, is_blocked=True, persons=12),
]
BANDS = [PressureBand(1, 20, 500, 1), PressureBand(10, 6, 0, 2)]
ROWS = Pressure(PERSONS, BANDS, [ContactsOn("email", 20, 90), ContactsOn("sms", 6, 10)])


def test_who_is_over_a_cap() -> None:
    """Six persons have more than three contacts in 7 days, two more than eight in 30."""
    found = compute(ROWS, CONTEXT)
    assert (found.n, found.value) == (20, 8 / 20)
    assert found.counts == {
        "persons": 20, "over": 8, "over_7_days": 6, "over_30_days": 2, "blocked": 18,
        "contacts": 100,
    }  # fmt: skip
    rules = InsightRules(pressure=PressureCaps(in_7_days=6, in_30_days=9))
    assert compute(ROWS, CONTEXT._replace(rules=rules)).value == 0


def test_channels_and_fatigue() -> None:
    """A tenth by text message; two opt-outs for a thousand first contacts."""
    found = {(cell.by, cell.key): cell.value for cell in compute(ROWS, CONTEXT).breakdown}
    assert found == {
        ("channel", "email"): 0.9,
        ("channel", "sms"): 0.1,
        ("fatigue", "1"): 2,
        ("fatigue", "10+"): None,
    }


def test_caps_of_a_realm() -> None:
    """A realm may have its own; what it does not say holds as for all."""
    rules = InsightRules.model_validate(
        {"active_days": 99, "realm": {"b2b": {"pressure": {"in_7_days": 1}}}}
    )
    assert rules.of("b2b").pressure == PressureCaps(in_7_days=1)
    assert (rules.of("b2b").active_days, rules.of("other").pressure) == (99, PressureCaps())


@pytest.mark.parametrize("caps", [{"in_7_days": 0}, {"channels": []}, {"days": 3}])
def test_caps_are_checked(caps: dict[str, object]) -> None:
    """A cap of nothing, or a misspelt one, is refused."""
    with pytest.raises(ValueError, match="pressure"):
        InsightRules.model_validate({"pressure": caps})

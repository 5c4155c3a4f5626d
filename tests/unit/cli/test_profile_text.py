"""A profile as people see it: money with its currency, and what was not read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from schemas.rules.profile import profile_rules
from services.api.operation import plain
from services.cli.profile import print_profile
from services.profiles.core.facts import AttributeObservation, ProfileFacts
from services.profiles.core.golden import golden_record
from services.profiles.core.purchases import Purchases

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_amounts_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Revenue and returned goods of every currency, each with its digits; unreadable dates."""
    said = [
        AttributeObservation(name, value, True, "crm", "app", "e1", NOW)
        for name, value in (("birth_date", "04/12/1971"), ("city", "Ulm"))
    ]
    others = {"JPY": Decimal("1250.0000"), "KWD": Decimal("1.5000")}
    bought = Purchases(3, 1, 0, Decimal("9.5000"), Decimal(0), others, {"KWD": Decimal("0.25")})
    facts = ProfileFacts("default", 5, "person", observations=said, region="DE")
    profile = golden_record(facts, bought, "EUR", profile_rules(), as_of=NOW)
    print_profile(plain(profile), UTC)
    shown = " ".join(capsys.readouterr().out.split())
    assert "3 orders, 1 returns, 0 cancellations, revenue 9.50 EUR, 1250 JPY, 1.500 KWD" in shown
    assert "goods returned for 0.00 EUR, 0.250 KWD" in shown
    assert "birth_date 04/12/1971 (not read) crm" in shown
    assert "city Ulm crm" in shown

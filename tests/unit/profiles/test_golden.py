"""All facts of one profile put together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from schemas.profile import AttributeValue
from schemas.rules.profile import profile_rules
from services.profiles.core.facts import AttributeObservation, Contacts, ProfileFacts, Valued
from services.profiles.core.golden import golden_record
from services.profiles.core.purchases import Purchases

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = Purchases(0, 0, 0, Decimal(0), Decimal(0), {}, {})


def test_preferences_stand_apart() -> None:
    """`preference.channel` is the preference `channel`, not an attribute."""
    facts = ProfileFacts(
        "default",
        5,
        "person",
        observations=[
            AttributeObservation(name, "x", True, "crm", "app", "e1", NOW)
            for name in ("city", "preference.channel")
        ],
    )
    profile = golden_record(facts, NOTHING, "EUR", profile_rules(), as_of=NOW)
    assert list(profile.attributes) == ["city"]
    assert list(profile.preferences) == ["channel"]
    assert isinstance(profile.preferences["channel"], AttributeValue)


def test_identifiers_and_handle() -> None:
    """Identifiers are in a fixed order with the time they were last seen; the handle is kept."""
    named = [Valued(8, "email", "", "b@x.org"), Valued(7, "email", "", "a@x.org")]
    contacts = Contacts(NOW, NOW, NOW, frozenset({"shop", "app"}), {8: NOW})
    facts = ProfileFacts("default", 7, "person", named, contacts=contacts)
    profile = golden_record(facts, NOTHING, "EUR", profile_rules(), as_of=NOW, requested=8)
    assert [one.value for one in profile.identifiers] == ["a@x.org", "b@x.org"]
    assert [one.last_seen for one in profile.identifiers] == [None, NOW]
    assert (profile.profile_id.int, profile.requested_id.int) == (7, 8)
    assert (profile.identifiers_count, profile.channels) == (2, ["app", "shop"])


def test_contacts_and_the_order_of_identifiers() -> None:
    """The three times are kept apart; identifiers go by type, issuer and value, not by node."""
    named = [
        Valued(1, "phone", "", "1"),
        Valued(2, "email", "", "b"),
        Valued(3, "card", "z", "a"),
        Valued(4, "card", "a", "b"),
    ]
    between, later = NOW + timedelta(hours=1), NOW + timedelta(days=1)
    contacts = Contacts(NOW, later, between, frozenset(), {})
    facts = ProfileFacts("default", 1, "person", named, contacts=contacts)
    profile = golden_record(facts, NOTHING, "EUR", profile_rules(), as_of=NOW)
    assert (profile.first_contact, profile.last_contact) == (NOW, later)
    assert profile.last_active == between
    assert [one.node_id.int for one in profile.identifiers] == [4, 3, 2, 1]


def test_numbers_are_read_in_the_region_of_the_realm() -> None:
    """A telephone number without a country is one of the realm's region."""
    said = AttributeObservation("phone", "030 23125014", True, "crm", "app", "e1", NOW)
    facts = ProfileFacts("default", 5, "person", observations=[said], region="DE")
    profile = golden_record(facts, NOTHING, "EUR", profile_rules(), as_of=NOW)
    phones = profile.attributes["phone"]
    assert isinstance(phones, list)
    assert [(one.value, one.valid) for one in phones] == [("+493023125014", True)]

"""All facts of one profile put together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from schemas.profile import AttributeValue
from schemas.rules.profile import profile_rules
from services.profiles.core.facts import AttributeObservation, Contacts, ProfileFacts, Valued
from services.profiles.core.golden import golden_record
from services.profiles.core.purchases import Purchases
from services.profiles.core.timeline import Cursor, decode_cursor, encode_cursor

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
    """First and last contact are kept apart; identifiers go by type, issuer and value, not node."""
    named = [
        Valued(1, "phone", "", "1"),
        Valued(2, "email", "", "b"),
        Valued(3, "card", "z", "a"),
        Valued(4, "card", "a", "b"),
    ]
    later = NOW + timedelta(days=1)
    contacts = Contacts(NOW, later, None, frozenset(), {})
    facts = ProfileFacts("default", 1, "person", named, contacts=contacts)
    profile = golden_record(facts, NOTHING, "EUR", profile_rules(), as_of=NOW)
    assert (profile.first_contact, profile.last_contact, profile.last_active) == (NOW, later, None)
    assert [one.node_id.int for one in profile.identifiers] == [4, 3, 2, 1]


@pytest.mark.parametrize("event_id", ["e1", "with space", "ümläut", ""])
def test_cursor_round_trip(event_id: str) -> None:
    """A cursor leads back to the entry it was made of."""
    at = datetime(1969, 12, 31, 23, 59, 59, 5000, tzinfo=UTC)
    assert decode_cursor(encode_cursor(at, event_id)) == Cursor(-995, event_id)


@pytest.mark.parametrize("word", ["", "x", "äö", "bm9uc2Vuc2U="])
def test_made_up_cursor(word: str) -> None:
    """Any other word is refused."""
    with pytest.raises(ValueError, match="cursor"):
        decode_cursor(word)

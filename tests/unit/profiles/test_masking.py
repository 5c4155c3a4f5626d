"""Masked profiles: enough to recognise a caller, nothing that tells a value."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.profile import AttributeValue, ConsentState, Profile, ProfileIdentifier
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.api.operation import plain
from services.profiles.core.masking import HIDDEN, masked, masked_attribute, masked_identifier

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
TYPES = sorted(identity_rules().by_name)
NAMES = [*(row.name for row in profile_rules().attribute), "shoe_size"]
SIGNS = "abcdefghijklmnopqrstuvwxyzÄß漢字0123456789 .@+-_"
EMAILS = st.from_regex(r"[a-z.]{1,20}@[a-z]{1,12}\.[a-z]{2,10}", fullmatch=True)
PHONES = st.from_regex(r"\+[1-9][0-9]{5,14}", fullmatch=True)
VALUES = st.text(SIGNS, min_size=1, max_size=40) | EMAILS | PHONES
SHOWN_LABELS = {".com", ".net", ".org"}
UNMASKED = ("identifiers", "attributes", "preferences")


def attribute(value: str, given_as: str) -> AttributeValue:
    """An attribute value as a profile holds it."""
    return AttributeValue(
        value=value, given=given_as, valid=True, source="0", channel="1", event_id="2",
        occurred_at=AT, rule="3",
    )  # fmt: skip


def profile(
    identifiers: list[tuple[str, str]],
    attributes: dict[str, list[AttributeValue] | AttributeValue],
    preferences: dict[str, AttributeValue],
) -> Profile:
    """A profile of these values, and some facts that are none."""
    consent = ConsentState(
        address=UUID(int=1), channel="email", purpose="marketing", allowed=True,
        reason="opted_in", event_id="e1", occurred_at=AT,
    )  # fmt: skip
    return Profile(
        profile_id=UUID(int=1), requested_id=UUID(int=2), realm="default", kind="person",
        identifiers=[
            ProfileIdentifier(type=type_, issuer="", value=value, node_id=UUID(int=7))
            for type_, value in identifiers
        ],
        identifiers_count=len(identifiers), attributes=attributes, preferences=preferences,
        consents=[consent], orders=3, returns=0, cancellations=0, revenue=Decimal("12.5"),
        returned=Decimal(0), currency="EUR", other_currencies={}, returned_other_currencies={},
        first_contact=AT, last_contact=AT, last_active=AT, channels=["shop"], as_of=AT,
    )  # fmt: skip


ATTRIBUTES = st.builds(attribute, VALUES, VALUES)
PROFILES = st.builds(
    profile,
    st.lists(st.tuples(st.sampled_from([*TYPES, "of_former_rules"]), VALUES), max_size=6),
    st.dictionaries(
        st.sampled_from(NAMES), ATTRIBUTES | st.lists(ATTRIBUTES, min_size=1, max_size=3)
    ),
    st.dictionaries(st.sampled_from(["0", "1"]), ATTRIBUTES),
)


def texts(found: Any) -> set[str]:
    """Every value and given form in a part of a document."""
    if isinstance(found, list):
        return set[str]().union(*map(texts, found))
    own = {found[name] for name in ("value", "given") if isinstance(found.get(name), str)}
    return own or set[str]().union(*(texts(one) for one in found.values() if one))


@settings(max_examples=60)
@given(PROFILES)
def test_a_masked_profile_holds_no_value(one: Profile) -> None:
    """No value of four or more signs is anywhere in it, and everything else is as it was."""
    before, after = plain(one), plain(masked(one))
    shown = " ".join(sorted(texts([after[name] for name in UNMASKED])))
    for name in UNMASKED:
        for value in texts(before[name]) - SHOWN_LABELS:
            assert len(value.strip()) < 4 or value.strip() not in shown
        assert shape(before[name]) == shape(after[name])
        del before[name], after[name]
    assert before == after


def shape(found: Any) -> Any:
    """A part of a document without its values."""
    if isinstance(found, list):
        return list(map(shape, found))
    if isinstance(found, dict):
        return {name: shape(one) for name, one in found.items() if name not in ("value", "given")}
    return found


@settings(max_examples=60)
@given(PROFILES)
def test_masking_is_a_function_of_the_value(one: Profile) -> None:
    """The same profile is masked the same way, and a mask masks to one that tells no more."""
    assert masked(one) == masked(one)
    for type_, value in ((one.type, one.value) for one in masked(one).identifiers):
        assert len(masked_identifier(type_, value)) <= len(value)


@pytest.mark.parametrize(
    ("type_name", "value", "hint"),
    [
        ("email", "anna.berg@example.com", "a…@e….com"),
        ("email", "anna@mail.example.org", "a…@m….org"),
        ("email", "jo@x.de", "…@….de"),  # too short to hint at
        ("email", "anna@localhost", "a…@…"),  # no label is shown that may be a name
        ("email", "anna@berg.family", "a…@b…"),
        ("email", "no address", HIDDEN),  # of other rules
        ("phone", "+491711234567", "…67"),
        ("phone", "+4911", HIDDEN),
        ("loyalty_card", "2900000004711", "…11"),
        ("customer_number", "K100", HIDDEN),
        ("session", "", HIDDEN),
        ("of_former_rules", "secret-token", "…en"),
    ],
)
def test_hints_at_identifiers(type_name: str, value: str, hint: str) -> None:
    """A caller who says the value is recognised; nobody learns it."""
    assert masked_identifier(type_name, value) == hint


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("first_name", "Anna", "A…"),
        ("last_name", "Ng", HIDDEN),
        ("email", "Anna Berg <anna@example.com>", "A…@e…"),  # as its source wrote it
        ("phone", "0171 1234567", "…67"),
        ("gender", "female", HIDDEN),  # a first letter would tell it
        ("birth_date", "1971-12-04", HIDDEN),
        ("vip", "true", HIDDEN),
        ("never_heard_of", "Anna Berg", HIDDEN),
    ],
)
def test_hints_at_attributes(name: str, value: str, hint: str) -> None:
    """Only what callers are recognised by gives a hint."""
    assert masked_attribute(name, value) == hint

"""What a customer is told about a contact permission."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.api.permission import Language
from schemas.events.master_data import LegalBasis
from services.profiles.core.consent import REFUSALS, ConsentReason, ConsentRecord, Permission
from services.profiles.core.consent_text import (
    INVALID_ADDRESS,
    MONTHS,
    PLACES,
    SHARED_ADDRESS,
    TEXTS,
    UNKNOWN_ADDRESS,
    bare_sentence,
    sentence,
)

BERLIN = ZoneInfo("Europe/Berlin")
LATE = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
"""In Berlin it is the next day."""


def told(reason: str, language: Language, via: str = "shop") -> str:
    """The sentence of a permission that an event on a channel decided."""
    by = ConsentRecord("given", "marketing", "email", 1, "", False, "e", LATE, via)
    return sentence(Permission(reason not in REFUSALS.values(), reason, by), language, BERLIN)


def test_day_and_place_of_a_consent() -> None:
    """The day is the realm's, the place the channel where it was given."""
    english, german = Language.ENGLISH, Language.GERMAN
    assert told("opted_in", english) == (
        "You gave us your consent on 3 March 2026 in the web shop; you can withdraw it at any time."
    )
    assert told("opted_in", german) == (
        "Sie haben am 3. März 2026 im Onlineshop eingewilligt; Sie können Ihre Einwilligung "
        "jederzeit widerrufen."
    )


@pytest.mark.parametrize("channel", ["field_sales", "", "<script>"])
def test_of_other_channels_no_place_is_named(channel: str) -> None:
    """Their names are technical ones."""
    assert "on 3 March 2026;" in told("opted_in", Language.ENGLISH, channel)


@pytest.mark.parametrize("language", Language)
def test_every_reason_has_a_sentence(language: Language) -> None:
    """In every language, whole, and without a gap where nothing decided it."""
    without_day = {ConsentReason.NO_BASIS, ConsentReason.SUPPRESSED}
    bare = {UNKNOWN_ADDRESS, INVALID_ADDRESS, SHARED_ADDRESS, *without_day}
    others = {*ConsentReason, *LegalBasis} - {LegalBasis.CONSENT}
    assert TEXTS[language].keys() == others | bare
    for reason in bare:
        assert "{" not in bare_sentence(reason, language)
    for reason in others:
        text = told(reason, language)
        assert "{" not in text
        assert "  " not in text
        assert text.endswith(".")


def test_both_languages_know_the_same() -> None:
    """Places and months of one are places and months of the other."""
    english, german = PLACES[Language.ENGLISH], PLACES[Language.GERMAN]
    assert english.keys() == german.keys()
    assert {len(months) for months in MONTHS.values()} == {12}

"""What to tell a customer about a contact permission, in English and German.

A sentence says when and where the permission was given or refused, and what the customer can do.
It names no address, no number and no source.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.api.permission import Language
from schemas.events.master_data import LegalBasis
from services.profiles.core.consent import ConsentReason, Permission

UNKNOWN_ADDRESS, INVALID_ADDRESS, SHARED_ADDRESS = (
    "unknown_address", "invalid_address", "shared_address",
)  # fmt: skip
"""Reasons of addresses that nothing can be said of."""
MONTHS = {
    Language.ENGLISH: (
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
    Language.GERMAN: (
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
        "Oktober", "November", "Dezember",
    ),
}  # fmt: skip
PLACES = {
    Language.ENGLISH: {
        "shop": "in the web shop", "app": "in the app", "pos": "in a store", "email": "by e-mail",
        "phone": "by telephone", "chat": "in the chat", "messenger": "by messenger",
        "sms": "by text message", "letter": "by letter", "voice": "by voice assistant",
        "social": "on social media", "marketplace": "on a marketplace",
        "kiosk": "at a terminal in a store", "fair": "at a trade fair",
        "video": "in a video call", "contact_form": "by contact form",
        "community": "in the community", "event": "at an event",
    },
    Language.GERMAN: {
        "shop": "im Onlineshop", "app": "in der App", "pos": "in einer Filiale",
        "email": "per E-Mail", "phone": "am Telefon", "chat": "im Chat",
        "messenger": "per Messenger", "sms": "per SMS", "letter": "per Brief",
        "voice": "per Sprachassistent", "social": "in sozialen Medien",
        "marketplace": "auf einem Marktplatz", "kiosk": "an einem Terminal in einer Filiale",
        "fair": "auf einer Messe", "video": "im Videogespräch",
        "contact_form": "per Kontaktformular", "community": "in der Community",
        "event": "auf einer Veranstaltung",
    },
}  # fmt: skip
"""Where something was said, by channel; of other channels no place is named."""
TEXTS: Mapping[Language, Mapping[str, str]] = {
    Language.ENGLISH: {
        ConsentReason.OPTED_IN: (
            "You gave us your consent on {day}{place}; you can withdraw it at any time."
        ),
        ConsentReason.CONFIRMED: (
            "You confirmed your consent on {day}{place}; you can withdraw it at any time."
        ),
        LegalBasis.EXISTING_CUSTOMER: (
            "You have been our customer since {day}, so we may write to you about similar "
            "goods of ours; you can object at any time, at no cost beyond the basic rates."
        ),
        LegalBasis.LEGITIMATE_INTEREST: (
            "We have contacted you on the basis of our legitimate interest since {day}; you"
            " can object at any time."
        ),
        LegalBasis.PRESUMED_CONSENT: (
            "Since {day} we presume that you agree to be contacted in your business; you "
            "can object at any time."
        ),
        ConsentReason.UNCONFIRMED: (
            "You signed up on {day}{place}, but did not confirm it; we do not contact you "
            "for this until you do."
        ),
        ConsentReason.WITHDRAWN: (
            "You withdrew your consent on {day}{place}; we do not contact you for this any more."
        ),
        ConsentReason.OBJECTED: (
            "You objected on {day}{place}; we do not contact you for this any more."
        ),
        ConsentReason.COMPLAINED: (
            "You reported our mail as unwanted on {day}; we do not contact you for this any more."
        ),
        ConsentReason.BOUNCED: (
            "Our mail could not be delivered on {day}; we do not write to this address any more."
        ),
        ConsentReason.SUPPRESSED: ("We process nothing of yours, and do not contact you."),
        ConsentReason.NO_BASIS: ("We have no permission to contact you for this, and do not."),
        UNKNOWN_ADDRESS: ("We know nobody by this address, and do not contact it."),
        INVALID_ADDRESS: ("This is no address that we could use on this channel."),
        SHARED_ADDRESS: ("Several people use this address, so we do not contact it for this."),
    },
    Language.GERMAN: {
        ConsentReason.OPTED_IN: (
            "Sie haben am {day}{place} eingewilligt; Sie können Ihre Einwilligung jederzeit"
            " widerrufen."
        ),
        ConsentReason.CONFIRMED: (
            "Sie haben Ihre Einwilligung am {day}{place} bestätigt; Sie können sie "
            "jederzeit widerrufen."
        ),
        LegalBasis.EXISTING_CUSTOMER: (
            "Sie sind seit dem {day} unser Kunde, deshalb dürfen wir Ihnen zu eigenen "
            "ähnlichen Waren schreiben; Sie können dem jederzeit widersprechen, ohne dass "
            "dafür andere als die Übermittlungskosten nach den Basistarifen entstehen."
        ),
        LegalBasis.LEGITIMATE_INTEREST: (
            "Wir sprechen Sie seit dem {day} aufgrund unseres berechtigten Interesses an; "
            "Sie können dem jederzeit widersprechen."
        ),
        LegalBasis.PRESUMED_CONSENT: (
            "Wir gehen seit dem {day} davon aus, dass Sie geschäftlich mit einer Ansprache "
            "einverstanden sind; Sie können dem jederzeit widersprechen."
        ),
        ConsentReason.UNCONFIRMED: (
            "Sie haben sich am {day}{place} angemeldet, die Anmeldung aber nicht bestätigt;"
            " bis dahin sprechen wir Sie dazu nicht an."
        ),
        ConsentReason.WITHDRAWN: (
            "Sie haben Ihre Einwilligung am {day}{place} widerrufen; wir sprechen Sie dazu "
            "nicht mehr an."
        ),
        ConsentReason.OBJECTED: (
            "Sie haben am {day}{place} widersprochen; wir sprechen Sie dazu nicht mehr an."
        ),
        ConsentReason.COMPLAINED: (
            "Sie haben unsere E-Mail am {day} als unerwünscht gemeldet; wir sprechen Sie "
            "dazu nicht mehr an."
        ),
        ConsentReason.BOUNCED: (
            "Unsere E-Mail war am {day} nicht zustellbar; wir schreiben nicht mehr an diese"
            " Adresse."
        ),
        ConsentReason.SUPPRESSED: ("Wir verarbeiten nichts von Ihnen und sprechen Sie nicht an."),
        ConsentReason.NO_BASIS: (
            "Wir haben keine Erlaubnis, Sie dazu anzusprechen, und tun es nicht."
        ),
        UNKNOWN_ADDRESS: ("Unter dieser Adresse kennen wir niemanden, und wir nutzen sie nicht."),
        INVALID_ADDRESS: ("Das ist keine Adresse, die wir auf diesem Weg nutzen könnten."),
        SHARED_ADDRESS: (
            "Diese Adresse nutzen mehrere Personen, deshalb nutzen wir sie dafür nicht."
        ),
    },
}
"""By reason; `{place}` begins with a blank, or is empty where it is not known."""
KEPT_TEXTS = {
    Language.ENGLISH: " We kept this when we erased the data that it came with.",
    Language.GERMAN: " Das haben wir behalten, als wir die zugehörigen Daten gelöscht haben.",
}
"""Said of what outlasted an erasure."""


def sentence(permission: Permission, language: Language, zone: ZoneInfo) -> str:
    """What to tell the customer; days are those of the time zone."""
    texts, by = TEXTS[language], permission.by
    text = texts.get(permission.reason, texts[LegalBasis.LEGITIMATE_INTEREST])
    if by is None:
        return text
    place = PLACES[language].get(by.via, "")
    day = _day(by.occurred_at.astimezone(zone), language)
    kept = KEPT_TEXTS[language] if by.is_kept else ""
    return text.format(day=day, place=place and f" {place}") + kept


def bare_sentence(reason: str, language: Language) -> str:
    """The same for an address that nothing can be said of."""
    return TEXTS[language][reason]


def _day(local: datetime, language: Language) -> str:
    dot = "." if language is Language.GERMAN else ""
    return f"{local.day}{dot} {MONTHS[language][local.month - 1]} {local.year}"

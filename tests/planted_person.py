"""A customer whose every value is a string that stands nowhere else, and the neighbours of one.

What is held on the customer is found by searching for the strings, and is gone when none is found.
"""

from __future__ import annotations

from typing import Any

from tests.events import event, identifier, line, order

EMAIL = "zq.planted@mail.example"
PHONE = "+4915129998887"
CARD = "PLANTEDCARD77"
APP_USER = "planted-app-user"
STATED = "stated.planted@mail.example"
"""Typed by the customer, and never verified."""
COOKIE = "planted-cookie"
PLANTED = (
    EMAIL, PHONE, CARD, APP_USER, COOKIE, STATED, "Zephyrine", "Quandtwurzel", "Plantagenweg 77b",
    "Planthausen", "1961-02-03", "planted-order-4711", "planted-return-4711",
    "planted-support-text", "planted-case", "planted-review-text", "planted-survey-text",
    "planted-choice",
    "planted-former-text", "planted-other-body", "planted-on-the-tablet", "planted-rejected-text",
    "planted-event", "planted-conversation",
)  # fmt: skip
"""Strings that stand for the customer."""
OTHERS = ("neighbour@mail.example", "neighbour-order", "tablet-event", "neighbour-text")
"""Strings of somebody else, who used the same tablet."""
TABLET = identifier("device_id", "family-tablet")
_EMAIL = identifier("email", EMAIL, verified=True)
_OTHER = identifier("email", OTHERS[0], verified=True)


def planted_events() -> list[dict[str, Any]]:
    """The events of both, in their order; the last one is rejected."""
    card, user = (
        identifier("loyalty_card", CARD, verified=True),
        identifier("app_user", APP_USER, verified=True),
    )
    cookie = identifier("cookie", COOKIE)
    master = {
        "first_name": "Zephyrine", "last_name": "Quandtwurzel", "street": "Plantagenweg 77b",
        "city": "Planthausen", "birth_date": "1961-02-03", "phone": PHONE,
    }  # fmt: skip
    own = [
        ("identity.linked", [_EMAIL, card, user], {}),
        ("page.viewed", [_EMAIL, cookie, identifier("email", STATED)], {}),
        ("profile.updated", [_EMAIL, identifier("phone", PHONE)], {"attributes": master}),
        ("consent.given", [_EMAIL], {"purpose": "marketing", "channel": "email"}),
        ("support.contacted", [_EMAIL], {"case_id": "planted-case", "text": "planted-former-text"}),
        ("review.posted", [card], {"text": "planted-review-text"}),
        (
            "survey.answered",
            [_EMAIL],
            {
                "kind": "nps",
                "answers": [
                    {
                        "question": "why", "score": 3, "choice": "planted-choice",
                        "text": "planted-survey-text",
                    }
                ],
            },
        ),
        (
            "order.returned",
            [card],
            {"order_id": "planted-order-4711", "return_id": "planted-return-4711", "lines": []},
        ),
    ]  # fmt: skip
    found = [
        event(type_, event_id=f"planted-event-{number}", identifiers=who, body=body)
        for number, (type_, who, body) in enumerate(own)
    ]
    support = found[4]
    corrected = {"case_id": "planted-case", "text": "planted-support-text"}
    other_body = {"case_id": "planted-case", "text": "planted-other-body"}
    return [
        *found,
        order("planted-order-4711", "5.00", event_id="planted-event-8", identifiers=[card]),
        {**support, "revision": 1, "body": corrected},
        {**support, "revision": 1, "body": other_body},
        *_shared(),
        event(
            "no.such.type",
            event_id="typo-1",
            identifiers=[_EMAIL],
            body={"text": "planted-rejected-text"},
        ),
    ]


def _shared() -> list[dict[str, Any]]:
    """Both use one tablet; the customer is named in an event that is kept under it."""
    chat = {"conversation_id": "planted-conversation", "text": "planted-on-the-tablet"}
    return [
        event("page.viewed", event_id="planted-event-t", identifiers=[_EMAIL, TABLET]),
        event("page.viewed", event_id="tablet-event-1", identifiers=[_OTHER, TABLET]),
        event("page.viewed", event_id="tablet-event-2", identifiers=[TABLET]),
        event(
            "message.exchanged",
            channel="chat",
            event_id="planted-event-s",
            identifiers=[TABLET, identifier("email", EMAIL)],
            body=chat,
        ),
        order("neighbour-order", "7.00", event_id="tablet-event-3", identifiers=[_OTHER]),
        event(
            "review.posted",
            event_id="tablet-event-4",
            identifiers=[_OTHER],
            body={"text": "neighbour-text"},
        ),
    ]


def planted_lines() -> list[bytes]:
    """The same as lines."""
    return [line(one) for one in planted_events()]

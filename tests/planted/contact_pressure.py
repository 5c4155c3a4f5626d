"""Four marketing contacts within a week where three are allowed, and what does not count."""

from __future__ import annotations

from datetime import datetime

from tests.events import identifier
from tests.planted import Planted, Sayer

DAY = 24


def plant(at: datetime, tag: str) -> Planted:
    """Contacts under the number and the address of one customer count together."""
    make = Sayer(at, tag)
    mail = identifier("email", f"{tag}@example.com", verified=True)
    number = identifier("customer_number", tag, issuer="shop", verified=True)
    calm = identifier("email", f"{tag}-calm@example.com", verified=True)
    sent = [
        make.said("message.sent", channel, day * DAY, {"purpose": purpose}, identifiers=[who])
        for channel, day, purpose, who in (
            ("email", 1, "marketing", mail),
            ("push", 2, "cart_reminder", number),
            ("email", 3, "survey", mail),
            ("sms", 4, "marketing", number),
        )
    ]
    others = [
        make.said("message.sent", "email", day * DAY, body, identifiers=[calm])
        for day, body in (
            (1, {"purpose": "marketing", "message_id": f"{tag}-m"}),
            (1.5, {"purpose": "marketing", "message_id": f"{tag}-m"}),
            (2, {"purpose": "service"}),
            (3, {"purpose": "marketing"}),
            (4, {"purpose": "transactional"}),
            (5, {"purpose": "marketing"}),
            (8, {"purpose": "marketing"}),
        )
    ]
    joined = make.said("identity.linked", "shop", 0, {}, identifiers=[number, mail])
    expected = {
        "kind": "contact_pressure",
        "channel": "sms",
        "state": "resolved",
        "severity": "low",
        "cause": "over_7_days",
        "contacts": 4,
        "cap": 3,
        "evidence": [[sent[3]["event_id"]], [one["event_id"] for one in sent[:3]]],
    }
    return Planted([joined, *sent, *others], [expected])

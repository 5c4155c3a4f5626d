"""A mail after an objection under another identifier, and mails that are lawful."""

from __future__ import annotations

from datetime import datetime

from tests.events import identifier
from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """Of five mails one was sent to somebody who had objected two days before and more."""
    make = Sayer(at, tag)
    mail = identifier("email", f"{tag}@example.com", verified=True)
    card = identifier("loyalty_card", f"{tag}-card", issuer="club", verified=True)
    calm = identifier("email", f"{tag}-calm@example.com", verified=True)
    objection = make.said("objection.made", "pos", 10, {}, identifiers=[card])
    unlawful = make.said("message.sent", "email", 80, {"purpose": "marketing"}, identifiers=[mail])
    events = [
        make.said("identity.linked", "shop", 1, {}, identifiers=[card, mail]),
        objection,
        make.said("message.sent", "email", 30, {"purpose": "marketing"}, identifiers=[mail]),
        make.said("message.sent", "email", 90, {"purpose": "service"}, identifiers=[mail]),
        unlawful,
        make.said("consent.given", "shop", 20, {"channel": "email"}, identifiers=[calm]),
        make.said("message.sent", "email", 100, {"purpose": "marketing"}, identifiers=[calm]),
        make.said("message.sent", "letter", 100, {"purpose": "marketing"}, identifiers=[calm]),
    ]
    expected = {
        "kind": "marketing_without_consent",
        "channel": "email",
        "state": "resolved",
        "severity": "critical",
        "cause": "objected",
        "messages": 1,
        "evidence": [[unlawful["event_id"]], [objection["event_id"]]],
    }
    return Planted(events, [expected])

"""A complaint that waits for days, and one that is answered at once."""

from __future__ import annotations

from datetime import datetime

from tests.events import identifier
from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """Only the answer after two days is late."""
    make = Sayer(at, tag)
    waits = [identifier("email", f"{tag}@example.com", verified=True)]
    late, prompt = f"{tag}-late", f"{tag}-prompt"
    events = [
        make.said("complaint.opened", "email", 0, {"case_id": late}, identifiers=waits),
        make.said("complaint.opened", "email", 0, {"case_id": prompt}, identifiers=waits),
        make.said("support.answered", "email", 1, {"case_id": prompt}, identifiers=waits),
        make.said("support.answered", "email", 240, {"case_id": late}, identifiers=waits),
    ]
    expected = {"kind": "reply_overdue", "id": late, "channel": "email", "state": "resolved"}
    return Planted(events, [expected])

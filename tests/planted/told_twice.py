"""A mail waits, and the customer has to tell it again on the telephone."""

from __future__ import annotations

from datetime import datetime

from tests.events import identifier
from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """A reminder by mail, another matter and a call after the answer tell nothing twice."""
    make = Sayer(at, tag)
    who = [identifier("email", f"{tag}@example.com", verified=True)]
    other = [identifier("email", f"{tag}-other@example.com", verified=True)]
    first, call = f"{tag}-mail", f"{tag}-call"
    said = (
        ("contacted", "email", 0, first, "Where is my parcel?", who),
        ("contacted", "email", 2, first, "Re: Where is my parcel?", who),
        ("contacted", "phone", 4, call, "where is my parcel", who),
        ("answered", "email", 9, first, "", who),
        ("contacted", "phone", 12, f"{tag}-thanks", "Where is my parcel?", who),
        ("contacted", "email", 0, f"{tag}-a", "Broken lamp", other),
        ("contacted", "phone", 1, f"{tag}-b", "Invoice", other),
        ("answered", "email", 3, f"{tag}-a", "", other),
    )
    events = [
        make.said(
            f"support.{what}",
            channel,
            hours,
            {"case_id": case, "subject": subject},
            identifiers=whose,
        )
        for what, channel, hours, case, subject, whose in said
    ]
    expected = {
        "kind": "told_twice",
        "channel": "phone",
        "state": "resolved",
        "cause": "same_subject",
        "first_case": first,
        "case": call,
        "times": 2,
    }
    return Planted(events, [expected])

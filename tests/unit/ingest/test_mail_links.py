"""Who opens a mail, or follows its link, may be somebody it was forwarded to."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.core.identify import LINK_TYPES
from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, core, event, identifier, line

EMAIL = identifier("email", "anna@example.com", verified=True)
PHONE = identifier("phone", "+493023125010")
COOKIE = identifier("cookie", "of a friend")
SESSION = identifier("session", "of a friend")


def sent(type_: str, *identifiers: dict[str, Any], **body: Any) -> Accepted:
    """The outcome of an event of a trusted mailer."""
    fields = event(type_, identifiers=list(identifiers), body=body, channel="email")
    outcome = core().process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    return outcome


@pytest.mark.parametrize("type_", sorted(LINK_TYPES))
def test_only_a_single_use_token_proves_who_followed_a_link(type_: str) -> None:
    """Without one the address is only stated, whatever the mailer says: the click of a friend does
    not join the friend's device to the addressee."""
    [forwarded] = sent(type_, EMAIL, COOKIE).edges
    [own] = sent(type_, EMAIL, COOKIE, single_use_token=True).edges
    assert (forwarded.verified, own.verified) == (False, True)
    assert sent(type_, EMAIL, COOKIE).row["anchor_type"] == "cookie"


@pytest.mark.parametrize("type_", sorted(LINK_TYPES))
def test_nor_does_a_link_join_by_a_reference(type_: str) -> None:
    """A phone number in the link is the addressee's, the devices are those of whoever clicks."""
    outcome = sent(type_, PHONE, COOKIE, SESSION)
    assert outcome.row["anchor_type"] == "session"
    grades = {edge.a.type if edge.a.type != "session" else edge.b.type: edge.verified
              for edge in outcome.edges}  # fmt: skip
    assert grades == {"phone": False, "cookie": True}


def test_what_no_link_makes_is_proven_as_ever() -> None:
    """A mailer that reports a delivery names the addressee."""
    number = identifier("customer_number", "1001", issuer="shop", verified=True)
    [edge] = sent("email.delivered", EMAIL, number).edges
    assert edge.verified

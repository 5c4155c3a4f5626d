"""Signs of life: what the customer did, what happened to the customer, and what a program did."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.examples import EXAMPLES
from schemas.touchpoint import EVENT_TYPES
from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, core, event, line

PASSIVE = {
    "order.status_changed", "order.cancelled", "voucher.issued", "till.closed", "message.sent",
    "email.sent", "email.delivered", "email.bounced", "campaign.published", "campaign.reached",
    "profile.updated", "loyalty.changed", "support.answered", "complaint.closed", "quote.sent",
    "opportunity.changed", "contract.renewed", "contract.ended", "offer.published",
    "store.published",
}  # fmt: skip
APPLE, GMAIL = (
    "Mozilla/5.0",
    "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)",
)
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"
PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


def is_active(type_name: str, body: dict[str, Any]) -> bool:
    """Whether an event of this body counts as the customer's own."""
    outcome = core().process(line(event(type_name, body=body)), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    active: bool = outcome.row["active"]
    return active


@pytest.mark.parametrize("type_name", sorted(EVENT_TYPES))
def test_every_type_says_who_acts(type_name: str) -> None:
    """Mails, balances and answers happen to a customer; everything else the customer does."""
    body = EXAMPLES[type_name].get("body", {}) | {"author": "customer"}
    assert is_active(type_name, body) is (type_name not in PASSIVE)


@pytest.mark.parametrize("type_name", ["email.opened", "email.clicked"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, True),
        ({"user_agent": PERSON}, True),
        ({"automated": True}, False),
        ({"automated": True, "user_agent": PERSON}, False),
        ({"user_agent": APPLE}, False),
        ({"user_agent": GMAIL}, False),
        ({"user_agent": SCANNER}, False),
        ({"user_agent": "python-requests/2.31"}, False),
        ({"user_agent": "Slackbot-LinkExpanding 1.0"}, False),
    ],
)
def test_programs_open_and_click_for_nobody(
    type_name: str, body: dict[str, Any], expected: bool
) -> None:
    """A proxy or link scanner is told by its sender, or known by its user agent."""
    assert is_active(type_name, body) is expected


@pytest.mark.parametrize(
    ("type_name", "body", "expected"),
    [
        ("message.exchanged", {"conversation_id": "1", "author": "customer"}, True),
        ("message.exchanged", {"conversation_id": "1", "author": "bot"}, False),
        ("message.exchanged", {"conversation_id": "1", "author": "agent"}, False),
        ("identity.linked", {"reason": "login"}, True),
        ("identity.linked", {"reason": "other"}, False),  # perhaps a nightly match of two systems
        ("identity.linked", {}, False),
        ("order.placed", {"order_id": "1", "receipt_kind": "training"}, False),
    ],
)
def test_the_body_may_say_otherwise(type_name: str, body: dict[str, Any], expected: bool) -> None:
    """Bots and agents write, systems link and tills train without the customer."""
    assert is_active(type_name, body) is expected

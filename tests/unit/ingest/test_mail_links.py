"""Who opens a mail, or follows its link, may be somebody it was forwarded to."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.identifiers import node_id
from services.ingest.core.identify import LINK_TYPES
from services.ingest.core.outcome import Accepted
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line

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
    is_refusal = type_ == "email.unsubscribed"
    assert sent(type_, EMAIL, COOKIE).row["anchor_type"] == ("email" if is_refusal else "cookie")


REFUSALS = [
    ("email.unsubscribed", {}),
    ("email.complained", {}),
    ("email.bounced", {"bounce": "hard"}),
]


@pytest.mark.parametrize(("type_", "body"), REFUSALS)
@pytest.mark.parametrize("others", [(), (COOKIE,), (PHONE, COOKIE, SESSION)])
@pytest.mark.parametrize("named", ["identifier", "address", "both"])
def test_a_refusal_stands_in_the_history_of_its_address(
    type_: str, body: dict[str, Any], others: tuple[dict[str, Any], ...], named: str
) -> None:
    """Whoever's device the link was opened on, and whether the event names the mailbox as an
    identifier or as the address of the mail: it ends what the addressee agreed to, and joins
    nobody."""
    mailbox = EMAIL | {"verified": False}
    who = others if named == "address" else (*others, mailbox)
    address = {} if named == "identifier" else {"address": " Anna@Example.com"}
    outcome = sent(type_, *who, **body, **address)
    assert outcome.node == node_id(SECRET, "default", "email", "", "anna@example.com")
    assert outcome.row["consents.address"] == [outcome.node]
    assert not any(edge.verified for edge in outcome.edges)
    assert len(outcome.edges) == len(others)


def test_a_refusal_of_a_known_customer_stays_with_them() -> None:
    """A customer number is one person's own, and so is the address named beside it."""
    number = identifier("customer_number", "1001", issuer="shop", verified=True)
    outcome = sent("email.unsubscribed", number, COOKIE, address="b@example.com",
                   single_use_token=True)  # fmt: skip
    assert outcome.row["anchor_type"] == "customer_number"


def test_of_two_mailboxes_without_an_address_none_is_guessed() -> None:
    """Nor is an address that cannot be read taken for the one of the identifiers, if there are
    more."""
    second = identifier("email", "ben@example.com")
    for address in ("", "anna"):
        outcome = sent("email.complained", EMAIL | {"verified": False}, second, COOKIE,
                       address=address)  # fmt: skip
        assert outcome.row["anchor_type"] == "cookie"


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

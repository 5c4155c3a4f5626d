"""Who acted in an event: nodes and grades of its identifiers, and the anchor of nobody."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.edge import Edge, Node
from schemas.identifiers import RECORD_TYPE, node_id
from schemas.reject import RejectReason
from schemas.rules.identity import identity_rules
from schemas.rules.trust import trusting
from schemas.touchpoint import TouchpointAdapter
from services.ingest.core.identify import Identification
from services.ingest.core.outcome import (
    DropReason,
    Identified,
    Intake,
    Reject,
    ResolvedIdentifier,
)
from tests.events import SECRET, event, identifier, line

EMAIL = identifier("email", "Anna@Example.com", issuer="shop")
NUMBER = identifier("customer_number", "1001", verified=True)


def identify(
    fields: dict[str, Any], intake: Intake = Intake.SERVER, trusted: str = "*"
) -> Identified | Reject:
    """Who acted in an event that is stored as "e" and happened at 5."""
    trust, issuers = trusting([trusted]), {"webshop": "shop"}
    by = Identification(SECRET, identity_rules(), {"default": "DE"}, issuers, trust)
    return by.identify(TouchpointAdapter.validate_json(line(fields)), "e", 5, intake)


def node(type_: str, issuer: str, value: str) -> Node:
    """The node of an identifier in its written form."""
    return Node(node_id(SECRET, "default", type_, issuer, value), type_, issuer)


def test_an_identifier_has_a_node_and_a_written_form() -> None:
    """A number without an issuer is the source's; an address has none, whoever names one."""
    found = identify(event(identifiers=[NUMBER, EMAIL]))
    assert isinstance(found, Identified)
    number, email = node("customer_number", "shop", "1001"), node("email", "", "anna@example.com")
    assert found.identifiers == [
        ResolvedIdentifier(number, "1001", True),
        ResolvedIdentifier(email, "anna@example.com", False),
    ]
    assert found.edges == [Edge(min(number, email), max(number, email), 5, "e", False)]


@pytest.mark.parametrize(
    ("type_", "intake", "value"),
    [
        ("order.placed", Intake.SERVER, "o-1"),
        ("order.placed", Intake.PUBLIC, "e"),  # a stranger adds to no order
        ("offer.published", Intake.SERVER, "e"),
    ],
)
def test_an_event_of_nobody_stands_under_a_record(type_: str, intake: Intake, value: str) -> None:
    """That of its order, if it has one, else its own; the record joins nobody."""
    found = identify(event(type_, identifiers=[], body={"order_id": "o-1", "sku": "A-1"}), intake)
    record = ResolvedIdentifier(node(RECORD_TYPE, "webshop", value), value, True)
    assert found == Identified([], record, [], ())


def test_an_unknown_type_is_named_by_its_place() -> None:
    """The reject says which identifier of which event."""
    fields = event(identifiers=[NUMBER, identifier("shoe_size", "44")])
    assert identify(fields) == Reject(
        RejectReason.INVALID_FIELD,
        "identifiers.1.type",
        "no such identifier type",
        fields["event_id"],
    )


@pytest.mark.parametrize(
    ("again", "trusted", "is_verified"),
    [(EMAIL | {"verified": True}, "*", True), (EMAIL, "*", False),
     (EMAIL | {"verified": True}, "crm", False)],
)  # fmt: skip
def test_an_identifier_given_twice_is_one(
    again: dict[str, Any], trusted: str, is_verified: bool
) -> None:
    """Verified if it is so once, by a trusted source."""
    found = identify(event(identifiers=[EMAIL, again]), trusted=trusted)
    assert isinstance(found, Identified)
    assert [one.verified for one in found.identifiers] == [is_verified]


@pytest.mark.parametrize(
    "named",
    [[], [identifier("cookie", "c-1"), EMAIL, identifier("email", "ben@example.com")]],
)
def test_a_refusal_stands_under_the_address_that_it_names(named: list[dict[str, Any]]) -> None:
    """Whoever holds the mail, and whether the list of identifiers has the address or not."""
    body = {"address": "Ben@example.com"}
    found = identify(event("email.unsubscribed", identifiers=named, body=body))
    assert isinstance(found, Identified)
    ben = node("email", "", "ben@example.com")
    assert found.anchor == ResolvedIdentifier(ben, "ben@example.com", False)
    assert len(found.identifiers) == (len(named) or 1)


def test_every_dropped_identifier_has_its_reason() -> None:
    """With a public key and without a device nothing is used, whatever else was wrong."""
    body = {"kind": "nps", "answers": [{"question": "q", "score": 1}]}
    named = [identifier("email", "anna at example"), EMAIL, NUMBER]
    found = identify(event("survey.answered", identifiers=named, body=body), Intake.PUBLIC)
    assert isinstance(found, Identified)
    assert found.dropped == (DropReason.MALFORMED, DropReason.NO_DEVICE, DropReason.NO_DEVICE)

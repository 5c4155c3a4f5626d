"""What a fact says of contact permission: the step, its target, and whose address it is for."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.identifiers import node_id
from schemas.reject import RejectReason
from services.ingest.core.fact import COLUMNS
from services.ingest.core.outcome import Accepted, Intake, Reject
from tests.events import RECEIVED_AT, SECRET, core, event, identifier, line

COOKIE = identifier("cookie", "c-1")
EMAIL = identifier("email", "anna@example.com", verified=True)
ANNA = node_id(SECRET, "default", "email", "", "anna@example.com")
BEN = node_id(SECRET, "default", "email", "", "ben@example.com")
STEP = [name for name in COLUMNS if name.startswith("consents.")]
NO_DEVICE = "none names a device, as events of a public write key must"


def consents(type_name: str, body: dict[str, Any], *named: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The consents of an event by row, in the order of the columns; and the anchor as 'anchor'."""
    fields = event(type_name, body=body, identifiers=list(named or (COOKIE,)))
    outcome = core().process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Accepted), outcome
    rows = list(zip(*(outcome.row[name] for name in STEP), strict=True))
    assert outcome.has_consents == bool(rows)
    return [tuple("anchor" if value == outcome.node else value for value in row) for row in rows]


@pytest.mark.parametrize(
    ("type_name", "body", "row"),
    [
        (
            "consent.given",
            {"purpose": "news", "channel": "letter", "text_version": "v2", "double_opt_in": True},
            ("given", "news", "letter", "anchor", "consent", True, "v2"),
        ),
        (
            "consent.confirmed",
            {"basis": "existing_customer"},
            ("confirmed", "marketing", "email", "anchor", "existing_customer", False, ""),
        ),
        (
            "consent.withdrawn",
            {"address": "Ben@example.com"},
            ("withdrawn", "marketing", "email", BEN, "consent", False, ""),
        ),
        (
            "objection.made",
            {"purpose": "profiling", "channel": "phone"},
            ("objection", "profiling", "phone", 0, "", False, ""),
        ),
        (
            "email.unsubscribed",
            {"address": "ben@example.com"},
            ("withdrawn", "marketing", "email", BEN, "", False, ""),
        ),
    ],
)
def test_a_step_of_permission_is_one_row(
    type_name: str, body: dict[str, Any], row: tuple[Any, ...]
) -> None:
    """Action, purpose, channel, address, legal basis, double opt-in and version of the text."""
    assert consents(type_name, body) == [row]


@pytest.mark.parametrize("type_name", ["email.clicked", "email.opened", "page.viewed"])
def test_other_events_say_nothing_of_permission(type_name: str) -> None:
    """A reaction to a mail is no withdrawal unless it unsubscribes."""
    assert consents(type_name, {}) == []


@pytest.mark.parametrize(
    ("body", "address"),
    [
        ({"address": "ben@example.com"}, BEN),  # the address of the consent itself
        ({"address": "no address"}, ANNA),  # unreadable: the one the event names
        ({}, ANNA),
        ({"channel": "sms"}, "anchor"),  # the event names no phone
        ({"channel": "letter"}, "anchor"),  # a channel without addresses of its own
        ({"channel": "letter", "address": "ben@example.com"}, "anchor"),
    ],
)
def test_whose_address_a_consent_is_for(body: dict[str, Any], address: object) -> None:
    """The address it names, else the event's identifier of that type, else the anchor."""
    number = identifier("customer_number", "1001", issuer="shop", verified=True)
    [row] = consents("consent.given", body, number, EMAIL)
    assert row[3] == address


@pytest.mark.parametrize(
    ("identifiers", "intake", "reject"),
    [
        ([], Intake.FILE, (RejectReason.NO_USABLE_IDENTIFIER, "none given")),
        (
            [identifier("email", "nonsense")],
            Intake.FILE,
            (RejectReason.NO_USABLE_IDENTIFIER, "none can be used here"),
        ),
        ([EMAIL], Intake.PUBLIC, (RejectReason.NO_USABLE_IDENTIFIER, NO_DEVICE)),
        (
            [identifier("email", "test@test.de")],
            Intake.FILE,
            (RejectReason.ALL_IDENTIFIERS_BLOCKED, "only placeholders"),
        ),
    ],
)
def test_an_event_of_nobody_says_why_none_of_its_identifiers_counts(
    identifiers: list[dict[str, Any]], intake: Intake, reject: tuple[RejectReason, str]
) -> None:
    """The reject names the list, the reason in words, and the event."""
    fields = event(identifiers=identifiers)
    outcome = core().process(line(fields), RECEIVED_AT, intake)
    reason, message = reject
    assert outcome == Reject(reason, "identifiers", message, fields["event_id"])

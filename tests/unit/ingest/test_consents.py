"""What a fact says of contact permission: the step, its target, and whose address it is for."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.identifiers import node_id
from schemas.reject import RejectReason
from services.ingest.core.fact_row import COLUMNS
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
            {"purpose": "survey", "channel": "letter", "text_version": "v2", "double_opt_in": True},
            ("given", "survey", "letter", "anchor", "consent", True, "v2"),
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
            ("withdrawn", "", "email", "anchor", "", False, ""),
        ),
        (
            "email.unsubscribed",
            {"address": "ben@example.com", "purpose": "survey"},
            ("withdrawn", "survey", "email", "anchor", "", False, ""),
        ),
        (
            "email.unsubscribed",  # of a list that is no configured purpose: better too much
            {"address": "ben@example.com", "purpose": "spring news"},
            ("withdrawn", "", "email", "anchor", "", False, ""),
        ),
        (
            "email.complained",
            {"address": "ben@example.com"},
            ("complained", "", "email", "anchor", "", False, ""),
        ),
        (
            "email.bounced",
            {"address": "ben@example.com", "bounce": "hard"},
            ("bounced", "", "email", "anchor", "", False, ""),
        ),
        ("email.unsubscribed", {}, ("withdrawn", "", "email", 0, "", False, "")),
        ("email.complained", {}, ("complained", "", "email", 0, "", False, "")),
        ("consent.withdrawn", {}, ("withdrawn", "marketing", "email", 0, "consent", False, "")),
        (
            "consent.withdrawn",
            {"channel": "letter"},
            ("withdrawn", "marketing", "letter", 0, "consent", False, ""),
        ),
    ],
)
def test_a_step_of_permission_is_one_row(
    type_name: str, body: dict[str, Any], row: tuple[Any, ...]
) -> None:
    """Action, purpose, channel, address, legal basis, double opt-in and version of the text."""
    assert consents(type_name, body) == [row]


UNREADABLE = [
    ("email", "anna at example"),
    ("sms", "+49 30"),
    ("phone", "436641234567"),  # of two countries
    ("voice", "anna@example.com"),
]


@pytest.mark.parametrize("type_name", ["consent.given", "consent.confirmed"])
@pytest.mark.parametrize(("channel", "address"), UNREADABLE)
def test_a_consent_for_an_unreadable_address_is_one_for_no_other(
    type_name: str, channel: str, address: str
) -> None:
    """Not for the sender's own address either, although the event names it."""
    body = {"channel": channel, "address": address}
    fields = event(type_name, body=body, identifiers=[EMAIL])
    message = "no address of this channel can be read from it; correct it, or leave it out"
    assert core().process(line(fields), RECEIVED_AT) == Reject(
        RejectReason.INVALID_FIELD, "body.address", message, fields["event_id"]
    )


@pytest.mark.parametrize(("channel", "address"), UNREADABLE)
def test_a_withdrawal_for_an_unreadable_address_reaches_all(channel: str, address: str) -> None:
    """Whichever address was meant, it is among those of the person."""
    [row] = consents("consent.withdrawn", {"channel": channel, "address": address}, EMAIL)
    assert row == ("withdrawn", "marketing", channel, 0, "consent", False, "")


@pytest.mark.parametrize("address", ["", "(null)", "#N/A"])
def test_a_placeholder_is_no_address(address: str) -> None:
    """What exporters write for "no value" leaves the event's own address."""
    [row] = consents("consent.given", {"address": address}, COOKIE, EMAIL)
    assert row[3] == "anchor"
    assert row[0] == "given"


@pytest.mark.parametrize("type_name", ["email.unsubscribed", "email.complained", "email.bounced"])
def test_a_reaction_with_an_unreadable_address_is_of_the_mail_that_it_names(type_name: str) -> None:
    """The identifiers say whose mail it was."""
    body = {"address": "Anna <anna>", "bounce": "hard", "single_use_token": True}
    [row] = consents(type_name, body, EMAIL)
    assert row[3] == "anchor"


@pytest.mark.parametrize("type_name", ["email.clicked", "email.opened", "page.viewed"])
def test_other_events_say_nothing_of_permission(type_name: str) -> None:
    """A reaction to a mail is no withdrawal unless it unsubscribes."""
    assert consents(type_name, {}) == []


@pytest.mark.parametrize(
    ("body", "is_hard"),
    [
        ({"bounce": "hard"}, True),
        ({"bounce": "hard", "reason": "452 4.2.2 mailbox full"}, True),
        ({"bounce": "soft", "reason": "550 5.1.1 no such user"}, False),
        ({"reason": "550 no such mailbox"}, True),
        ({"reason": "smtp; 550 5.1.1 <x> user unknown"}, True),
        ({"reason": "551 user not local"}, True),
        ({"reason": "5.2.1 mailbox disabled"}, True),
        ({"reason": "Permanent - General"}, True),
        ({"reason": "hard bounce"}, True),
        ({"reason": "552 5.2.2 mailbox full"}, False),
        ({"reason": "550 5.7.1 message rejected as spam"}, False),
        ({"reason": "421 4.3.2 try again later"}, False),
        ({"reason": "450 4.1.1 unknown for now"}, False),
        ({"reason": "mailbox full"}, False),
        ({"reason": "order 15505 not found"}, False),
        ({}, False),
    ],
)
def test_only_a_hard_bounce_says_that_the_address_does_not_exist(
    body: dict[str, Any], is_hard: bool
) -> None:
    """As the mailing service says, else by the SMTP reply; a full mailbox is no refusal."""
    rows = consents("email.bounced", body | {"address": "ben@example.com"})
    assert [row[:4] for row in rows] == ([("bounced", "", "email", "anchor")] if is_hard else [])


def test_bounce_of_an_unknown_address_says_nothing() -> None:
    """One customer's dead address is not all of the customer's addresses."""
    assert consents("email.bounced", {"bounce": "hard"}) == []


@pytest.mark.parametrize(
    ("type_name", "body", "path"),
    [
        ("consent.given", {"purpose": "newsletter"}, "body.purpose"),
        ("consent.given", {"purpose": "Marketing"}, "body.purpose"),
        ("consent.withdrawn", {"channel": "e-mail"}, "body.channel"),
        ("consent.confirmed", {"channel": "E-Mail"}, "body.channel"),
        ("objection.made", {"purpose": "ads"}, "body.purpose"),
        ("objection.made", {"channel": "mail"}, "body.channel"),
    ],
)
def test_purposes_and_channels_of_contact_are_closed_lists(
    type_name: str, body: dict[str, Any], path: str
) -> None:
    """A consent that nobody would ask for, or a refusal that nobody would find, is sent back."""
    fields = event(type_name, body=body)
    outcome = core().process(line(fields), RECEIVED_AT)
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.path) == (RejectReason.INVALID_FIELD, path)
    assert "use one of" in outcome.message
    listed = ", marketing, " if path == "body.purpose" else ", email, "
    assert listed in outcome.message
    assert outcome.event_id == fields["event_id"]


def test_lists_of_your_own() -> None:
    """A house may have other purposes and channels of contact."""
    own = core(purposes=frozenset({"newsletter", "club"}), contact_channels=frozenset({"fax"}))
    body = {"purpose": "newsletter", "channel": "fax"}
    assert isinstance(own.process(line(event("consent.given", body=body)), RECEIVED_AT), Accepted)
    unlisted = event("consent.given", body={"purpose": "marketing"})
    assert own.process(line(unlisted), RECEIVED_AT) == Reject(
        RejectReason.INVALID_FIELD,
        "body.purpose",
        "not a configured purpose of contact; use one of club, newsletter",
        unlisted["event_id"],
    )


def test_a_long_list_is_cut() -> None:
    """The message of a reject has at most 300 characters."""
    own = core(purposes=frozenset(f"purpose_{number}" for number in range(99)))
    outcome = own.process(line(event("consent.given", body={})), RECEIVED_AT)
    assert isinstance(outcome, Reject)
    assert len(outcome.message) == 300


def test_a_reaction_with_an_unreadable_address_is_that_of_the_event() -> None:
    """A mailing service that garbles the address still names whose mail came back."""
    body = {"address": "anna at example", "bounce": "hard"}
    number = identifier("customer_number", "1001", issuer="shop", verified=True)
    [row] = consents("email.bounced", body, number, EMAIL)
    assert row[3] == ANNA


def test_refusal_with_a_public_key_speaks_for_its_device() -> None:
    """A stranger who names no address withdraws nothing but his own device's consents."""
    fields = event("consent.withdrawn", body={}, identifiers=[COOKIE])
    outcome = core().process(line(fields), RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(outcome, Accepted)
    assert outcome.row["consents.address"] == [outcome.node]


@pytest.mark.parametrize(
    ("body", "address"),
    [
        ({"address": "ben@example.com"}, BEN),  # the address of the consent itself
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
        (
            [identifier("phone", "436641234567")],
            Intake.FILE,
            (
                RejectReason.NO_USABLE_IDENTIFIER,
                "ambiguous: write telephone numbers with + and their country",
            ),
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


NUMBER = identifier("phone", "+49 151 12345678")
HANDY = node_id(SECRET, "default", "phone", "", "+4915112345678")


def answer(text: str, channel: str = "sms", author: str = "customer", intake: Intake = Intake.FILE,
           identifiers: list[dict[str, Any]] | None = None) -> Accepted:  # fmt: skip
    """The outcome of a message."""
    body = {"conversation_id": "c", "author": author, "text": text}
    named = [NUMBER] if identifiers is None else identifiers
    fields = event("message.exchanged", body=body, channel=channel, identifiers=named)
    outcome = core().process(line(fields), RECEIVED_AT, intake)
    assert isinstance(outcome, Accepted)
    return outcome


@pytest.mark.parametrize("channel", ["sms", "messenger"])
@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", " Stop! ", "„STOP“", "Stopp.", "STOP  SMS", "Abmelden", "opt-out", "ARRÊT"],
)
def test_a_stop_word_ends_every_purpose_on_its_channel(text: str, channel: str) -> None:
    """In any letter case and with signs around it; for the number that it came from."""
    row = answer(text, channel).row
    assert [row[name] for name in STEP[:4]] == [
        ["withdrawn"], [""], [channel], [HANDY if channel == "sms" else 0]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "channel", "author"),
    [
        ("STOP", "sms", "agent"),
        ("STOP", "sms", "bot"),
        ("STOP", "shop", "customer"),
        ("", "sms", "customer"),
        ("!", "sms", "customer"),
        ("Stop, where is my parcel", "sms", "customer"),
        ("nonstop", "sms", "customer"),
        ("cancel", "sms", "customer"),
    ],
)
def test_no_other_message_says_anything_of_permission(text: str, channel: str, author: str) -> None:
    """Of the retailer, on other channels, or with more words than that one."""
    assert answer(text, channel, author).row["consents.action"] == ()


def test_a_stranger_cannot_stop_for_somebody() -> None:
    """With a public key the word stands in the history of the sender's own device."""
    stopped = answer("STOP", intake=Intake.PUBLIC, identifiers=[COOKIE, NUMBER])
    assert stopped.row["anchor_type"] == "cookie"
    alone = answer("STOP", intake=Intake.PUBLIC, identifiers=[COOKIE])
    assert alone.row["consents.address"] == [alone.node]

"""Who may be contacted, where and for what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.identifiers import WHOLE_PERSON
from schemas.kept_objection import KeptObjection
from schemas.rules.profile import ConsentRules, MailReaction
from services.profiles.core.consent import (
    SUPPRESSED,
    ConsentRecord,
    Consents,
    Target,
    kept_record,
    permissions,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
HOME, WORK = 11, 22
GERMAN_DEFAULT = ConsentRules()


def record(action: str, day: int, address: int = HOME, **more: str | bool) -> ConsentRecord:
    """A step on the marketing e-mails of an address."""
    return ConsentRecord(
        action=action,
        purpose=str(more.get("purpose", "marketing")),
        channel=str(more.get("channel", "email")),
        address=address,
        basis=str(more.get("basis", "consent" if action in ("given", "confirmed") else "")),
        double_opt_in=bool(more.get("double_opt_in", False)),
        event_id=f"{action}-{day}",
        occurred_at=START + timedelta(days=day),
    )


def asked(day: int, address: int = HOME) -> ConsentRecord:
    """A consent that waits for its double opt-in."""
    return record("given", day, address, double_opt_in=True)


def objection(day: int, channel: str = "email", purpose: str = "marketing") -> ConsentRecord:
    """An objection of the person."""
    return record("objection", day, WHOLE_PERSON, channel=channel, purpose=purpose)


def state(*records: ConsentRecord, address: int = HOME) -> tuple[bool, str, str]:
    """Whether marketing e-mail to the address is allowed, why, and by which event."""
    [found] = [
        one
        for one in permissions(records, GERMAN_DEFAULT)
        if (one.address.int, one.channel, one.purpose) == (address, "email", "marketing")
    ]
    return found.allowed, found.reason, found.event_id


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        # an opt-in that asks for no confirmation counts by itself
        ([record("given", 1)], (True, "opted_in", "given-1")),
        # an unconfirmed double opt-in is none
        ([asked(1)], (False, "double_opt_in_unconfirmed", "given-1")),
        ([asked(1), record("confirmed", 2)], (True, "double_opt_in_confirmed", "confirmed-2")),
        # asking again does not undo a confirmation
        (
            [asked(1), record("confirmed", 2), asked(3)],
            (True, "double_opt_in_confirmed", "confirmed-2"),
        ),
        ([record("given", 1), record("withdrawn", 2)], (False, "withdrawn", "withdrawn-2")),
        # consent given again after a withdrawal counts again
        ([record("withdrawn", 1), record("given", 2)], (True, "opted_in", "given-2")),
        # ... but not while it waits
        ([record("withdrawn", 1), asked(2)], (False, "double_opt_in_unconfirmed", "given-2")),
        # ties mean no
        ([record("given", 2), record("withdrawn", 2)], (False, "withdrawn", "withdrawn-2")),
        ([record("given", 2), objection(2)], (False, "objected", "objection-2")),
        # an objection holds on its channel or on every one, for its purpose
        ([record("given", 1), objection(2)], (False, "objected", "objection-2")),
        ([record("given", 1), objection(2, "")], (False, "objected", "objection-2")),
        ([record("given", 1), objection(2, "phone")], (True, "opted_in", "given-1")),
        ([record("given", 1), objection(2, "", "survey")], (True, "opted_in", "given-1")),
        # only an opt-in later than every objection counts
        ([objection(1), record("given", 2)], (True, "opted_in", "given-2")),
        ([objection(1), record("given", 2), objection(3)], (False, "objected", "objection-3")),
        ([record("given", 1, basis="")], (True, "opted_in", "given-1")),
        # the latest opt-in is the reason
        (
            [record("given", 1), record("confirmed", 2)],
            (True, "double_opt_in_confirmed", "confirmed-2"),
        ),
        # another basis is allowed until the first refusal, and never after one
        (
            [record("given", 1, basis="existing_customer")],
            (True, "existing_customer", "given-1"),
        ),
        (
            [objection(1), record("given", 2, basis="existing_customer")],
            (False, "objected", "objection-1"),
        ),
        # a refusal of every purpose is one of each
        (
            [record("given", 1), record("withdrawn", 2, purpose="")],
            (False, "withdrawn", "withdrawn-2"),
        ),
        ([record("withdrawn", 1, purpose="")], (False, "withdrawn", "withdrawn-1")),
        ([record("withdrawn", 1, purpose=""), record("given", 2)], (True, "opted_in", "given-2")),
        # a complaint or a hard bounce refuses, until a later opt-in
        (
            [record("given", 1), record("complained", 2, purpose="")],
            (False, "complained", "complained-2"),
        ),
        ([record("given", 1), record("bounced", 2, purpose="")], (False, "bounced", "bounced-2")),
        ([record("bounced", 1, purpose=""), record("given", 2)], (True, "opted_in", "given-2")),
        (
            [record("given", 1, basis="existing_customer"), record("complained", 2, purpose="")],
            (False, "complained", "complained-2"),
        ),
        # a withdrawal for the whole person is one for each address
        (
            [record("given", 1), record("withdrawn", 2, WHOLE_PERSON)],
            (False, "withdrawn", "withdrawn-2"),
        ),
    ],
)
def test_permission(records: list[ConsentRecord], expected: tuple[bool, str, str]) -> None:
    """The state of one address follows from its steps, in whatever order they are known."""
    assert state(*records) == expected
    assert state(*reversed(records)) == expected


def test_own_address_only() -> None:
    """An opt-in or withdrawal is for its own address; the other keeps what it has."""
    records = [record("given", 1, HOME), record("given", 1, WORK), record("withdrawn", 2, WORK)]
    assert state(*records, address=HOME)[0] is True
    assert state(*records, address=WORK)[0] is False


def test_objection_reaches_addresses_that_merged_in() -> None:
    """An objection made under one address speaks for all addresses of the person."""
    records = [objection(3), record("given", 1, HOME), record("given", 2, WORK)]
    assert [state(*records, address=one)[0] for one in (HOME, WORK)] == [False, False]


def test_objection_is_shown_by_itself() -> None:
    """An objection is listed although no address ever opted in."""
    [found] = permissions([objection(1, "")], GERMAN_DEFAULT)
    assert (found.address.int, found.channel, found.allowed) == (WHOLE_PERSON, "", False)


def test_targets_are_ordered_by_purpose_then_channel_then_address() -> None:
    """Equal facts give equal lists."""
    records = [
        record("given", 1, WORK),
        record("given", 1, HOME, channel="sms"),
        record("given", 1, HOME, purpose="survey"),
        record("given", 1, HOME),
    ]
    found = permissions(records, GERMAN_DEFAULT)
    assert [(one.purpose, one.channel, one.address.int) for one in found] == [
        ("marketing", "email", HOME),
        ("marketing", "email", WORK),
        ("marketing", "sms", HOME),
        ("survey", "email", HOME),
    ]


def test_refusal_of_every_purpose_ends_each_purpose_of_its_address() -> None:
    """All purposes that anything named are refused, for that address and channel alone."""
    given = [
        record("given", 1),
        record("given", 1, purpose="survey"),
        record("given", 1, channel="sms"),
        record("given", 1, WORK),
    ]
    found = permissions([*given, record("withdrawn", 2, purpose="")], GERMAN_DEFAULT)
    assert {(one.address.int, one.channel, one.purpose): one.allowed for one in found} == {
        (HOME, "email", "marketing"): False,
        (HOME, "email", "survey"): False,
        (HOME, "sms", "marketing"): True,
        (WORK, "email", "marketing"): True,
    }


def test_rules_decide_what_a_mailing_service_may_refuse() -> None:
    """Complaints and bounces that do not count by the rules change and show nothing."""
    records = [record("given", 1), record("complained", 2, purpose=""), record("bounced", 3)]
    rules = ConsentRules(refused_by=[MailReaction.BOUNCED])
    assert [one.reason for one in permissions(records, rules)] == ["bounced"]
    deaf = ConsentRules(refused_by=[])
    assert [one.reason for one in permissions(records, deaf)] == ["opted_in"]
    assert permissions(records[1:], deaf) == []


def test_channel_that_needs_confirmation() -> None:
    """A rules file may refuse single opt-in on a channel."""
    strict = ConsentRules(confirmed_only=["email"])
    given, confirmed = record("given", 1), record("confirmed", 2)
    assert [one.allowed for one in permissions([given], strict)] == [False]
    assert [one.allowed for one in permissions([given, confirmed], strict)] == [True]


def test_what_nobody_ever_said_anything_about() -> None:
    """There is no legal basis, and no event that decides it."""
    consents = Consents([record("given", 1, WORK)], GERMAN_DEFAULT)
    found = consents.permission(Target(HOME, "email", "marketing"))
    assert (found.allowed, found.reason, found.by) == (False, "no_legal_basis", None)
    assert found.basis == ""


def test_an_objection_reaches_addresses_that_no_consent_names() -> None:
    """Whether an address may be contacted does not depend on its being listed."""
    consents = Consents([objection(1, channel="", purpose="")], GERMAN_DEFAULT)
    found = consents.permission(Target(HOME, "sms", "survey"))
    assert (found.allowed, found.reason) == (False, "objected")


def test_the_basis_of_a_permission() -> None:
    """An opt-in is consent, also where the event names no basis; a refusal has none."""
    target = Target(HOME, "email", "marketing")
    for records, basis in (
        ([record("given", 1)], "consent"),
        ([record("given", 1, basis="")], "consent"),
        ([record("given", 1, basis="existing_customer")], "existing_customer"),
        ([record("given", 1), record("withdrawn", 2)], ""),
    ):
        assert Consents(records, GERMAN_DEFAULT).permission(target).basis == basis


def test_evidence_is_what_speaks_for_and_against() -> None:
    """Of this target, of more than it, and of nothing else; the earliest first."""
    records = [
        objection(5, channel=""),
        record("withdrawn", 4, purpose=""),
        asked(1),
        record("confirmed", 2),
        record("given", 3, WORK),
        record("withdrawn", 6, WORK),
        record("given", 7, channel="sms"),
    ]
    consents = Consents(records, GERMAN_DEFAULT)
    found = [one.event_id for one in consents.evidence(Target(HOME, "email", "marketing"))]
    assert found == ["given-1", "confirmed-2", "withdrawn-4", "objection-5"]


def test_many_records_and_addresses_take_no_longer_each() -> None:
    """Ten thousand addresses of one person with as many refusals are answered from an index."""
    records = [objection(day) for day in range(10_000)] + [record("given", 10_001, HOME)]
    consents = Consents(records, GERMAN_DEFAULT)
    seen: list[ConsentRecord] = []

    class Counting(dict[Target, ConsentRecord]):
        def __getitem__(self, key: Target) -> ConsentRecord:
            seen.append(found := super().__getitem__(key))
            return found

    consents._latest_refusals = Counting(consents._latest_refusals)
    for address in range(1, 10_001):
        consents.permission(Target(address, "email", "marketing"))
    assert len(seen) == 10_000


def test_nothing_overrides_a_suppression() -> None:
    """Neither a later opt-in nor another basis, for any target; it is listed for the person."""
    at = START + timedelta(days=1)
    suppressed = kept_record(KeptObjection(HOME, SUPPRESSED, "", "", WHOLE_PERSON, at))
    other = record("given", 3, WORK, basis="existing_customer")
    consents = Consents([record("given", 2), other, suppressed], GERMAN_DEFAULT)
    for target in (
        Target(HOME, "email", "marketing"),
        Target(WORK, "email", "marketing"),
        Target(HOME, "phone", "survey"),
    ):
        found = consents.permission(target)
        assert (found.allowed, found.reason, found.by) == (False, "suppressed", suppressed)
        assert suppressed in consents.evidence(target)
    assert not suppressed.is_kept
    assert Target(WHOLE_PERSON, "", "marketing") in consents.targets()

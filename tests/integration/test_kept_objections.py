"""What an erased person had objected to goes on to count for whoever has one of the identifiers."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from schemas.api.permission import AddressPermission, ContactAddress, Language
from schemas.instants import to_ms
from services.api.operation import plain
from services.api.queries.consents import (
    CONTACT_PERMISSION,
    PROFILE_CONSENTS,
    ConsentsRequest,
    ContactRequest,
)
from services.api.queries.personal_data import (
    ERASURE_PREVIEW,
    ERASURE_VERIFY,
    PROFILE_EXPORT,
    ErasurePreviewRequest,
    ReceiptRequest,
)
from services.erasure.adapters.eraser import Eraser, erasure_id_of
from services.erasure.adapters.runs import ErasureRuns
from services.erasure.receipt import ErasureReceipt, is_genuine, signed
from services.runtime.errors import Fatal, Retry
from services.store.database import Database
from services.store.kept_objections import keep_objections, kept_objections
from tests.events import RECEIVED_AT, event, identifier, line
from tests.integration.test_erasure import REALM, Running, node
from tests.integration.test_personal_data import access

MAIL, OTHER_MAIL, CARD, COOKIE = "back@mail.example", "second@mail.example", "C-77", "cookie-77"
OBJECTED, LATER = -120, 30
"""Minutes before and after the time of the erasure."""


@pytest.fixture
def running(database: Database) -> Running:
    """Empty tables."""
    return Running(database)


def mail(value: str = MAIL) -> dict[str, Any]:
    return identifier("email", value, verified=True)


def card() -> dict[str, Any]:
    return identifier("loyalty_card", CARD, verified=True)


def said(
    type_: str, minute: int, *who: dict[str, Any], name: str = "", **body: Any
) -> dict[str, Any]:
    """What somebody says so many minutes after the erasure, in the shop."""
    at = (RECEIVED_AT + timedelta(minutes=minute)).isoformat()
    contact = {"purpose": "marketing", "channel": "email"}
    is_consent = type_.startswith(("consent.", "objection."))
    return event(
        type_, event_id=name or f"{type_}-{minute}", occurred_at=at, identifiers=list(who),
        channel="email" if type_.startswith(("message.", "email.")) else "shop",
        body={**(contact if is_consent else {}), **body},
    )  # fmt: skip


def take(running: Running, *events: dict[str, Any]) -> list[str]:
    return [one.reason or one.status for one in running.ingest([line(one) for one in events])]


def may(running: Running, value: str = MAIL, **more: Any) -> AddressPermission:
    asked = {"realm": REALM, "channel": "email", "purpose": "marketing", **more}
    addresses = (ContactAddress(type="email", value=value),)
    [found] = CONTACT_PERMISSION.run(
        access(running.database), ContactRequest(**{**asked, "addresses": addresses})
    )
    return found


def profile_says(running: Running, value: str = MAIL) -> set[tuple[bool, str]]:
    """The answers for marketing by e-mail in the golden record."""
    reads = access(running.database).reads
    [found] = reads.profiles.holding(REALM, [node(value)]).values()
    return {(one.allowed, one.reason) for one in found.consents if one.channel == "email"}


def kept(database: Database, *values: str) -> set[tuple[str, str, str]]:
    """Action, purpose and channel of what is kept for e-mail addresses."""
    found = kept_objections(database, REALM, [node(one) for one in values])
    return {(one.action, one.purpose, one.channel) for one in found}


def test_an_objection_outlasts_the_person(running: Running) -> None:
    """Made under the card, it holds for the address of a new profile, whose later opt-in counts
    and whose basis without consent does not; an opt-in of the same instant does not either."""
    take(
        running,
        said("identity.linked", -200, mail(), card()),
        said("consent.given", -190, mail()),
        said("objection.made", OBJECTED, card(), channel=""),
    )
    running.erase(running.record(MAIL))
    assert take(running, said("page.viewed", LATER, mail())) == ["accepted"]
    found = may(running)
    assert (found.allowed, found.reason, found.event_id) == (False, "objected", None)
    assert found.kept_after_erasure
    assert found.occurred_at == RECEIVED_AT + timedelta(minutes=OBJECTED)
    assert found.sentence == (
        "You objected on 21 November 2026; we do not contact you for this any more. "
        "We kept this when we erased the data that it came with."
    )
    assert may(running, language=Language.GERMAN).sentence.endswith(
        "Das haben wir behalten, als wir die zugehörigen Daten gelöscht haben."
    )
    assert may(running, purpose="survey").reason == "no_legal_basis"
    assert profile_says(running) == set()  # of every channel, which the record shows as such
    take(running, said("consent.given", LATER + 1, mail(), basis="existing_customer"))
    assert not may(running).allowed
    assert profile_says(running) == {(False, "objected")}
    take(running, said("consent.given", LATER + 2, mail(), name="again"))
    assert may(running).allowed
    assert profile_says(running) == {(True, "opted_in")}


def test_a_tie_with_a_kept_objection_is_a_no(running: Running) -> None:
    """An opt-in of another identifier, which says the instant of the objection."""
    take(running, said("objection.made", OBJECTED, mail(), name="o"))
    running.erase(running.record(MAIL))
    take(running, said("consent.given", OBJECTED, mail(OTHER_MAIL)))
    assert may(running, OTHER_MAIL).allowed
    take(running, said("identity.linked", LATER, mail(), mail(OTHER_MAIL)))
    assert may(running, OTHER_MAIL).reason == "objected"


def test_a_withdrawal_holds_for_its_address(running: Running) -> None:
    """And a refusal of every purpose for every purpose; a bounce says nothing of the person."""
    take(
        running,
        said("identity.linked", -200, mail(), mail(OTHER_MAIL)),
        said("consent.withdrawn", OBJECTED, mail()),
        said("email.complained", OBJECTED + 1, mail(OTHER_MAIL)),
        said("email.bounced", OBJECTED + 2, mail(), reason="550 no such user"),
    )
    running.erase(running.record(MAIL))
    assert kept(running.database, MAIL) == {
        ("withdrawn", "marketing", "email"),
        ("complained", "", "email"),
    }
    take(running, said("identity.linked", LATER, mail(), mail(OTHER_MAIL)))
    assert (may(running).reason, may(running, OTHER_MAIL).reason) == ("withdrawn", "complained")
    assert may(running, purpose="survey").reason == "no_legal_basis"
    assert may(running, OTHER_MAIL, purpose="survey").reason == "complained"


def test_what_others_said_stays_theirs(running: Running) -> None:
    """An objection of somebody else goes with the event, which names the person: it is kept for
    that one, and not for the person."""
    giver = "giver@mail.example"
    take(
        running,
        said("page.viewed", -200, mail()),
        said("objection.made", OBJECTED, mail(giver), identifier("email", MAIL)),
    )
    running.erase(running.record(MAIL))
    stored = "SELECT count() FROM consents WHERE notEmpty(consents.action)"
    assert running.database.rows(stored) == [(0,)]
    take(
        running,
        said("page.viewed", LATER, mail(giver), name="g"),
        said("page.viewed", LATER, mail(), name="m"),
    )
    assert (may(running, giver).reason, may(running).reason) == ("objected", "no_legal_basis")


def test_a_refusal_for_an_address_holds_for_whoever_brings_it_back(running: Running) -> None:
    """The address was no identifier of the person: only what the withdrawal and the complaint
    were for. One of somebody else stays as it was."""
    unproven, theirs = identifier("email", "typed@mail.example"), "theirs@mail.example"
    take(
        running,
        said("identity.linked", -200, mail(OTHER_MAIL), card()),
        said("consent.given", -190, mail(theirs), basis="existing_customer"),
        said("consent.withdrawn", OBJECTED, card(), name="body", address=MAIL),
        said("consent.withdrawn", OBJECTED, card(), name="theirs", address=theirs),
        said("email.complained", OBJECTED, card(), unproven, name="beside"),
    )
    record = running.record(OTHER_MAIL)
    running.erase(record)
    run = ErasureRuns(running.database).run(REALM, erasure_id_of(record))
    assert run is not None
    assert run.kept_objections == 3  # whichever identifiers they hold for
    for value in (MAIL, unproven["value"]):
        number = identifier("loyalty_card", f"new-{value}", verified=True)
        take(
            running,
            said("identity.linked", LATER, number, mail(value), name=f"link-{value}"),
            said("consent.given", LATER, mail(value), name=value, basis="existing_customer"),
        )
    assert (may(running).reason, may(running, unproven["value"]).reason) == (
        "withdrawn", "complained",
    )  # fmt: skip
    assert may(running, theirs).allowed


def test_what_holds_for_several_identifiers_is_shown_once(running: Running) -> None:
    """Whichever of them the new profile has; of several times the latest."""
    take(
        running,
        said("identity.linked", -200, mail(), card()),
        said("identity.linked", -199, mail(OTHER_MAIL), card()),
        said("objection.made", OBJECTED, card()),
    )
    running.erase(running.record(MAIL))
    take(
        running,
        said("identity.linked", LATER, mail(), card()),
        said("identity.linked", LATER + 1, mail(OTHER_MAIL), card()),
    )
    later = RECEIVED_AT + timedelta(minutes=LATER)
    [one] = kept_objections(running.database, REALM, [node(MAIL)])
    keep_objections(running.database, REALM, [one._replace(occurred_at=later)])
    asked = ConsentsRequest(realm=REALM, identifier=f"email={MAIL}")
    [page] = PROFILE_CONSENTS.run(access(running.database), asked)
    [entry] = page.entries
    assert (entry.evidence_count, [one.occurred_at for one in entry.evidence]) == (1, [later])


def test_only_what_counts_is_kept(running: Running) -> None:
    """Not what the probe invents, nor a body that was corrected away; of repeated ones the
    latest."""
    wrong = said("objection.made", OBJECTED, mail(), name="wrong", purpose="survey")
    probe = said("objection.made", OBJECTED, mail(), name="probe")
    take(
        running,
        wrong,
        {**wrong, "revision": 1, "body": {"purpose": "marketing", "channel": "phone"}},
        said("objection.made", OBJECTED + 1, mail(), name="again", channel="phone"),
        {**probe, "source": {"system": "probe", "synthetic": True}},
    )
    running.erase(running.record(MAIL))
    [found] = kept_objections(running.database, REALM, [node(MAIL)])
    assert (found.action, found.purpose, found.channel) == ("objection", "marketing", "phone")
    assert found.occurred_at == RECEIVED_AT + timedelta(minutes=OBJECTED + 1)


def test_who_comes_back_and_is_erased_again_keeps_both(running: Running) -> None:
    """The first objection holds from then on for the identifiers of the second profile, too."""
    take(running, said("objection.made", OBJECTED, mail(), channel=""))
    running.erase(running.record(MAIL))
    take(
        running,
        said("identity.linked", LATER, mail(), mail(OTHER_MAIL)),
        said("objection.made", LATER + 1, mail(OTHER_MAIL), purpose="survey"),
    )
    record = running.record(MAIL)
    later_ms = record.erased_ms + 3_600_000
    second = record.model_copy(update={"erased_ms": later_ms})
    running.erase(second)
    both = {("objection", "marketing", ""), ("objection", "survey", "email")}
    assert kept(running.database, MAIL) == kept(running.database, OTHER_MAIL) == both
    run = ErasureRuns(running.database).run(REALM, erasure_id_of(second))
    assert run is not None
    assert run.kept_objections == 2
    running.erase(second)  # again: what is kept is counted, and kept, as it was
    assert kept(running.database, MAIL) == both


@pytest.mark.parametrize("killed_at", ["before", "after", "noted"])
def test_a_kill_loses_no_objection(
    running: Running, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    """Before or behind the write of what is kept, or where its events are gone."""
    take(running, said("objection.made", OBJECTED, mail(), channel=""))
    record = running.record(MAIL)
    write = keep_objections

    def dying(*given: Any) -> None:
        if killed_at != "before":
            write(*given)
        if killed_at != "noted":
            raise Retry("killed")

    def dying_later(*_given: Any) -> None:
        raise Retry("killed")

    with monkeypatch.context() as patch:
        patch.setattr("services.erasure.adapters.eraser.keep_objections", dying)
        if killed_at == "noted":
            patch.setattr(Eraser, "_recompute_figures", dying_later)
        with pytest.raises(Fatal):
            running.eraser.erase(record)
    again = Running(running.database)
    again.eraser.complete()
    again.erased()
    run = ErasureRuns(again.database).run(REALM, erasure_id_of(record))
    assert run is not None
    assert (run.kept_objections, run.is_removed) == (1, True)
    take(again, said("page.viewed", LATER, mail()))
    assert may(again).reason == "objected"


def test_it_is_told_before_and_after(running: Running) -> None:
    """By the dry run, the receipt, the export and the evidence; it is nothing that is left."""
    take(
        running,
        said("identity.linked", -200, mail(), card()),
        said("objection.made", OBJECTED, card(), channel=""),
    )
    asked = access(running.database)
    who = ErasurePreviewRequest(realm=REALM, identifier=f"email={MAIL}")
    told = {one.table: one for one in ERASURE_PREVIEW.run(asked, who)}
    assert (told["kept_objections"].rows, told["kept_objections"].is_kept) == (1, True)
    assert not told["touchpoints"].is_kept
    record = running.record(MAIL)
    running.erase(record)
    run = asked.reads.erasures.run(REALM, erasure_id_of(record))
    assert run is not None
    assert "kept_objections" not in run.removed
    receipt = ErasureReceipt(
        realm=REALM, erasure_id=run.erasure_id, identifiers=2, erased_at=RECEIVED_AT,
        removed=run.removed, kept_shared=0, kept_objections=run.kept_objections,
        files_removed=True,
    )  # fmt: skip
    made = signed(receipt, asked.reads.secret())
    assert made.kept_objections == 1
    [found] = ERASURE_VERIFY.run(asked, ReceiptRequest(receipt=made))
    assert plain(found) == {"is_genuine": True, "remaining": {}, "newer_events": 0}
    for other in (0, 2):
        forged = made.model_copy(update={"kept_objections": other})
        assert not is_genuine(forged, asked.reads.secret())

    take(running, said("page.viewed", LATER, mail()))
    rows = [one for one in PROFILE_EXPORT.run(asked, who) if one.section == "kept_objections"]
    assert [one.row["action"] for one in rows] == ["objection"]
    [page] = PROFILE_CONSENTS.run(asked, ConsentsRequest(realm=REALM, identifier=f"email={MAIL}"))
    [entry] = page.entries
    assert (entry.allowed, entry.reason, entry.event_id) == (False, "objected", "erased")
    assert [(one.action, one.kept_after_erasure) for one in entry.evidence] == [("objection", True)]


def test_a_receipt_of_before_is_genuine(running: Running) -> None:
    """Signed when receipts did not say what was kept."""
    secret = access(running.database).reads.secret()
    old = ErasureReceipt(
        realm=REALM, erasure_id="x", identifiers=1, erased_at=RECEIVED_AT, removed={},
        kept_shared=0, files_removed=True,
    )  # fmt: skip
    made = signed(old, secret)
    assert made.signature == ("03c19020d896a8c41e68d3f18c95cde27cb2e132b5f358e20366f6ada5c06875")
    assert is_genuine(made, secret)


def test_a_mail_to_who_came_back_is_an_incident(running: Running) -> None:
    """The objection is known from the start, under whichever identifier the mail is sent to; of
    its evidence nothing is left but that it was erased."""
    take(
        running,
        said("identity.linked", -6_000, mail(), card()),
        said("objection.made", -5_900, card(), channel=""),
    )
    record = running.record(MAIL)
    running.erase(record.model_copy(update={"erased_ms": to_ms(RECEIVED_AT) - 60_000 * 5_800}))
    take(
        running,
        said("message.sent", -60, mail(), name="sent", purpose="marketing"),
        said("page.viewed", 0, mail(), name="clock"),
    )
    rows = running.database.rows(
        "SELECT body FROM incident_states FINAL WHERE kind = 'marketing_without_consent'"
    )
    [found] = [json.loads(body) for (body,) in rows]
    assert found["cause"] == "objected"
    assert found["evidence"] == [["sent"], ["erased"]]

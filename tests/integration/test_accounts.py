"""Accounts and households from what events say: seen in profiles, joining nobody."""

from __future__ import annotations

import random
from typing import Any

import pytest

from schemas.identifiers import as_uuid, node_id
from schemas.reject import RejectReason
from services.api.digest import state_digest
from services.ingest.core.outcome import Intake, Reject
from services.profiles.core.masking import HIDDEN, masked
from services.store.database import Database
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, SECRET, core, identifier, line
from tests.events import event as sent
from tests.pipelines import ingested
from tests.profile_store import ANNA, ANNA_CARD, BERT, REALM, Store, at, event, node
from tests.tiers import always

pytestmark = pytest.mark.any_store
ANNA_NODE, CARD_NODE = node("email", "anna@example.org"), node("loyalty_card", "77")
CRM = {"system": "crm", "issuer": "crm"}


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def contact(event_id: str, minutes: int, who: str, account: str, *roles: str, **more: Any) -> Any:
    """What the CRM says of a contact."""
    said = {"account_id": account, "roles": list(roles), **CRM, **more}
    return event(event_id, "account.contact_changed", minutes, who, **said)


def company(event_id: str, minutes: int, account: str, **fields: Any) -> Any:
    """What the CRM says of an account."""
    return event(event_id, "account.updated", minutes, account_id=account, **CRM, **fields)


def member(event_id: str, minutes: int, who: str, household: str, **more: Any) -> Any:
    """What the CRM says of a member of a household."""
    said = {"household_id": household, **CRM, **more}
    return event(event_id, "household.member_changed", minutes, who, **said)


def told(store: Store, who: str = ANNA) -> list[tuple[str, list[str], bool]]:
    """Account, roles, and whether it is so now."""
    found = store.profile(*who.split("=", 1)).accounts
    return [(one.account_id, one.roles, one.current) for one in found]


def test_a_profile_shows_role_since_source_and_event(store: Store) -> None:
    """Of accounts and households, with the name of the company."""
    store.take(
        company("k-1", 0, "K-1", name="Café Morgenrot"),
        company("k-2", 5, "K-1", city="Köln"),
        contact("c-1", 1, ANNA, "K-1", "decider", "buyer", job_title="CFO"),
        member("h-1", 2, ANNA, "H-1", relation="partner"),
    )
    found = store.profile("email", "anna@example.org")
    [account], [household] = found.accounts, found.households
    assert (account.account_id, account.issuer, account.name) == ("K-1", "crm", "Café Morgenrot")
    assert (account.roles, account.job_title) == (["buyer", "decider"], "CFO")
    assert (account.since, account.until, account.current) == (at(1), None, True)
    assert (account.source, account.event_id, account.occurred_at) == ("crm", "c-1", at(1))
    assert (household.household_id, household.relation, household.current) == (
        "H-1",
        "partner",
        True,
    )
    assert (household.since, household.event_id, household.source) == (at(2), "h-1", "crm")
    hidden = masked(found)
    assert hidden.accounts[0].roles == account.roles
    assert {hidden.accounts[0].name, hidden.accounts[0].account_id} == {HIDDEN}
    assert {hidden.households[0].household_id, hidden.households[0].relation} == {HIDDEN}


def test_a_company_is_nobody(store: Store) -> None:
    """Master data makes no profile, and an event that names a person is refused."""
    store.take(company("k-1", 0, "K-1", name="Café Morgenrot"))
    assert list(store.totals()) == []
    said = company("k-2", 0, "K-1", name="X") | {"identifiers": [identifier("email", "a@b.de")]}
    outcome = core().process(line(said), RECEIVED_AT)
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.path) == (RejectReason.INVALID_FIELD, "identifiers")


def test_leaving_coming_back_and_several_accounts(store: Store) -> None:
    """Each time is an entry of its own, the latest first."""
    store.take(
        contact("c-1", 1, ANNA, "K-1", "user"),
        contact("c-4", 4, ANNA, "K-1", "buyer"),
        contact("c-3", 3, ANNA, "K-1", left=True),
        contact("c-2", 2, ANNA, "K-2", "decider"),
    )
    assert told(store) == [
        ("K-1", ["buyer"], True), ("K-2", ["decider"], True), ("K-1", ["user"], False)
    ]  # fmt: skip
    until = [one.until for one in store.profile("email", "anna@example.org").accounts]
    assert until == [None, None, at(3)]
    then = store.reader.profile(REALM, ANNA_NODE, at(2))
    assert [(one.account_id, one.current) for one in then.accounts] == [
        ("K-2", True),
        ("K-1", True),
    ]


def test_persons_that_are_merged_are_one_contact_and_split_ones_two(store: Store) -> None:
    """Whoever a person is now: what was said of each identifier follows it, back and forth."""
    store.take(contact("c-1", 1, ANNA, "K-1", "user"), contact("c-2", 2, ANNA_CARD, "K-1", "buyer"))
    assert told(store, ANNA) == [("K-1", ["user"], True)]
    assert told(store, ANNA_CARD) == [("K-1", ["buyer"], True)]
    store.place(ANNA_NODE, ANNA_NODE, CARD_NODE)
    both = [("K-1", ["buyer"], True), ("K-1", ["user"], False)]
    assert told(store, ANNA) == told(store, ANNA_CARD) == both
    store.place(CARD_NODE, CARD_NODE)
    assert told(store, ANNA) == [("K-1", ["user"], True)]
    assert told(store, ANNA_CARD) == [("K-1", ["buyer"], True)]


def test_accounts_that_their_source_merged_are_one(store: Store) -> None:
    """Their contacts are those of the account that stands for them, until it is taken back."""
    store.take(
        company("k-1", 0, "K-1", name="Morgenrot"), company("k-2", 0, "K-2", name="Morgenrot GmbH"),
        contact("c-1", 1, ANNA, "K-1", "user"), company("m-1", 2, "K-1", replaced_by="K-2"),
    )  # fmt: skip
    [account] = store.profile("email", "anna@example.org").accounts
    assert (account.account_id, account.name) == ("K-2", "Morgenrot GmbH")
    store.take(company("m-2", 3, "K-1", replaced_by=""))
    [account] = store.profile("email", "anna@example.org").accounts
    assert (account.account_id, account.name) == ("K-1", "Morgenrot")


def test_test_journeys_are_nobodys_contacts(store: Store) -> None:
    """Nor do they say anything of a company."""
    store.take(
        contact("c-1", 1, ANNA, "K-1", "user", synthetic=True),
        contact("c-2", 1, ANNA, "K-2", "user"),
        company("k-2", 2, "K-2", name="invented", synthetic=True),
    )
    [account] = store.profile("email", "anna@example.org").accounts
    assert (account.account_id, account.name) == ("K-2", "")


def as_sent(event_id: str, day: int, who: str, revision: int = 0, **body: Any) -> dict[str, Any]:
    """A statement as a source sends it."""
    type_name = "household.member_changed" if "household_id" in body else "account.contact_changed"
    mail = identifier("email", f"{who}@example.com", verified=True)
    return sent(
        type_name, event_id=event_id, occurred_at=f"2026-05-{day:02}T10:00:00Z", revision=revision,
        identifiers=[mail], source={"system": "crm"}, body=body,
    )  # fmt: skip


def test_a_correction_replaces_what_the_event_said(database: Database) -> None:
    """Also where it names another account, or is no statement at all any more, in any order."""
    bodies = [
        as_sent("c-1", 1, "anna", account_id="K-1", roles=["user"]),
        as_sent("c-1", 1, "anna", 1, account_id="K-9", roles=["buyer"]),
        as_sent("c-2", 2, "anna", account_id="K-2"),
        as_sent("c-2", 2, "anna", 1) | {"type": "page.viewed", "body": {}},
    ]
    anna = node_of("anna")
    for order in (bodies, bodies[::-1]):
        empty_tables(database)
        store = Store(database)
        for one in order:
            ingested(database, [line(one)])
        found = store.reader.profile(REALM, anna).accounts
        assert [(one.account_id, one.roles) for one in found] == [("K-9", ["buyer"])]


def node_of(who: str) -> int:
    """The node of an address."""
    return node_id(SECRET, REALM, "email", "", f"{who}@example.com")


def everybody(rng: random.Random) -> list[dict[str, Any]]:
    """Statements about a few persons, accounts and a household, some naming two identifiers."""
    found = []
    for number in range(25):
        who, day = rng.choice("abcd"), rng.randrange(1, 9)
        body: dict[str, Any] = {"account_id": rng.choice(["K-1", "K-2"])}
        if rng.random() < 0.4:
            body = {"household_id": "H-1", "relation": rng.choice(["partner", "child"])}
        elif rng.random() < 0.8:
            body["roles"] = rng.sample(["user", "buyer", "decider"], 2)
        body["left"] = rng.random() < 0.3
        one = as_sent(f"e-{number}", day, who, **body)
        if rng.random() < 0.3:
            card = identifier("loyalty_card", rng.choice("12"), verified=True)
            one["identifiers"].append(card)
        found.append(one)
    return found


MAP_SQL = "SELECT realm, node, profile, kind FROM map FINAL ORDER BY ALL"


@pytest.mark.parametrize("seed", always({1}, range(3)))
def test_the_map_is_that_of_the_identifiers_alone(database: Database, seed: int) -> None:
    """Two members of a household stay two persons: with other types, the same events make the same
    map; and the state does not depend on the order in which they came."""
    events = everybody(random.Random(seed))
    digests, maps = [], []
    for order in (events, events[::-1]):
        empty_tables(database)
        ingested(database, map(line, order))
        digests.append(state_digest(database, Store(database).reader))
        maps.append(database.rows(MAP_SQL))
    empty_tables(database)
    ingested(database, (line(one | {"type": "page.viewed", "body": {}}) for one in events))
    maps.append(database.rows(MAP_SQL))
    assert digests[0] == digests[1]
    assert maps[0] == maps[1] == maps[2]
    assert maps[0], "some are joined by what the events name"


def test_the_digest_covers_memberships(database: Database) -> None:
    """States that differ in one role differ; when they are read makes no difference."""
    found = []
    for role in ("user", "decider", "decider"):
        empty_tables(database)
        ingested(database, [line(as_sent("c-1", 1, "anna", account_id="K-1", roles=[role]))])
        found.append(state_digest(database, Store(database).reader))
    assert found[0]["facts"] != found[1]["facts"]
    assert found[0]["golden_records"] != found[1]["golden_records"]
    assert found[1] == found[2]


@pytest.mark.parametrize(
    "body",
    [
        {"account_id": "K-1", "roles": ["decider"]},
        {"household_id": "H-1", "relation": "partner"},
    ],
)
def test_a_public_key_makes_nobody_a_contact_or_member(body: dict[str, Any]) -> None:
    """Or a stranger could speak for a company, or appear in another's household."""
    said = as_sent("c-1", 1, "anna", **body)
    said["identifiers"].append(identifier("cookie", "c-1"))
    outcome = core().process(line(said), RECEIVED_AT, Intake.PUBLIC)
    assert isinstance(outcome, Reject)
    assert (outcome.reason, outcome.path) == (RejectReason.NOT_ALLOWED, "type")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"account_id": "K-1", "roles": ["boss"]}, "body.roles.0"),
        ({"account_id": " "}, "body.account_id"),
        ({"household_id": "H-1", "since": "0001-01-01T00:00:00Z"}, "body"),
        ({"household_id": "H-1", "since": "2026-05-02T00:00:00Z", "until": "2026-05-01T00:00:00Z"},
         "body"),
        ({"household_id": "H-1", "until": "9999-12-31T00:00:00Z"}, "body"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(body: dict[str, Any], path: str) -> None:
    """With the place of the fault, before it reaches the store."""
    outcome = core().process(line(as_sent("c-1", 1, "anna", **body)), RECEIVED_AT)
    assert isinstance(outcome, Reject)
    assert outcome.path.startswith(path)


def test_two_persons_of_a_household_keep_what_is_theirs(store: Store) -> None:
    """Neither consents nor orders go from one member to another."""
    store.take(
        member("h-1", 1, ANNA, "H-1"), member("h-2", 1, BERT, "H-1"),
        event("x", "consent.given", 2, ANNA, purpose="marketing", channel="email"),
    )  # fmt: skip
    anna, bert = (
        store.profile("email", "anna@example.org"),
        store.profile("email", "bert@example.org"),
    )
    assert anna.profile_id == as_uuid(ANNA_NODE) != bert.profile_id
    assert anna.consents
    assert bert.consents == []

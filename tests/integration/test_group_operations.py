"""Accounts and households as operations give them: pages, mergers, issuers, sums, masks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas.identifiers import as_uuid
from schemas.rules.identity import identity_rules
from services.api.operation import plain
from services.api.operations import operation_named
from services.api.ports import Access
from services.api.queries import groups
from services.api.read_store import access_to
from services.profiles.adapters import groups as adapter
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms
from services.profiles.core.masking import HIDDEN
from services.runtime.errors import InvalidInput, InvalidState, NotFound
from services.runtime.settings import load_settings
from services.store.database import Database
from services.store.secret import register_secret
from tests.profile_store import ANNA, BERT, REALM, SECRET, Store, bought, event, node

Json = dict[str, Any]
CARDS = range(70, 75)
ANNA_NODE, BERT_NODE = node("email", "anna@example.org"), node("email", "bert@example.org")


@pytest.fixture
def access(database: Database) -> Access:
    """What operations work with."""
    settings = load_settings(identity_secret=SECRET.decode())
    register_realms(database, settings.realms, personal_types(identity_rules()))
    register_secret(database, SECRET, "the test's store")
    return access_to(settings, database, lambda _record: None)


@pytest.fixture
def store(database: Database, access: Access) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def ask(access: Access, name: str, **asked: Any) -> list[Json]:
    """The rows of an operation."""
    operation = operation_named(name)
    request = operation.parse(orjson.dumps({"realm": REALM, **asked}))
    return [plain(row) for row in operation.run(access, request)]


def contact(event_id: str, minutes: int, who: str, account: str, *roles: str, **more: Any) -> Json:
    """A contact, by the CRM unless another issuer is given."""
    said = {"account_id": account, "issuer": "crm", "roles": list(roles), "system": "crm"} | more
    found: Json = event(event_id, "account.contact_changed", minutes, who, **said)
    return found


def company(event_id: str, minutes: int, account: str, **more: Any) -> Json:
    """Master data of an account."""
    said = {"account_id": account, "issuer": "crm", "system": "crm"} | more
    found: Json = event(event_id, "account.updated", minutes, **said)
    return found


def test_an_account_has_values_roles_and_contacts(store: Store, access: Access) -> None:
    """Merged persons count once; who left is told apart."""
    store.take(
        company("k-1", 0, "K-1", name="Morgenrot", city="Ulm"),
        company("k-2", 1, "K-1", city="Bonn", industry=""),
        contact("c-1", 1, ANNA, "K-1", "buyer", "decider"),
        contact("c-2", 1, BERT, "K-1", "user", left=True, since="2026-01-01T00:00:00Z"),
        contact("c-3", 1, "loyalty_card=77", "K-1", "decider"),
    )
    [found] = ask(access, "account_get", number="K-1")
    assert (found["account_id"], found["issuer"], found["name"]) == ("K-1", "crm", "Morgenrot")
    assert (found["contacts"], found["former_contacts"]) == (2, 1)
    assert found["roles"] == {"buyer": 1, "decider": 2}
    said = {name: (one["value"], one["event_id"]) for name, one in found["values"].items()}
    assert said == {"name": ("Morgenrot", "k-1"), "city": ("Bonn", "k-2")}
    store.place(ANNA_NODE, ANNA_NODE, node("loyalty_card", "77"))
    [found] = ask(access, "account_get", number="K-1")
    assert (found["contacts"], found["roles"]) == (1, {"decider": 1})
    [hidden] = ask(access, "account_get", number="K-1", is_masked=True)
    assert {hidden["name"], hidden["values"]["city"]["value"]} == {HIDDEN}


def test_pages_hold_every_contact_once(store: Store, access: Access) -> None:
    """By their ids; the cursor belongs to one list."""
    store.take(*(contact(f"c-{n}", n, f"loyalty_card={n}", "K-1", "user") for n in CARDS))
    store.take(contact("left", 99, "loyalty_card=71", "K-1", left=True))
    cursor, seen = "", []
    while True:
        [page] = ask(access, "account_contacts", number="K-1", limit=2, cursor=cursor)
        seen += [one["profile_id"] for one in page["entries"]]
        assert all(one["current"] for one in page["entries"])
        if not (cursor := page["next_cursor"]):
            break
        with pytest.raises(InvalidInput, match="another list"):
            ask(access, "account_contacts", number="K-1", limit=2, cursor=cursor, status="all")
    cards = [str(as_uuid(node("loyalty_card", str(n)))) for n in CARDS]
    assert seen == sorted(set(cards) - {cards[1]})
    [former] = ask(access, "account_contacts", number="K-1", status="former")
    assert [one["profile_id"] for one in former["entries"]] == [cards[1]]
    [entry] = former["entries"]
    assert (entry["roles"], [one["roles"] for one in entry["periods"]]) == ([], [["user"]])
    [page] = ask(access, "account_contacts", number="K-1", status="all")
    assert len(page["entries"]) == 5


def test_an_account_that_was_merged_leads_to_the_other(store: Store, access: Access) -> None:
    """With the contacts of all, in a chain, and named by whichever number."""
    store.take(
        company("k-3", 0, "K-3", name="Morgenrot Holding"),
        contact("c-1", 1, ANNA, "K-1", "user"),
        contact("c-2", 1, BERT, "K-3", "buyer"),
        company("m-1", 2, "K-1", replaced_by="K-2"),
        company("m-2", 3, "K-2", replaced_by="K-3"),
    )
    for number in ("K-1", "K-2", "K-3"):
        [found] = ask(access, "account_get", number=number)
        assert (found["account_id"], found["requested_id"]) == ("K-3", number)
        assert (found["replaces"], found["contacts"]) == (["K-1", "K-2"], 2)
        assert found["values"].keys() == {"name"}
    assert [one["account_id"] for one in ask(access, "account_list")] == ["K-3"]
    store.take(company("m-3", 4, "K-2", replaced_by=""))
    [found] = ask(access, "account_get", number="K-3")
    assert (found["replaces"], found["contacts"]) == ([], 1)
    listed = [(one["account_id"], one["contacts"]) for one in ask(access, "account_list")]
    assert listed == [("K-2", 1), ("K-3", 1)]
    assert ask(access, "account_list", limit=1)[0]["account_id"] == "K-2"


def test_the_issuer_says_which_account_is_meant(store: Store, access: Access) -> None:
    """It may be left out while only one assigned the number."""
    store.take(contact("c-1", 1, ANNA, "1001", "user"))
    assert ask(access, "account_get", number="1001")[0]["issuer"] == "crm"
    store.take(contact("c-2", 1, BERT, "1001", "buyer", issuer="erp"))
    with pytest.raises(InvalidInput, match="crm, erp"):
        ask(access, "account_get", number="1001")
    store.take(contact("c-3", 1, "loyalty_card=77", "1001", "decider", issuer=""))
    [found] = ask(access, "account_get", number="1001", issuer="-")
    assert (found["issuer"], found["roles"]) == ("", {"decider": 1})
    assert [one["issuer"] for one in ask(access, "account_list")] == ["", "crm", "erp"]
    [found] = ask(access, "account_get", number="1001", issuer="erp")
    assert found["roles"] == {"buyer": 1}
    for asked in ({"number": "1001", "issuer": "shop"}, {"number": "9"}):
        with pytest.raises(NotFound, match="no account"):
            ask(access, "account_get", **asked)
    with pytest.raises(NotFound, match="no household"):
        ask(access, "household_get", number="1001")


def test_a_household_shows_members_and_sums(store: Store, access: Access) -> None:
    """Of current members who are persons; nothing moves from one to another."""
    member = {"household_id": "H-1", "system": "crm"}
    store.take(
        event("h-1", "household.member_changed", 1, ANNA, relation="partner", **member),
        event("h-2", "household.member_changed", 1, BERT, relation="partner", **member),
        event("h-3", "household.member_changed", 1, "loyalty_card=9", **member),
        event("h-4", "household.member_changed", 2, "loyalty_card=9", left=True, **member),
        event("h-5", "household.member_changed", 1, "cookie=tablet", **member),
        bought("o-1", "O-1", "10.00", 3, ANNA),
        bought("o-2", "O-2", "5.00", 3, BERT),
        bought("o-3", "O-3", "70.00", 3, "loyalty_card=9"),
    )
    store.place(node("cookie", "tablet"), node("cookie", "tablet"), kind="shared")
    [found] = ask(access, "household_get", number="H-1")
    current = [one["current"] for one in found["members"]]
    assert current == [True, True, True, False]
    assert found["sums"]["persons"] == 2
    assert (found["sums"]["orders"], Decimal(found["sums"]["revenue"])) == (2, Decimal(15))
    assert found["sums"]["population"].startswith("persons who are members now")
    by_id = {one["profile_id"]: one for one in found["members"]}
    anna = by_id[str(as_uuid(ANNA_NODE))]
    assert (anna["relation"], Decimal(anna["revenue"])) == ("partner", Decimal(10))
    store.place(ANNA_NODE, ANNA_NODE, BERT_NODE)
    [merged] = ask(access, "household_get", number="H-1")
    assert (merged["sums"]["persons"], Decimal(merged["sums"]["revenue"])) == (1, Decimal(15))
    [hidden] = ask(access, "household_get", number="H-1", is_masked=True)
    assert {one["relation"] for one in hidden["members"]} <= {HIDDEN, ""}


def test_what_is_too_large_is_refused(
    store: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that stands for everybody neither fills the memory nor is shown in part."""
    store.take(*(contact(f"c-{n}", n, f"loyalty_card={n}", "K-1") for n in CARDS[:4]))
    member = {"household_id": "H-1", "system": "crm"}
    who = [f"loyalty_card={n}" for n in CARDS[:4]]
    store.take(*(event(f"h-{n}", "household.member_changed", n, one, **member)
                 for n, one in enumerate(who)))  # fmt: skip
    monkeypatch.setattr(groups, "MEMBERS_MAX", 3)
    with pytest.raises(InvalidState, match="more than 3 members"):
        ask(access, "household_get", number="H-1")
    monkeypatch.setattr(adapter, "STATEMENTS_MAX", 3)
    with pytest.raises(InvalidState, match="more than 3 events"):
        ask(access, "account_contacts", number="K-1")

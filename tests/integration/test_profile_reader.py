"""Profiles read from the real engine: what moved, what was reported twice, what was paid.

The events go through the ingest core into the real tables; the identity map is written by the test,
so that each case says by itself who belongs together.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from schemas.identifiers import RECORD_TYPE, as_uuid, node_id
from schemas.profile import AttributeValue, Profile, ProfileScalars
from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.profiles.adapters.clickhouse import ProfileReader
from services.runtime.errors import NotFound
from services.store.database import Database
from services.store.migrations import sql_directory
from services.store.rendering import statements
from tests.profile_store import (
    ANNA,
    ANNA_CARD,
    BERT,
    PEOPLE,
    READ_AT,
    REALM,
    REALMS,
    SECRET,
    Store,
    at,
    bought,
    event,
    node,
    random_event,
)
from tests.tiers import always

pytestmark = pytest.mark.any_store
FIGURES = set(ProfileScalars.model_fields)
TOTALS_SQL = """
SELECT as_select FROM system.tables
WHERE database = currentDatabase() AND name = 'profile_totals'
"""
LIMITS = ("max_bytes_in_join", "max_bytes_before_external_group_by")
"""What of it is kept in memory, in bytes."""


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def figures(profile: Profile) -> tuple[int, int, int, Decimal, Decimal]:
    """Orders, returns, cancellations, revenue, returned."""
    return (
        profile.orders,
        profile.returns,
        profile.cancellations,
        profile.revenue,
        profile.returned,
    )


def test_one_order_two_systems(store: Store) -> None:
    """The shop's order and the till's pick-up of it are one order, of the one who ordered."""
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA),
        bought("e2", "A1", "20.00", 60, channel="pos", system="till"),
    )
    assert figures(store.profile("email", "anna@example.org"))[:4] == (1, 0, 0, Decimal(20))


def test_named_report_beats_earlier_receipt(store: Store) -> None:
    """An order belongs to the customer who is named, though a nameless receipt came first."""
    store.take(bought("e1", "A1", "5.00", 0, system="till"), bought("e2", "A1", "5.00", 9, ANNA))
    assert store.profile("email", "anna@example.org").orders == 1
    record = node_id(SECRET, REALM, RECORD_TYPE, "till", "A1")
    receipt = store.reader.profile(REALM, record)
    assert (receipt.kind, receipt.orders, receipt.channels) == ("record", 0, ["shop"])


def test_nameless_till_return(store: Store) -> None:
    """A return at a till that names nobody is the customer's who bought the goods."""
    back = {"order_id": "A1", "return_id": "R1", "lines": [{"total": "8.00"}], "channel": "pos"}
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA),
        event("e2", "order.returned", 60, system="till", **back),
        event("e3", "order.returned", 70, BERT, system="shop", **back),
    )
    assert figures(store.profile("email", "anna@example.org")) == (1, 1, 0, Decimal(20), Decimal(8))
    assert figures(store.profile("email", "bert@example.org"))[1] == 0


def test_return_told_twice_with_its_number_alone_in_common(store: Store) -> None:
    """One system says who returned it, the other of which order it was; also where both were stored
    before returns were looked up by number."""
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA),
        event("e2", "order.returned", 60, system="till", order_id="A1", return_id="R1", refund="8"),
        event("e3", "order.returned", 70, BERT, system="shop", return_id="R1", refund="8"),
    )
    expected = (1, 1, 0, Decimal(20), Decimal(8))
    assert figures(store.profile("email", "anna@example.org")) == expected
    assert figures(store.profile("email", "bert@example.org"))[1] == 0
    store.database.command("DELETE FROM order_keys WHERE order_id = 'R1'")
    assert figures(store.profile("email", "bert@example.org"))[1] == 1
    [file] = sql_directory().glob("0016_*.sql")
    for statement in statements(file.read_text("utf-8")):
        store.database.command(statement)
    assert figures(store.profile("email", "bert@example.org"))[1] == 0
    assert figures(store.profile("email", "anna@example.org")) == expected


def test_return_before_its_order_is_known(store: Store) -> None:
    """A return of an unknown order is the returner's, and the buyer's once the order arrives."""
    store.take(event("e1", "order.returned", 60, BERT, order_id="A1", refund="4.00"))
    assert store.profile("email", "bert@example.org").returned == Decimal(4)
    store.take(bought("e2", "A1", "20.00", 0, ANNA))
    assert store.profile("email", "bert@example.org").returns == 0
    assert store.profile("email", "anna@example.org").returned == Decimal(4)


def test_cancelled_and_partly_cancelled(store: Store) -> None:
    """A cancelled order is no order; cancelled lines take their value from the revenue."""
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA),
        bought("e2", "A2", "30.00", 1, ANNA),
        event("e3", "order.cancelled", 5, order_id="A1", system="erp"),
        event("e4", "order.cancelled", 6, order_id="A2", lines=[{"total": "12.00"}]),
    )
    assert figures(store.profile("email", "anna@example.org"))[:4] == (1, 0, 1, Decimal(18))


def test_what_comes_back_without_a_currency(store: Store) -> None:
    """Cancelled lines and returned goods of an order in francs are francs, whatever the realm has;
    what is in no currency of the order is listed beside."""
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA, currency="CHF"),
        event("e2", "order.cancelled", 6, order_id="A1", lines=[{"total": "-12.00"}]),
        event("e3", "order.cancelled", 6, order_id="A1", lines=[{"total": "1.00"}], currency="USD"),
        event("e4", "order.returned", 7, order_id="A1", refund="3.00"),
        event("e5", "order.returned", 8, ANNA, order_id="A2", refund="5.00"),
    )
    profile = store.profile("email", "anna@example.org")
    assert profile.other_currencies == {"CHF": Decimal(8)}
    assert profile.returned_other_currencies == {"CHF": Decimal(3)}
    assert figures(profile) == (1, 2, 0, Decimal(0), Decimal(5))
    store.take(bought("e6", "A2", "9.00", 0, ANNA, currency="USD"))
    profile = store.profile("email", "anna@example.org")
    assert profile.returned_other_currencies == {"CHF": Decimal(3), "USD": Decimal(5)}
    listed = store.totals()[profile.profile_id]
    assert listed == profile.model_dump(include=FIGURES)


def test_other_issuers_order_number(store: Store) -> None:
    """Order 1001 of the shop is not order 1001 of the ERP, and its cancellation not ours."""
    store.take(
        bought("e1", "1001", "20.00", 0, ANNA, issuer="shop"),
        bought("e2", "1001", "30.00", 1, BERT, issuer="erp"),
        event("e3", "order.cancelled", 5, order_id="1001", issuer="erp"),
    )
    assert store.profile("email", "anna@example.org").revenue == Decimal(20)
    assert store.profile("email", "bert@example.org").cancellations == 1


def test_what_never_counts(store: Store) -> None:
    """Training receipts, test journeys and older revisions of an order are no revenue."""
    store.take(
        bought("e1", "A1", "20.00", 0, ANNA, receipt_kind="training"),
        bought("e2", "A2", "20.00", 0, ANNA, synthetic=True),
        bought("e3", "A3", "99.00", 0, ANNA),
        bought("e4", "A4", "7.00", 0, ANNA, currency="USD"),
    )
    store.take(bought("e3", "A3", "10.00", 0, ANNA, revision=1))
    profile = store.profile("email", "anna@example.org")
    assert (profile.orders, profile.revenue, profile.currency) == (2, Decimal(10), "EUR")
    assert profile.other_currencies == {"USD": Decimal(7)}


def test_merge_and_split_move_history(store: Store) -> None:
    """Facts follow the map: merged with the profile, gone with the split, handles still resolve."""
    anna, card = node("email", "anna@example.org"), node("loyalty_card", "77")
    store.take(bought("e1", "A1", "20.00", 0, ANNA), bought("e2", "A2", "5.00", 9, ANNA_CARD))
    store.place(card, anna, card)
    merged = store.reader.profile(REALM, anna)
    assert (merged.profile_id.int, merged.requested_id.int) == (card, anna)
    assert (merged.kind, merged.orders, merged.identifiers_count) == ("person", 2, 2)
    assert store.reader.profiles(REALM, [anna]) == []
    store.place(anna, anna)
    assert [one.orders for one in store.reader.profiles(REALM, [anna, card])] == [1, 1]
    assert store.reader.resolve(REALM, [anna])[anna].profile == anna


def test_unmapped_and_unknown_handles(store: Store) -> None:
    """A node without map row is its own profile, by its type; one without any trace is unknown."""
    store.take(event("e1", "page.viewed", 0, "cookie=c1"), event("e2", "page.viewed", 0, ANNA))
    cookie, anna, nobody = node("cookie", "c1"), node("email", "anna@example.org"), 12345
    found = store.reader.resolve(REALM, [cookie, anna, nobody])
    assert {one: held.kind for one, held in found.items()} == {cookie: "anonymous", anna: "person"}
    with pytest.raises(NotFound, match="nothing is known"):
        store.reader.profile(REALM, nobody)
    with pytest.raises(NotFound, match="alps, default"):
        store.reader.profiles("moon", [anna])


def test_attributes_consents_and_contacts(store: Store) -> None:
    """What was observed and permitted arrives with its source, the contacts with their times."""
    anna = node("email", "anna@example.org")
    names = {"first_name": "Anna", "preference.channel": "email", "city": None}
    store.take(
        event("e1", "profile.updated", 1, ANNA, system="crm", attributes=names),
        event("e2", "consent.given", 2, ANNA, channel="app", purpose="marketing"),
        event("e3", "objection.made", 3, ANNA, channel="phone", purpose="survey"),
        event("e4", "page.viewed", 9, ANNA, "cookie=c1", synthetic=True),
    )
    profile = store.profile("email", "anna@example.org")
    first_name = profile.attributes["first_name"]
    assert not isinstance(first_name, list)
    assert (first_name.value, first_name.source, first_name.event_id) == ("Anna", "crm", "e1")
    assert list(profile.attributes) == ["first_name"]
    assert profile.preferences["channel"].value == "email"
    assert [(one.address.int, one.purpose, one.allowed) for one in profile.consents] == [
        (anna, "marketing", True),
        (0, "survey", False),
    ]
    assert (profile.first_contact, profile.last_contact) == (at(1), at(3))
    assert profile.channels == ["app", "phone", "shop"]
    assert profile.identifiers[0].last_seen == at(3)
    assert profile.as_of == READ_AT


def test_a_public_key_speaks_for_no_system(store: Store) -> None:
    """Whatever source its event names: it takes back nothing that this system said, and its values
    stand under a source of their own, which no list of trusted systems means."""
    cookie = "cookie=annas-own"
    said = event("e1", "profile.updated", 1, ANNA, system="crm", attributes={"adviser": "Ms B"})
    joined = event("e2", "profile.updated", 2, cookie, system="crm", attributes={"city": "Ulm"})
    claimed = event(
        "e1", "profile.updated", 3, cookie, system="crm", attributes={"adviser": None, "city": "X"}
    )
    store.take(said, joined, claimed | {"from_public_key": True})
    anna = node("email", "anna@example.org")
    store.place(anna, anna, node("cookie", "annas-own"))
    found = store.profile("email", "anna@example.org").attributes
    single = {name: one for name, one in found.items() if isinstance(one, AttributeValue)}
    assert single.keys() == found.keys()
    assert {name: (one.value, one.source) for name, one in single.items()} == {
        "adviser": ("Ms B", "crm"),
        "city": ("X", "public:crm"),
    }


def test_last_active_is_what_the_customer_did(store: Store) -> None:
    """Mails that were sent and opens by programs are contacts, but no signs of life; a list says
    the same as a profile."""
    store.take(
        bought("e1", "A1", "20.00", 1, ANNA),
        event("e2", "email.sent", 5, ANNA, channel="email", purpose="marketing"),
        event("e3", "email.opened", 6, ANNA, channel="email", automated=True),
        event("e4", "email.opened", 7, ANNA, channel="email", synthetic=True),
        event("e5", "email.sent", 8, BERT, channel="email", purpose="marketing"),
    )
    anna, bert = (store.profile("email", f"{name}@example.org") for name in ("anna", "bert"))
    assert (anna.last_contact, anna.last_active) == (at(6), at(1))
    assert (bert.last_contact, bert.last_active) == (at(8), None)
    store.take(event("e6", "email.clicked", 9, ANNA, channel="email"))
    assert store.profile("email", "anna@example.org").last_active == at(9)
    listed = {one["profile_id"]: one["last_active"] for one in store.totals().values()}
    assert listed == {anna.profile_id: at(9), bert.profile_id: None}


def test_of_rows_from_before_the_type_decides_who_was_active(database: Database) -> None:
    """A row written before the column existed counts by its type."""
    columns = ("realm", "node", "event_id", "type", "occurred_at")
    rows = [
        (REALM, 7, "e1", "page.viewed", at(1)),
        (REALM, 7, "e2", "email.sent", at(2)),
    ]
    database.insert_rows("touchpoints", columns, rows)
    found = database.rows("SELECT event_id, active FROM touchpoints ORDER BY event_id")
    assert found == [("e1", True), ("e2", False)]


def test_last_seen_of_identifiers_without_facts(store: Store) -> None:
    """An identifier that never anchored a fact was last seen on the facts it stands on."""
    store.take(event("e1", "page.viewed", 5, ANNA_CARD, ANNA))
    anna, card = node("email", "anna@example.org"), node("loyalty_card", "77")
    store.place(card, anna, card)
    seen = {one.type: one.last_seen for one in store.reader.profile(REALM, card).identifiers}
    assert seen == {"loyalty_card": at(5), "email": at(5)}


def test_identifier_export(store: Store) -> None:
    """Every identifier comes with its profile now; a shared one says so."""
    store.take(event("e1", "page.viewed", 0, ANNA, "device_id=tablet"))
    anna, tablet = node("email", "anna@example.org"), node("device_id", "tablet")
    store.place(anna, anna)
    store.place(tablet, tablet, kind="shared")
    rows = {one.node: one for one in store.reader.identifiers(REALM)}
    assert rows[tablet][-1] is True
    assert rows[anna] == ("email", "", "anna@example.org", anna, anna, False)


def test_totals_leave_out_receipts(store: Store) -> None:
    """Receipts that name nobody are no customers, and no refresh happens unless asked for."""
    assert store.totals() == {}
    store.take(bought("e1", "A1", "20.00", 0, ANNA), bought("e2", "A2", "5.00", 0, system="till"))
    assert list(store.reader.totals(REALM, refresh=False).profiles) == []
    [profile] = store.totals()
    assert profile.int == node("email", "anna@example.org")
    assert store.reader.totals("alps", refresh=False).refreshed_at is None
    assert store.reader.totals(REALM, refresh=False).refreshed_at is not None


# One random stream, three ways to count it ----------------------------------------------------


def anchor_of(one: dict[str, Any]) -> int:
    """The node that the event is stored under."""
    for identifier in one["identifiers"]:
        return node(identifier["type"], identifier["value"])
    value = one["body"]["order_id"] or one["event_id"]
    return node_id(SECRET, REALM, RECORD_TYPE, one["source"]["system"], value)


def amount(one: dict[str, Any]) -> Decimal:
    """What the lines of an event are worth."""
    return sum((Decimal(line["total"]) for line in one["body"].get("lines", [])), Decimal(0))


def currency(one: dict[str, Any], order: dict[str, Any] | None = None) -> str:
    """That of an event; where it states none, that of its order, and then the realm's."""
    return one["body"]["currency"] or (order and order["body"]["currency"]) or "EUR"


def naive(stream: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Figures per node, from the events themselves, order by order."""
    real = [one for one in stream if not one["source"]["synthetic"]]
    best_first = sorted(
        real, key=lambda one: (not one["identifiers"], one["occurred_at"], one["event_id"])
    )
    kinds: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in best_first:
        if one["body"].get("receipt_kind", "sale") == "sale":
            kinds[one["type"]].append(one)
    sums: defaultdict[int, dict[str, Any]] = defaultdict(
        lambda: {"orders": 0, "returns": 0, "cancellations": 0, "revenue": 0, "returned": 0}
    )

    def key(one: dict[str, Any]) -> tuple[str, str]:
        return one["body"]["issuer"], one["body"]["order_id"]

    sales: dict[tuple[str, str], dict[str, Any]] = {}
    for one in kinds["order.placed"]:
        sales.setdefault(key(one), one)
    stopped: dict[tuple[str, str], dict[str, Any]] = {}
    for one in kinds["order.cancelled"]:
        if "lines" not in one["body"]:
            stopped.setdefault(key(one), one)
    for number, one in (stopped | sales).items():
        owner = sums[anchor_of(one)]
        if number in stopped:
            owner["cancellations"] += 1
            continue
        owner["orders"] += 1
        if currency(one) != "EUR":
            continue
        less = sum(
            amount(part)
            for part in kinds["order.cancelled"]
            if key(part) == number and currency(part, one) == "EUR"
        )
        owner["revenue"] += max(amount(one) - less, Decimal(0))
    seen: set[tuple[str, str]] = set()
    for one in sorted(kinds["order.returned"], key=lambda one: one["body"]["order_id"] == ""):
        number = (one["body"]["issuer"], one["body"]["return_id"] or one["event_id"])
        if number not in seen:
            seen.add(number)
            owner = sums[anchor_of(sales.get(key(one), one))]
            owner["returns"] += 1
            in_euros = currency(one, sales.get(key(one), one)) == "EUR"
            owner["returned"] += amount(one) if in_euros else 0
    return sums


@pytest.mark.parametrize("seed", always({0, 1}, range(6)))
def test_three_ways_to_count_agree(store: Store, seed: int) -> None:
    """View, bulk reader and a plain count say the same of every profile of a random stream."""
    draw = random.Random(seed)
    stream = [random_event(draw, number) for number in range(260)]
    nodes = [node(*word.split("=")) for word in PEOPLE]
    holder = {one: one for one in nodes}
    for part in range(0, len(stream), 90):  # several parts, with rows sent again
        store.take(*stream[part : part + 90], *draw.sample(stream[: part + 90], 20))
        for one in draw.sample(nodes, 4):
            holder[one] = draw.choice(nodes[:4])
            store.place(holder[one], one)
    expected: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for anchor, sums in naive(stream).items():
        of_profile = expected[holder.get(anchor, anchor)]
        for name, value in sums.items():
            of_profile[name] = of_profile.get(name, 0) + value
    ids = sorted(set(holder.values()) | set(expected))
    found = {one.profile_id: one for one in store.reader.profiles(REALM, ids)}
    for profile, sums in expected.items():
        assert found[as_uuid(profile)].model_dump(include=set(sums)) == sums
    customers = {
        one.profile_id: one.model_dump(include=FIGURES)
        for one in found.values()
        if one.kind != RECORD_TYPE
    }
    assert store.totals() == customers
    assert sum(one.orders for one in found.values()) > 10


ODD = ('a"], ["b', "Käse 🧀/\\\\", "two\nlines\u2028][")
"""Words that would end a text in which they stand unescaped."""


def random_touch(draw: random.Random, number: int) -> dict[str, Any]:
    """An order event, or one with attributes, consents or several identifiers; perhaps revised."""
    if draw.random() < 0.4:
        return random_event(draw, number)
    named = draw.sample(PEOPLE, draw.choice([1, 1, 2, 3]))
    kinds: list[tuple[str, dict[str, Any]]] = [
        (
            "profile.updated",
            {"attributes": {draw.choice("abc"): draw.choice(["x", "y", *ODD, None])}},
        ),
        ("consent.given", {"channel": "app", "purpose": draw.choice(["marketing", "survey"])}),
        ("objection.made", {"channel": "phone", "purpose": "survey"}),
        ("page.viewed", {}),
        ("email.sent", {"channel": "email", "purpose": "marketing"}),
    ]
    kind, more = draw.choice(kinds)
    more = {"synthetic": draw.random() < 0.1, "system": draw.choice(["crm", *ODD]), **more}
    # No two bodies of an event have the same version, as nothing says which of them would count.
    more["revision"] = draw.randrange(3) * 1000 + number
    return event(f"t{draw.randrange(60)}-{named[0]}", kind, draw.randrange(9), *named, **more)


@pytest.mark.parametrize("seed", always({0}, range(4)))
def test_facts_at_once_and_kind_by_kind_agree(store: Store, seed: int) -> None:
    """Few facts are read by one statement, many by several: they give the same, as of any time."""
    draw = random.Random(seed)
    stream = [random_touch(draw, number) for number in range(200)]
    for part in range(0, len(stream), 70):
        store.take(*stream[part : part + 70])
    nodes = [node(*word.split("=")) for word in PEOPLE]
    store.place(nodes[0], *nodes[:4])
    rules = profile_rules(), identity_rules()
    by_kind = ProfileReader(store.database, REALMS, *rules, lambda: READ_AT, facts_max=0)
    for as_of in (None, at(2), at(6)):
        found = store.reader.profiles(REALM, nodes, as_of)
        assert found == by_kind.profiles(REALM, nodes, as_of)
        assert len(found) > 3


def test_what_goes_to_disk_makes_the_same_totals(store: Store) -> None:
    """A refresh keeps a limited part of what it joins and groups in memory; with hardly any of it
    there, the totals are the same."""
    draw = random.Random(7)
    store.take(*(random_event(draw, number) for number in range(260)))
    nodes = [node(*word.split("=")) for word in PEOPLE]
    store.place(nodes[0], *nodes[:3])
    figures = "orders, returns, cancellations, revenue, returned, channels"
    sorted_by = f"SELECT profile, kind, {figures} FROM ({{}}) ORDER BY profile"
    [(query,)] = store.database.rows(TOTALS_SQL)
    limits = re.findall(rf"({'|'.join(LIMITS)}) = (\d+)", query)
    assert {name for name, _ in limits} == set(LIMITS)
    assert all(0 < int(limit) <= 300_000_000 for _, limit in limits)
    tiny = re.sub(rf"({'|'.join(LIMITS)}) = \d+", r"\1 = 1000", query)
    store.totals()
    refreshed = store.database.rows(sorted_by.format("SELECT * FROM profile_totals"))
    assert store.database.rows(sorted_by.format(tiny)) == refreshed
    assert sum(one[2] for one in refreshed) > 10

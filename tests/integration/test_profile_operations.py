"""Operations on profiles against the real store: as of a time, by identifiers, by many ids."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from schemas.api.profiles import (
    BatchEntry,
    FoundProfiles,
    IdentifiedProfile,
    IdentityTime,
    IdStatus,
)
from schemas.edge import Node
from schemas.identifiers import as_uuid
from schemas.instants import from_ms, to_ms
from schemas.profile import AttributeValue, Profile
from services.api.handles import ERASED
from services.api.operation import part_of, plain
from services.api.ports import Access
from services.api.queries.profiles import (
    PROFILE_BATCH,
    PROFILE_GET,
    PROFILE_LOOKUP,
    PROFILE_SEARCH,
    BatchRequest,
    LookupRequest,
    ProfileGetRequest,
    SearchRequest,
    fields_of,
)
from services.api.read_store import ReadStore, StoreWrites
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.past import group_then
from services.identity.core.model import latest, merged
from services.identity.core.resolve import resolve
from services.identity.past_groups import PastGroup
from services.profiles.core.masking import masked
from services.runtime.errors import InvalidInput, NotFound
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.profile_store import ANNA, ANNA_CARD, BERT, REALM, SECRET, Store, at, bought, event, node
from tests.tiers import always
from tests.unit.identity.stories import QUARTER_DAY_MS, link, parts, random_story

pytestmark = pytest.mark.any_store
MAIL, CARD, BERTS = (
    node("email", "anna@example.org"),
    node("loyalty_card", "77"),
    node("email", "bert@example.org"),
)
TYPES = {MAIL: "email", CARD: "loyalty_card", BERTS: "email"}


class Shop(Store):
    """The real tables, and the operations on them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        settings = load_settings(identity_secret=SECRET.decode())
        self.access = Access(
            ReadStore(settings, database), StoreWrites(database, lambda _record: None)
        )

    def get(self, handle: int, **more: Any) -> Profile:
        """The profile of a node."""
        asked = ProfileGetRequest(realm=REALM, handle=str(as_uuid(handle)), **more)
        return next(PROFILE_GET.run(self.access, asked))

    def lookup(self, *identifiers: tuple[str, str], **more: Any) -> list[IdentifiedProfile]:
        """The profiles that identifiers name."""
        given = [{"type": type_, "value": value} for type_, value in identifiers]
        asked = LookupRequest(realm=REALM, identifiers=given, **more)
        return list(PROFILE_LOOKUP.run(self.access, asked))

    def batch(self, *ids: int, **more: Any) -> list[BatchEntry]:
        """What became of ids."""
        asked = BatchRequest(realm=REALM, ids=[as_uuid(one) for one in ids], **more)
        return list(PROFILE_BATCH.run(self.access, asked))

    def search(self, **asked: Any) -> FoundProfiles:
        """A page of customers."""
        return next(PROFILE_SEARCH.run(self.access, SearchRequest(realm=REALM, **asked)))

    def erase(self, *nodes: int) -> None:
        """Leave nothing of nodes but their place in the ledger."""
        rows = [(REALM, one, at(500)) for one in nodes]
        self.database.insert_rows("erasures", ("realm", "node", "erased_at"), rows)
        where = {"nodes": [str(as_uuid(one)) for one in nodes]}
        for table in ("touchpoints", "orders", "observations", "consents", "node_values"):
            self.database.command(f"DELETE FROM {table} WHERE node IN {{nodes:Array(UUID)}}", where)

    def join(self, a: int, b: int, minutes: int) -> None:
        """Store a verified edge, and put both nodes into the profile of `a` today."""
        ends = (Node(a, TYPES[a], ""), Node(b, TYPES[b], ""))
        edge = link(*ends, to_ms(at(minutes)), f"j{minutes}", True)
        ClickHouseIdentityStore(self.database).write_edges(REALM, [edge], 1)
        self.place(a, a, b)


@pytest.fixture
def shop(database: Database) -> Shop:
    """Empty tables, ready for events."""
    return Shop(database)


def test_as_of_a_time_only_what_occurred_counts(shop: Shop) -> None:
    """Values, permissions, figures and channels are those of the time, under today's identity."""
    shop.take(
        event("e1", "profile.updated", 1, ANNA, attributes={"city": "Ulm"}),
        event("e2", "consent.given", 2, ANNA, channel="app", purpose="marketing"),
        bought("e3", "A1", "20.00", 3, ANNA_CARD, channel="pos"),
        event("e4", "profile.updated", 10, ANNA, attributes={"city": "Bonn"}),
        event("e5", "consent.withdrawn", 11, ANNA, channel="app", purpose="marketing"),
        event("e6", "order.cancelled", 12, ANNA, channel="pos", order_id="A1"),
    )
    shop.place(CARD, CARD, MAIL)
    now, then = shop.get(MAIL), shop.get(MAIL, as_of=at(5))
    assert (city(then), city(now)) == ("Ulm", "Bonn")
    assert [[one.allowed for one in found.consents] for found in (then, now)] == [[True], [False]]
    assert (then.orders, then.revenue, then.cancellations) == (1, Decimal(20), 0)
    assert (now.orders, now.revenue, now.cancellations) == (0, Decimal(0), 1)
    assert (then.channels, now.channels) == (["app", "pos", "shop"],) * 2
    assert (then.last_contact, now.last_contact) == (at(3), at(12))
    assert (then.as_of, then.profile_id.int, then.requested_id.int) == (at(5), CARD, MAIL)
    assert {one.type for one in then.identifiers} == {"email", "loyalty_card"}
    first = shop.get(MAIL, as_of=at(1))
    assert (first.channels, first.consents, first.last_contact) == (["shop"], [], at(1))
    nothing = shop.get(MAIL, as_of=at(0))
    assert (nothing.first_contact, nothing.attributes, nothing.orders) == (None, {}, 0)


def city(profile: Profile) -> str:
    """The surviving city."""
    found = profile.attributes["city"]
    assert isinstance(found, AttributeValue)
    return found.value


def test_the_owner_of_an_order_is_that_of_the_time(shop: Shop) -> None:
    """A report with a customer that came later takes the order over from then on only."""
    shop.take(
        bought("e1", "A1", "20.00", 5, ANNA),
        bought("e2", "A1", "20.00", 1, BERT),
    )
    assert [shop.get(one).orders for one in (MAIL, BERTS)] == [0, 1]
    assert [shop.get(one, as_of=at(1)).orders for one in (MAIL, BERTS)] == [0, 1]
    shop.take(bought("e3", "B1", "5.00", 2, ANNA_CARD), bought("e4", "B1", "5.00", 1, system="t"))
    assert [shop.get(CARD, as_of=at(minutes)).orders for minutes in (1, 2)] == [0, 1]


def test_as_of_now_and_later_are_the_same_as_without(shop: Shop) -> None:
    """A time after every fact changes nothing but the time; below a millisecond it is cut."""
    shop.take(bought("e1", "A1", "20.00", 5, ANNA))
    whole, later = shop.get(MAIL), shop.get(MAIL, as_of=at(5) + timedelta(microseconds=999))
    assert later.as_of == at(5)
    assert whole.model_copy(update={"as_of": at(5)}) == later


def test_the_identity_of_then_is_that_of_the_edges_then(shop: Shop) -> None:
    """Before the edge was seen two identifiers were two profiles, with an id each."""
    shop.take(bought("e1", "A1", "20.00", 1, ANNA), bought("e2", "A2", "5.00", 2, ANNA_CARD))
    shop.join(CARD, MAIL, 9)
    then = IdentityTime.THEN
    before, after = (shop.get(MAIL, as_of=at(minutes), identity=then) for minutes in (8, 9))
    assert (before.profile_id.int, before.orders, before.identifiers_count) == (MAIL, 1, 1)
    assert (after.profile_id.int, after.orders, after.identifiers_count) == (CARD, 2, 2)
    assert shop.get(MAIL, as_of=at(8)).orders == 2
    assert before.kind == after.kind == "person"
    with pytest.raises(InvalidInput, match="needs a time"):
        shop.get(MAIL, identity=then)
    with pytest.raises(NotFound):
        shop.get(12345, as_of=at(8), identity=then)


@pytest.mark.parametrize("seed", always({1, 6}, range(8)))
def test_past_groups_of_random_stories_on_the_store(database: Database, seed: int) -> None:
    """For every node, at several times, the answer is that of resolving the graph of the time."""
    story = random_story(Random(seed))
    edges, decisions, marks = parts(story.items)
    store = ClickHouseIdentityStore(database)
    store.write_edges(REALM, list(merged(edges).values()), 1)
    store.write_decisions(REALM, list(latest(decisions).values()), 1)
    store.write_marks(REALM, marks, 1)
    nodes = {end.id: end for edge in edges for end in (edge.a, edge.b)}
    columns = ("realm", "node", "type", "issuer", "value", "batch")
    rows = [(REALM, one.id, one.type, one.issuer, str(one.id), 1) for one in nodes.values()]
    database.insert_rows("node_values", columns, rows)
    for until_ms in (4, 3 * QUARTER_DAY_MS, 8 * QUARTER_DAY_MS):
        made = [one for one in latest(decisions).values() if one.decided_ms <= until_ms]
        seen = [one for one in edges if one.first_seen_ms <= until_ms]
        expected = resolve(seen, made, marks, story.rules).placements
        for one in nodes:
            found = group_then(database, story.rules, REALM, one, until_ms)
            if one in expected:
                placed = expected[one]
                same = {n for n, other in expected.items() if other.profile == placed.profile}
                group = PastGroup(placed.profile, placed.kind, frozenset(same))
            else:
                group = PastGroup(one, None, frozenset({one}))
            assert found == group, (one, until_ms)


def test_lookup_finds_one_customer_by_any_identifier(shop: Shop) -> None:
    """The profile comes as asked for by the first identifier that is known."""
    shop.take(bought("e1", "A1", "20.00", 1, ANNA), event("e2", "page.viewed", 2, ANNA_CARD))
    shop.place(CARD, CARD, MAIL)
    [found] = shop.lookup(
        ("phone", "+4917112345678"), ("email", " Anna@Example.org "), ("loyalty_card", "77")
    )
    assert found.identifiers == [1, 2]
    assert found.profile is not None
    assert found.profile.model_copy(update={"as_of": at(0)}) == shop.get(MAIL).model_copy(
        update={"as_of": at(0)}
    )
    assert shop.lookup(("email", "nobody@example.org")) == []
    assert shop.lookup(("loyalty_card", "0")) == []  # a placeholder


def test_lookup_of_several_customers_lists_them(shop: Shop) -> None:
    """Without their profiles; a value of nobody's does not count beside one of somebody."""
    shop.take(
        event("e1", "page.viewed", 1, ANNA),
        event("e2", "page.viewed", 2, BERT),
        event("e3", "page.viewed", 3, "phone=+4917112345678"),
    )
    shop.place(node("phone", "+4917112345678"), node("phone", "+4917112345678"), kind="shared")
    both = [("email", f"{name}@example.org") for name in ("anna", "bert")]
    found = shop.lookup(*both, ("phone", "0171 12345678"))
    assert [(one.profile_id.int, one.identifiers) for one in found] == [(MAIL, [0]), (BERTS, [1])]
    assert [one.profile for one in found] == [None, None]
    [anna] = shop.lookup(both[0], ("phone", "0171 12345678"))
    assert anna.profile_id.int == MAIL
    [shared] = shop.lookup(("phone", "0171 12345678"))
    assert (shared.kind, shared.profile is not None) == ("shared", True)


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("email", "no-address-of-anna"), ("shoe_size", "41-of-anna"), ("phone", "12-anna")],
)
def test_an_invalid_identifier_is_refused_without_its_value(
    shop: Shop, type_name: str, value: str
) -> None:
    """The error names its place, never what stands there."""
    with pytest.raises(InvalidInput, match=r"identifiers\.1\.") as caught:
        shop.lookup(("email", "anna@example.org"), (type_name, value))
    assert "anna" not in str(caught.value)


def test_a_batch_says_what_became_of_every_id(shop: Shop) -> None:
    """In the order asked, ids more than once, too: found, merged, erased or unknown."""
    shop.take(bought("e1", "A1", "20.00", 1, ANNA), event("e2", "page.viewed", 2, ANNA_CARD, BERT))
    shop.place(CARD, CARD, MAIL)
    shop.erase(BERTS)
    asked = [4711, MAIL, CARD, BERTS, MAIL]
    found = shop.batch(*asked)
    assert [one.requested_id.int for one in found] == asked
    assert [one.status for one in found] == [
        IdStatus.UNKNOWN, IdStatus.MERGED, IdStatus.FOUND, IdStatus.ERASED, IdStatus.MERGED,
    ]  # fmt: skip
    profiles = [one.profile for one in found]
    assert [one and one.profile_id.int for one in profiles] == [None, CARD, CARD, None, CARD]
    assert [one and one.requested_id.int for one in profiles] == [None, MAIL, CARD, None, MAIL]
    shown = there(shop.batch(CARD, is_masked=True)[0].profile)
    assert shown.identifiers == masked(there(found[2].profile)).identifiers


def there(found: Profile | None) -> Profile:
    """A profile that is there."""
    assert found is not None
    return found


def test_a_batch_is_bounded() -> None:
    """No id and more than a thousand are refused before anything is read."""
    for count in (0, 1_001):
        with pytest.raises(InvalidInput, match="ids"):
            BatchRequest(realm=REALM, ids=[UUID(int=one) for one in range(count)])


def test_an_erased_profile_is_told_from_an_unknown_one(shop: Shop) -> None:
    """Until new events come; another realm's ledger says nothing."""
    shop.take(event("e1", "page.viewed", 1, ANNA), event("e2", "page.viewed", 1, BERT))
    shop.place(MAIL, MAIL)
    shop.erase(MAIL)
    for reason, handle in ((ERASED, MAIL), ("unknown_profile", 4711)):
        with pytest.raises(NotFound) as caught:
            shop.get(handle)
        assert caught.value.reason == reason
    shop.take(event("e3", "page.viewed", 600, ANNA))
    assert shop.get(MAIL).last_contact == at(600)


def test_masked_answers_hold_no_value(shop: Shop) -> None:
    """Of one profile and of a look-up."""
    shop.take(event("e1", "profile.updated", 1, ANNA, attributes={"city": "Ulm"}))
    [found] = shop.lookup(("email", "anna@example.org"), is_masked=True)
    for one in (shop.get(MAIL, is_masked=True), found.profile):
        written = str(plain(there(one)))
        assert "anna@example.org" not in written
        assert "Ulm" not in written


def test_fields_choose_parts_of_a_document(shop: Shop) -> None:
    """In the document's own order; what is no field is refused."""
    shop.take(event("e1", "page.viewed", 1, ANNA))
    whole = plain(shop.get(MAIL))
    assert part_of(whole, fields_of("")) == whole
    part = part_of(whole, fields_of("orders, profile_id"))
    assert list(part) == [name for name in whole if name in ("profile_id", "orders")]
    with pytest.raises(InvalidInput, match="fields: 1 of them unknown") as caught:
        fields_of("orders,anna@example.org")
    assert "anna" not in str(caught.value)


ATTRIBUTE_FACTS: list[tuple[str, dict[str, Any]]] = [
    ("anna", {"city": " Köln", "last_name": "Berg", "birth_date": "04.12.1971"}),
    ("bert", {"city": "KÖLN", "last_name": "Bergmann", "preference.channel": "email"}),
    ("carl", {"city": "Ulm", "last_name": "berg", "birth_date": "1971-12-04"}),
    ("dora", {"city": "Köln", "last_name": "Vogel"}),
]


def fill(shop: Shop) -> None:
    """Four customers, of whom one moved."""
    for place, (name, attributes) in enumerate(ATTRIBUTE_FACTS):
        who = f"email={name}@example.org"
        shop.take(event(f"{name}1", "profile.updated", place, who, attributes=attributes))
    moved = {"city": "Ulm"}
    shop.take(event("dora2", "profile.updated", 9, "email=dora@example.org", attributes=moved))


def names_of(found: FoundProfiles) -> list[str]:
    """Last names in the order of a page."""
    return [one.name for one in found.entries]


def test_search_by_text_finds_exact_values_first(shop: Shop) -> None:
    """In any letter case, identifiers and attributes, also former ones, each customer once."""
    fill(shop)
    found = shop.search(text="BERG")
    assert sorted(names_of(found)[:2]) == ["Berg", "berg"]
    assert names_of(found)[2:] == ["Bergmann"]
    assert found.entries[2].matches == ["last_name: Bergmann"]
    assert [one.matches for one in shop.search(text="dora@").entries] == [
        ["email=dora@example.org"]
    ]
    assert len(shop.search(text="köln").entries) == 3  # dora lived there
    for hostile in ("%_", "' OR 1=1", "\\N", "a\x00b", "{text:String}", "�" * 200):
        assert shop.search(text=hostile).entries == []


def test_search_by_attributes_is_one_of_golden_records(shop: Shop) -> None:
    """Where dora lives now; all attributes must be so, and a text beside them, too."""
    fill(shop)
    assert sorted(names_of(shop.search(attributes={"city": "köln"}))) == ["Berg", "Bergmann"]
    both = {"city": "Ulm", "last_name": "Vogel"}
    assert names_of(shop.search(attributes=both)) == ["Vogel"]
    assert names_of(shop.search(text="erg", attributes={"city": "Ulm"})) == ["berg"]
    for birth_date in ("1971-12-04", "4.12.1971"):
        born = shop.search(attributes={"birth_date": birth_date})
        assert sorted(names_of(born)) == ["Berg", "berg"]
    assert names_of(shop.search(attributes={"preference.channel": "Email"})) == ["Bergmann"]
    assert shop.search(attributes={"never.heard": "of"}).entries == []


def test_search_pages_hold_each_customer_once_while_data_changes(shop: Shop) -> None:
    """Who was there all along is on exactly one page; new, changed and merged ones move nobody."""
    draw = Random(7)
    numbers = range(40)
    events = []
    for number in numbers:
        value = "Wolf" if draw.random() < 0.3 else f"Wolfgang {number}"
        attributes = {"first_name": value, "nickname": "Wolf"} if number % 2 else {"city": value}
        who = f"email=w{number}@example.org"
        events.append(event(f"w{number}", "profile.updated", 1, who, attributes=attributes))
    shop.take(*events)
    nodes = [node("email", f"w{number}@example.org") for number in numbers]
    merged_ones, standing = nodes[:10], set(nodes[10:])
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = shop.search(text="wolf", limit=7, cursor=cursor)
        seen += [one.profile_id.int for one in page.entries]
        cursor = page.next_cursor
        shop.place(merged_ones[0], *draw.sample(merged_ones, 2))
        new = f"n{len(seen)}"
        who = f"email={new}@example.org"
        shop.take(event(new, "profile.updated", 2, who, attributes={"city": "Wolfsburg"}))
    assert sorted(one for one in seen if one in standing) == sorted(standing)


def test_search_goes_on_where_a_scan_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be short, even empty, and still have a next one: no customer is lost."""
    monkeypatch.setattr("services.profiles.adapters.search.PLACES_PER_SCAN", 3)
    monkeypatch.setattr("services.profiles.adapters.search.SCANS_MAX", 1)
    events = []
    for number in range(20):
        attributes = {"city": "Ulm", "last_name": "Berg" if number in (3, 15) else "Vogel"}
        who = f"email=u{number}@example.org"
        events.append(event(f"u{number}", "profile.updated", 1, who, attributes=attributes))
    shop.take(*events)
    assert len(shop.search(attributes={"city": "Ulm", "last_name": "Berg"}).entries) == 2
    seen, cursor, pages = list[str](), "", 0
    while True:
        page = shop.search(text="ulm", attributes={"last_name": "Berg"}, limit=2, cursor=cursor)
        seen += names_of(page)
        pages += 1
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert (seen, pages > 3) == (["Berg", "Berg"], True)


def test_a_cursor_belongs_to_its_search(shop: Shop) -> None:
    """Another text, another realm or a changed sign is refused."""
    fill(shop)
    cursor = shop.search(text="example", limit=1).next_cursor
    assert cursor
    others: list[dict[str, Any]] = [
        {"text": "exampl"},
        {"text": "example", "attributes": {"city": "Ulm"}},
    ]
    for asked in others:
        with pytest.raises(InvalidInput, match="cursor"):
            shop.search(**asked, cursor=cursor)
    with pytest.raises(InvalidInput, match="cursor"):
        shop.search(text="example", cursor=cursor[:-1])


@pytest.mark.parametrize("asked", [{}, {"text": "a"}, {"text": "   "}, {"attributes": {}}])
def test_a_search_must_name_something(asked: dict[str, Any]) -> None:
    """One letter would find everybody."""
    with pytest.raises(InvalidInput, match="name a text"):
        SearchRequest(realm=REALM, **asked)


def test_times_are_whole_milliseconds() -> None:
    """The form that facts are stored in."""
    assert from_ms(to_ms(at(1) + timedelta(microseconds=1500))) == at(1) + timedelta(milliseconds=1)

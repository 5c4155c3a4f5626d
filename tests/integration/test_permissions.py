"""Contact permission of addresses: by the whole person, in bulk, never without a legal basis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.api.permission import ADDRESSES_MAX, AddressPermission, ContactAddress, Language
from services.api.actions import kafka_sink
from services.api.ports import Access
from services.api.queries.consents import (
    CONTACT_PERMISSION,
    PROFILE_CONSENTS,
    ConsentsPage,
    ConsentsRequest,
    ContactRequest,
)
from services.api.read_store import access_to
from services.runtime.errors import InvalidInput
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.profile_store import ANNA, ANNA_CARD, BERT, REALM, SECRET, Store, event, node

pytestmark = pytest.mark.any_store
ANNA_NODE, CARD_NODE = node("email", "anna@example.org"), node("loyalty_card", "77")


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


@pytest.fixture
def access(store: Store) -> Access:
    """Operations on these tables."""
    settings = load_settings(identity_secret=SECRET.decode())
    return access_to(settings, store.database, kafka_sink(settings))


def said(event_id: str, type_name: str, minute: int, *who: str, **body: Any) -> dict[str, Any]:
    """A consent, withdrawal or objection, told in the web shop."""
    found = event(event_id, type_name, minute, *who)
    return {**found, "body": {"purpose": "marketing", "channel": "email", **body}}


def asked(access: Access, *values: str, **more: Any) -> list[AddressPermission]:
    """Answers for e-mail addresses."""
    addresses = tuple(ContactAddress(type="email", value=one) for one in values)
    request = ContactRequest(
        **{
            "realm": REALM,
            "channel": "email",
            "purpose": "marketing",
            "addresses": addresses,
            **more,
        }
    )
    return list(CONTACT_PERMISSION.run(access, request))


def test_answers_come_in_the_order_of_the_addresses(store: Store, access: Access) -> None:
    """Also those that are repeated, unknown or no addresses; each with reason and sentence."""
    store.take(
        said("e1", "consent.given", 1, ANNA, text_version="v7"),
        said("e2", "consent.given", 2, BERT),
        said("e3", "consent.withdrawn", 3, BERT),
    )
    values = ("Anna@Example.org", "nobody@example.org", "no address", "bert@example.org")
    found = asked(access, *values, "anna@example.org")
    assert [(one.allowed, one.reason) for one in found] == [
        (True, "opted_in"),
        (False, "unknown_address"),
        (False, "invalid_address"),
        (False, "withdrawn"),
        (True, "opted_in"),
    ]
    anna = found[0]
    assert (anna.basis, anna.event_id, anna.via, anna.text_version) == (
        "consent", "e1", "shop", "v7",
    )  # fmt: skip
    assert anna.sentence.startswith("You gave us your consent on 2 March 2026 in the web shop")
    assert [one.basis for one in found[1:4]] == [None] * 3
    assert [one.event_id for one in found[1:3]] == [None] * 2
    german = asked(access, "anna@example.org", language=Language.GERMAN)
    assert german[0].sentence.startswith("Sie haben am 2. März 2026 im Onlineshop eingewilligt")


def test_what_counts_is_what_the_person_said_anywhere(store: Store, access: Access) -> None:
    """An objection under the card number ends the consent of the address, once both are one."""
    store.take(
        said("e1", "consent.given", 1, ANNA),
        said("e2", "objection.made", 2, ANNA_CARD, channel="", purpose="marketing"),
    )
    assert asked(access, "anna@example.org")[0].allowed
    store.place(min(ANNA_NODE, CARD_NODE), ANNA_NODE, CARD_NODE)
    [found] = asked(access, "anna@example.org")
    assert (found.allowed, found.reason, found.event_id) == (False, "objected", "e2")


def test_a_known_address_without_a_legal_basis(store: Store, access: Access) -> None:
    """Being known is no permission, neither is a consent for another channel or purpose."""
    store.take(said("e1", "consent.given", 1, ANNA, purpose="survey"))
    [found] = asked(access, "anna@example.org")
    assert (found.allowed, found.reason, found.event_id) == (False, "no_legal_basis", None)
    assert asked(access, "anna@example.org", purpose="survey")[0].allowed
    [other] = asked(access, "anna@example.org", channel="phone")  # an e-mail is no phone number
    assert other.reason == "invalid_address"


def test_an_address_of_several_people(store: Store, access: Access) -> None:
    """Nobody can have agreed for all of them."""
    store.take(said("e1", "consent.given", 1, ANNA))
    store.place(ANNA_NODE, ANNA_NODE, kind="shared")
    [found] = asked(access, "anna@example.org")
    assert (found.allowed, found.reason) == (False, "shared_address")


@pytest.mark.parametrize("value", ["guest", "0", "\x00", "\u202e", "-", "x" * 320])
def test_placeholders_and_odd_values(access: Access, value: str) -> None:
    """Whatever is given, the answer is no, with a reason."""
    for type_name, channel in (("email", "email"), ("phone", "sms"), ("loyalty_card", "push")):
        addresses = (ContactAddress(type=type_name, value=value),)
        [found] = asked(access, channel=channel, addresses=addresses)
        assert not found.allowed
        assert found.reason in ("invalid_address", "unknown_address")


def test_synthetic_and_replaced_events_prove_nothing(store: Store, access: Access) -> None:
    """Only what counts is evidence."""
    test_event = said("e1", "consent.given", 1, ANNA)
    store.take({**test_event, "source": {"system": "webshop", "synthetic": True}})
    store.take(said("e2", "consent.given", 1, BERT))
    store.take({**said("e2", "consent.withdrawn", 1, BERT), "revision": 1})
    found = asked(access, "anna@example.org", "bert@example.org")
    assert [one.reason for one in found] == ["no_legal_basis", "withdrawn"]


def test_what_nobody_can_have_agreed_to(access: Access) -> None:
    """A slip in channel, purpose or type is told, and not taken for a no."""
    for slip in ({"channel": "mail"}, {"purpose": "maketing"}):
        with pytest.raises(InvalidInput, match="not a configured one"):
            asked(access, "anna@example.org", **slip)
    with pytest.raises(InvalidInput, match=r"addresses\.0\.type"):
        asked(access, addresses=(ContactAddress(type="mail", value="a@example.org"),))
    with pytest.raises(InvalidInput, match="addresses"):
        asked(access, *["a@example.org"] * (ADDRESSES_MAX + 1))
    with pytest.raises(InvalidInput, match="addresses"):
        asked(access)


def test_thousands_of_addresses(store: Store, access: Access) -> None:
    """As many as are allowed, in parts; each gets its own answer."""
    people = [f"email=c{number}@example.org" for number in range(300)]
    store.take(*(said(f"e{n}", "consent.given", 1, who) for n, who in enumerate(people)))
    found = asked(access, *(f"c{number}@example.org" for number in range(6_000)))
    assert [one.allowed for one in found] == [True] * 300 + [False] * 5_700


def permissions_of(access: Access, limit: int, **more: Any) -> Iterator[ConsentsPage]:
    """All pages of the permissions of Anna."""
    request = ConsentsRequest(realm=REALM, identifier=ANNA, limit=limit, **more)
    while True:
        [page] = PROFILE_CONSENTS.run(access, request)
        yield page
        if page.next_cursor is None:
            return
        request = request.model_copy(update={"cursor": page.next_cursor})


def test_permissions_of_a_customer_with_their_evidence(store: Store, access: Access) -> None:
    """The states are those of the profile; each comes with address, evidence and sentence."""
    store.take(
        said("e1", "consent.given", 1, ANNA, double_opt_in=True, text_version="v7"),
        said("e2", "consent.confirmed", 2, ANNA),
        said("e3", "consent.given", 3, ANNA, purpose="survey"),
        said("e4", "objection.made", 4, ANNA, purpose="survey"),
    )
    found = [one for page in permissions_of(access, 1) for one in page.entries]
    states = store.profile("email", "anna@example.org").consents
    assert [one.model_dump(include=set(type(states[0]).model_fields)) for one in found] == [
        one.model_dump() for one in states
    ]
    marketing = found[0]
    assert (marketing.type, marketing.value) == ("email", "anna@example.org")
    assert [(one.event_id, one.action, one.text_version) for one in marketing.evidence] == [
        ("e1", "given", "v7"),
        ("e2", "confirmed", ""),
    ]
    [masked] = list(permissions_of(access, 50, is_masked=True))
    assert "anna" not in masked.model_dump_json()
    assert [one.address for one in masked.entries] == [one.address for one in found]

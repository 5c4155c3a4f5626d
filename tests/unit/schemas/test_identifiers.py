"""Identifiers: one written form per value, placeholders refused, node ids as documented."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import pytest

from schemas.identifiers import (
    BlockedIdentifier,
    InvalidIdentifier,
    as_uuid,
    node_id,
    normalise,
    normalise_email,
    normalise_phone,
)
from schemas.rules.identity import IdentityRules, Normaliser, identity_rules

RULES = identity_rules()
SECRET = b"a secret of at least sixteen bytes"
EMAILS = [
    # written, match key
    ("anna.berg@example.com", "anna.berg@example.com"),
    ("  Anna.Berg@Example.COM\n", "anna.berg@example.com"),  # blanks and case
    ("anna@müller.de", "anna@xn--mller-kva.de"),  # a domain of another script
    ("anna@MÜLLER.DE", "anna@xn--mller-kva.de"),  # and its capitals
    ("anna@xn--mller-kva.de", "anna@xn--mller-kva.de"),  # and its ASCII form
    ("anna@mu\u0308ller.de", "anna@xn--mller-kva.de"),  # and its decomposed form
    ("anna+shop@example.com", "anna+shop@example.com"),  # a tag is part of the address
    ("STRASSE@example.com", "strasse@example.com"),
    ("straße@example.com", "straße@example.com"),  # case alone: ß is no ss
]
PHONES = [
    # written, region, E.164
    ("030 23125-014", "DE", "+493023125014"),
    ("+49 (0)30 23125014", "DE", "+493023125014"),
    ("0049 30 23125014", "DE", "+493023125014"),
    ("+49 30 23125014", "US", "+493023125014"),  # a country code beats the region
    ("01 4000-0", "AT", "+43140000"),  # the same digits are another number elsewhere
    ("01 40 20 53 17", "FR", "+33140205317"),
    ("020 7946 0018", "GB", "+442079460018"),
]
BLOCKED = [
    "guest", "GUEST", " Guest ", "anonymous", "null", "None", "NaN", "undefined", "0", "-1",
    "unknown", "n/a", "[object Object]", "", "   ", "000000", "0-0", "0.0", "test@shop.example",
    "TEST@example.com",
]  # fmt: skip


@pytest.mark.parametrize(("written", "key"), EMAILS)
def test_email_has_one_written_form(written: str, key: str) -> None:
    """Case, blanks and the script of the domain make no second address."""
    assert normalise("email", written, RULES, "DE") == key


@pytest.mark.parametrize(
    "value", ["anna", "anna@", "@example.com", "a b@example.com", "anna@@example.com", "a@b..de"]
)
def test_what_is_no_email_is_refused(value: str) -> None:
    """A value that is no address never becomes a match key."""
    with pytest.raises(InvalidIdentifier):
        normalise_email(value)


@pytest.mark.parametrize(("written", "region", "e164"), PHONES)
def test_phone_is_read_in_its_region(written: str, region: str, e164: str) -> None:
    """National numbers get the country of the realm's region, international ones keep theirs."""
    assert normalise("phone", written, RULES, region) == e164


@pytest.mark.parametrize("value", ["call me", "+", "12", "+49", "0301234567890123456"])
def test_what_is_no_phone_number_is_refused(value: str) -> None:
    """Too short, too long or no digits: no number."""
    with pytest.raises(InvalidIdentifier):
        normalise_phone(value, "DE")


@pytest.mark.parametrize("type_name", sorted(RULES.by_name))
@pytest.mark.parametrize("value", BLOCKED)
def test_placeholder_identifies_nobody(type_name: str, value: str) -> None:
    """Every type refuses every placeholder, whatever its case or blanks."""
    with pytest.raises(BlockedIdentifier):
        normalise(type_name, value, RULES, "DE")


@pytest.mark.parametrize(
    "type_name", [row.name for row in RULES.type if row.normaliser is Normaliser.TRIM]
)
def test_other_types_keep_their_case(type_name: str) -> None:
    """A number or token is trimmed and composed (NFC), and otherwise left alone."""
    assert normalise(type_name, "\t AbC-0u\u0308 7 ", RULES, "DE") == "AbC-0ü 7"


def test_values_that_only_resemble_placeholders_are_kept() -> None:
    """`guest` within a number, or a number that ends in zeros, is a value."""
    for value in ("guest-77", "1000", "10-0", "protest@example.com"):
        assert normalise("loyalty_card", value, RULES, "DE") == value


def test_type_may_block_values_of_its_own() -> None:
    """A blocked value of one type is a value of every other type."""
    plain = RULES.model_dump()
    plain["type"][2]["blocked"] = ["9999"]
    rules = IdentityRules.model_validate(plain)
    with pytest.raises(BlockedIdentifier):
        normalise(rules.type[2].name, "9999", rules, "DE")
    assert normalise(rules.type[0].name, "9999", rules, "DE") == "9999"


def test_unknown_type_is_refused() -> None:
    """A type that the rules do not list has no written form."""
    with pytest.raises(InvalidIdentifier, match="shoe_size"):
        normalise("shoe_size", "42", RULES, "DE")


@pytest.mark.parametrize(
    ("realm", "type_name", "issuer", "value"),
    [
        ("default", "email", "", "anna.berg@example.com"),
        ("default", "customer_number", "shop", "1001"),
        ("outlet", "customer_number", "shop", "1001"),
        ("default", "loyalty_card", "plus", "Ünïcode"),
    ],
)
def test_node_id_follows_the_documented_formula(
    realm: str, type_name: str, issuer: str, value: str
) -> None:
    """The first 16 bytes of HMAC-SHA-256 over the four parts, joined by U+001F, as a UUID."""
    message = f"{realm}\u001f{type_name}\u001f{issuer}\u001f{value}".encode()
    expected = UUID(bytes=hmac.new(SECRET, message, hashlib.sha256).digest()[:16])
    node = node_id(SECRET, realm, type_name, issuer, value)
    assert as_uuid(node) == expected
    assert node == expected.int


def test_node_id_stays_the_same_for_ever() -> None:
    """A stored node id: with another formula no stored identifier would be recognised."""
    node = node_id(SECRET, "default", "email", "", "anna.berg@example.com")
    assert str(as_uuid(node)) == "e5e54659-13fd-2e89-15ea-cf96a4991d16"


def test_node_ids_differ_in_every_part() -> None:
    """Customer 1001 of the shop is not customer 1001 of the ERP, nor of another realm or secret."""
    base = (SECRET, "default", "customer_number", "shop", "1001")
    variants = {
        node_id(*base),
        node_id(b"another secret of sixteen bytes", *base[1:]),
        node_id(SECRET, "outlet", *base[2:]),
        node_id(SECRET, "default", "guest_number", "shop", "1001"),
        node_id(SECRET, "default", "customer_number", "erp", "1001"),
        node_id(SECRET, "default", "customer_number", "shop", "1002"),
        node_id(SECRET, "default", "customer_number", "sho", "p1001"),  # no parts run together
    }
    assert len(variants) == 7


def test_order_of_node_ids_is_that_of_their_uuids() -> None:
    """Integers inside and UUIDs outside agree on which id is smaller."""
    nodes = [node_id(SECRET, "default", "cookie", "shop", str(n)) for n in range(100)]
    assert sorted(nodes) == [one.int for one in sorted(map(as_uuid, nodes))]

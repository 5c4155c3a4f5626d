"""Identifiers: one written form per value, placeholders refused, node ids as documented."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

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


EXPORTED = [
    "#N/A", "#NAME?", "#DIV/0!", "#WERT!", "#NV", "(null)", "<null>", "[NULL]", '"null"',
    "'null'", "{null}", "$null$", "--null--", "\\N", "nil", "<nil>", "NIL", "<NA>", "n.a.",
    "N.A", "(not set)", "not_set", "Not-Set", "NOT  SET", "(not provided)", "(direct)",
    "keine", "Keine Angabe", "keine_angabe", "k.A.", "k. A.", "unbekannt", "Gast", "aucun",
    "ninguno", "nessuno", "geen", "undefined undefined", "DBNull", "[object Object]",
    "1.#IND", "-nan(ind)", "Infinity", "-inf", "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}", "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "ffffffffffffffff",
    "00000000-0000-4000-8000-000000000000", "0x0", "0x00000000", "00:00:00:00:00:00",
    "ff:ff:ff:ff:ff:ff", "-", "--", "—", "?", "???", "***", "_", "/", ".", "\u200b",
    "N.N.", "n/v", "(leer)", "<LEER>", "(blank)", "unset", "NOT_FOUND", "Optional.empty",
    "%!s(<nil>)", "null,null", "undefined / undefined", "NULL::text", "MISSING_VALUE",
    "Laufkunde", "Walk-In Customer", "Sammelkunde", "CPD", "keine_Kundennummer", "999999999",
    "1234567890", "0000-00-00", "1900-01-01", "[]", "{}", "\u0000", "-/-", "-.-",
    "\ufeff", "xxxx", "0,00", "2147483647", "-9223372036854775808",
    "d41d8cd98f00b204e9800998ecf8427e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "{{user_id}}",
    "${email}", "%%customer%%", "<%= id %>", "*|EMAIL|*", "{email}", "%recipient%",
    "customer_number", "E-Mail", "user_id", "\ufeffnull", "null\u200b",
    "NaT", "pd.NaT", "#BLOCKED!", "nobody", "No-One", "Keine E-Mail vorhanden",
    "(nicht zutreffend)", "o. A.",
    "&nbsp;", "n.v.t.", "Неизвестно", "нет", "Άγνωστο",
    "不明", "なし", "无", "游客", "없음",
    "غير معروف", "לא ידוע", "bilinmiyor", "Não informado", "NÃO_INFORMADO",
    "Sans objet", "sin-información", "brak danych", "žádný", "nincs",
    "9999-12-31", "1970-01-01", "11111111-1111-1111-1111-111111111111",
]  # fmt: skip
VALUES = [
    "guest-77", "1000", "10-0", "protest@example.com", "nullarbor", "NULL-7", "none7", "f",
    "ff", "fffff", "0x0f", "1-1", "00000000-0000-0000-0000-000000000001", "x", "xX-9",
    "{7}", "N", "4711", "-7", "unset1", "kein-7", "a", "Ö", "2147483646", "test",
    "null@shop.example", "{{a}} b", "0a", "mueller@mueller.de", "info@info.de",
    "nietzsche", "nessuno7", "Нетто", "11111111-1111-1111-1111-111111111112", "0800 3000000",
]  # fmt: skip
PLACEHOLDERS_OF_TYPE = [
    ("email", "null@null.com"), ("email", "none@none.de"),
    ("email", "noreply@shop.example"), ("email", "No-Reply@shop.example"),
    ("email", "keine@email.de"), ("email", "no.mail@x.de"), ("email", "a@b.invalid"),
    ("email", "x@x.com"), ("email", "kunde@kunde.de"), ("email", "none@none"),
    ("email", "a@localhost.localdomain"),
    ("phone", "+49 30 0000000"), ("phone", "0800 0000000"), ("phone", "0151/00000000"),
    ("email", "root@localhost"), ("email", "TEST@test.com"), ("phone", "1111111"),
    ("phone", "999 999 999"), ("phone", "+49 123456789"), ("phone", "0123456789"),
    ("device_id", "9774D56D682E549C"), ("device_id", "02:00:00:00:00:00"),
]  # fmt: skip


@pytest.mark.parametrize("type_name", sorted(RULES.by_name))
@pytest.mark.parametrize("value", EXPORTED)
def test_what_exporters_write_for_no_value_names_nobody(type_name: str, value: str) -> None:
    """Whatever the letter case, the signs around it and the gaps within."""
    with pytest.raises(BlockedIdentifier):
        normalise(type_name, value, RULES, "DE")


@pytest.mark.parametrize(("type_name", "value"), PLACEHOLDERS_OF_TYPE)
def test_placeholders_of_one_type(type_name: str, value: str) -> None:
    """Addresses, numbers and devices have placeholders of their own."""
    with pytest.raises(BlockedIdentifier):
        normalise(type_name, value, RULES, "DE")


@pytest.mark.parametrize("value", VALUES)
def test_values_that_only_look_alike_are_kept(value: str) -> None:
    """A placeholder within a longer value, or nearly one, is a value."""
    for type_name in ("customer_number", "cookie"):
        assert normalise(type_name, value, RULES, "DE") == value


@given(
    st.sampled_from(["null", "nil", "keine", "undefined", "n/a", "unknown", "guest"]),
    st.text("()[]{}<>#!*'\"$-_. ", max_size=6),
    st.text("()[]{}<>#!*'\"$-_. ", max_size=6),
    st.booleans(),
)
def test_signs_around_a_placeholder_do_not_make_a_value(
    word: str, before: str, after: str, capitals: bool
) -> None:
    """Brackets, quotes, hashes and blanks in any number."""
    text = before + (word.upper() if capitals else word) + after
    with pytest.raises(BlockedIdentifier):
        normalise("customer_number", text, RULES, "DE")


def test_rules_of_your_own_may_add_words() -> None:
    """An entry counts in every spelling; a type's own entry counts for that type alone."""
    plain = RULES.model_dump()
    plain["blocked"].append("Laufkunde")
    plain["type"][0]["blocked"] = ["Kasse 1"]
    plain["type"][0]["blocked_patterns"] = ["^9{8}$"]
    rules = IdentityRules.model_validate(plain)
    for value in ("laufkunde", "<LAUFKUNDE>", "kasse_1", "99999999"):
        with pytest.raises(BlockedIdentifier):
            normalise("customer_number", value, rules, "DE")
    assert normalise("app_user", "kasse_1", rules, "DE") == "kasse_1"


@pytest.mark.parametrize(
    "type_name", [row.name for row in RULES.type if row.normaliser is Normaliser.TRIM]
)
def test_other_types_keep_their_case(type_name: str) -> None:
    """A number or token is trimmed and composed (NFC), and otherwise left alone."""
    assert normalise(type_name, "\t AbC-0u\u0308 7 ", RULES, "DE") == "AbC-0ü 7"


INVISIBLE = ["\ufeff", "\u200b", "\u200e", "\u202a", "\u2069", "\u00ad"]
INVISIBLE += ["\u2060", "\x00", "\x1f", "\u2028"]


@pytest.mark.parametrize("sign", INVISIBLE)
@pytest.mark.parametrize(
    ("type_name", "value"),
    [("customer_number", "K-1001"), ("cookie", "a b"), ("email", "anna@example.com")],
)
def test_what_shows_nothing_around_a_value_is_no_part_of_it(
    type_name: str, value: str, sign: str
) -> None:
    """The first cell of a file begins with a byte order mark, a copied one with marks of direction.
    Within a value they stay: nobody knows what they mean there."""
    for written in (sign + value, value + sign, f" {sign} {value}{sign}\t{sign}"):
        assert normalise(type_name, written, RULES, "DE") == value
    if type_name != "email":
        assert normalise(type_name, f"K{sign}7", RULES, "DE") == f"K{sign}7"


def test_type_may_block_values_of_its_own() -> None:
    """A blocked value of one type is a value of every other type."""
    plain = RULES.model_dump()
    plain["type"][2]["blocked"] = ["9999"]
    rules = IdentityRules.model_validate(plain)
    with pytest.raises(BlockedIdentifier):
        normalise(rules.type[2].name, "9999", rules, "DE")
    assert normalise(rules.type[0].name, "9999", rules, "DE") == "9999"


FURTHER = [{"name": f"number_{n}", "kind": "device"} for n in range(61 - len(RULES.type))]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rules: rules["type"].extend(FURTHER), "at most 60 items"),
        (lambda rules: rules["type"].append(rules["type"][-1]), "listed twice"),
        (lambda rules: rules["type"].reverse(), "in the order personal, reference, device"),
        (lambda rules: rules["type"][0].update(uniqe=True), "uniqe"),
        (lambda rules: rules.update(hub_above=0), "hub_above"),
        (lambda rules: rules["type"].clear(), "at least 1 item"),
    ],
)
def test_a_rules_file_that_cannot_hold_is_refused(
    change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """Too many types, one twice, devices before persons, a misspelt rule, no type at all."""
    plain = RULES.model_dump()
    change(plain)
    with pytest.raises(ValidationError, match=message):
        IdentityRules.model_validate(plain)
    plain = RULES.model_dump()
    plain["type"] += FURTHER[1:]
    assert len(IdentityRules.model_validate(plain).type) == 60


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

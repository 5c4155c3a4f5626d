"""Every command on a ClickHouse server: the same rows as on the embedded engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from services.api.actions import kafka_sink
from services.api.handles import UNKNOWN
from services.api.operation import plain
from services.api.operations import OPERATIONS
from services.api.ports import Access
from services.api.queries.profiles import PROFILE_GET, ProfileGetRequest
from services.api.queries.store import STATE_DIGEST, StoreRequest
from services.api.queries.timeline import PROFILE_TIMELINE, TimelineRequest
from services.api.read_store import access_to
from services.api.server import open_reading, prepare_server
from services.cli.server_session import ServerSession
from services.cli.session import open_session
from services.embedded.engine import Engine
from services.runtime.errors import ConfigurationError, InvalidInput, NotFound
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.rules_in_force import FollowedRules
from services.store.secret import register_secret
from tests.conftest import empty_tables
from tests.events import event, identifier, line, order
from tests.grants import missing, noted
from tests.pipelines import ingested

EMAIL = "email=anna@example.com"
LEFT_OUT = {"applied_at", "as_of", "refreshed_at", "version", "took_s"}
COMPANY = {"account_id": "G-1", "name": "Morgenrot"}
CONTACT, MEMBER = {"account_id": "G-1", "roles": ["buyer"]}, {"household_id": "G-1"}
CHANGED_RULES = (
    resources.files("schemas.rules")
    .joinpath("identity.toml")
    .read_text()
    .replace(
        'name = "email"\nkind = "personal"', 'name = "email"\nkind = "personal"\nunique = true'
    )
    .replace("hub_above_personal = 10", "hub_above_personal = 1")
)
SEGMENTS = """
[segment.buyers]
title = "Somebody who bought"
channel = "email"
[[segment.buyers.all]]
did = "order.placed"
"""
OFFER = {"sku": "1", "price": "2.50", "market": "DE"}


def populate(database: Database, settings: Settings) -> None:
    """A few events of every kind, one of them bad, through the whole pipeline."""
    email = identifier("email", "anna@example.com", verified=True)
    card = identifier("loyalty_card", "77", verified=True)
    sent: list[dict[str, Any]] = [
        event("identity.linked", event_id="e-1", identifiers=[email, card]),
        {**order("o-1", "5.00", event_id="e-2"), "identifiers": [card]},
        event("consent.given", event_id="e-5", identifiers=[email], body={"basis": "consent"}),
        event("offer.published", event_id="e-3", body=OFFER, identifiers=[]),
        event("no.such.type", event_id="e-4"),
        event("account.updated", event_id="e-6", identifiers=[], body=COMPANY),
        event("account.contact_changed", event_id="e-7", identifiers=[email], body=CONTACT),
        event("household.member_changed", event_id="e-8", identifiers=[card], body=MEMBER),
    ]
    ingested(database, map(line, sent))
    register_secret(database, settings.secret(), "the test's store")
    apply = OPERATIONS["segments_apply"]
    access = access_to(settings, database, kafka_sink(settings))
    list(apply.run(access, apply.request(realm="default", definitions=SEGMENTS)))


CHANGES_KEYS = {"keys_create", "keys_rotate", "keys_revoke"}
OF_AN_INCIDENT = {
    *("incidents_show", "incidents_affected", "incidents_affected_page", "incidents_act"),
}
NOT_COMPARED = {
    *("store_health", "store_refresh", "profile_list", "identity_decide"),
    *("identity_suggest", "identity_suggestion", "identity_answer_suggestion", "identity_apply"),
    *("profile_erase", "profile_erasure_verify"),
    *("profile_suppress", "profile_unsuppress"),
    *("segments_apply", "segments_remove"),
    "insights_keep",
    *OF_AN_INCIDENT,
    *CHANGES_KEYS,
}


@pytest.fixture(scope="module")
def served(server: Database, server_settings: Settings) -> Iterator[Settings]:
    """A server with these events, for all tests: they only read, and ask both stores the same."""
    empty_tables(server)
    prepare_server(server_settings)  # the realms stand in a table, too
    populate(server, server_settings)
    yield server_settings
    empty_tables(server)


@pytest.fixture(scope="module")
def embedded(engine: Database, server_settings: Settings) -> Iterator[Access]:
    """The operations of the engine in process with the same events."""
    empty_tables(engine)
    FollowedRules(server_settings, engine).register(server_settings.realms)
    populate(engine, server_settings)
    yield access_to(server_settings, engine, kafka_sink(server_settings))
    empty_tables(engine)


GIVEN = {"type": "email", "value": "anna@example.com"}
OF_SEGMENTS: dict[str, dict[str, Any]] = {
    "segments_preview": {"realm": "default", "definitions": SEGMENTS.replace("buyers", "others")},
    "segments_list": {"realm": "default"},
    "segments_members": {"realm": "default", "segment": "buyers"},
    "segments_page": {"realm": "default", "segment": "buyers"},
    "profile_segments": {"realm": "default", "identifier": EMAIL},
    "segments_changes": {"realm": "default"},
    "segments_verify": {"realm": "default"},
    "segments_export": {"realm": "default", "segment": "buyers"},
}


def asked(access: Access, name: str) -> list[dict[str, Any]]:
    """The rows of an operation, by arguments that give some."""
    realm = {"realm": "default"}
    arguments: dict[str, dict[str, Any]] = {
        "profile_get": {**realm, "identifier": EMAIL},
        "profile_lookup": {**realm, "identifiers": [GIVEN]},
        "profile_timeline": {**realm, "identifier": EMAIL},
        "profile_identity": {**realm, "identifier": EMAIL},
        "incidents_page": realm,
        "incidents_counts": realm,
        "incidents_simulate": realm,
        "consistency_coverage": {**realm, "sku": "A-1"},
        "rejected_page": realm,
        "rejected_summary": realm,
        "profile_orders": {**realm, "identifier": EMAIL},
        "profile_erasure_preview": {**realm, "identifier": EMAIL},
        "profile_export": {**realm, "identifier": EMAIL},
        "profiles_suppressed": realm,
        "profile_consents": {**realm, "identifier": EMAIL},
        "contact_permission": {
            **realm,
            "channel": "email",
            "purpose": "marketing",
            "addresses": [{"type": "email", "value": "anna@example.com"}],
        },
        "identity_why": {**realm, "a": EMAIL, "b": "loyalty_card=77"},
        "profile_list": realm,
        "identity_export": realm,
        "identity_decisions": realm,
        "identity_suggestions": realm,
        "identity_import_decisions": {**realm, "decisions": []},
        "access_list": realm,
        "event_visibility": {**realm, "event_id": "e-1"},
        "freshness_get": realm,
        "incidents_list": realm,
        "events_list": realm,
        "events_export": realm,
        "events_stats": realm,
        "profile_search": {**realm, "text": "example.com"},
        "order_conflicts": realm,
        "account_get": {**realm, "number": "G-1"},
        "account_list": realm,
        "account_contacts": {**realm, "number": "G-1"},
        "household_get": {**realm, "number": "G-1"},
        "identity_suspicious": realm,
        "identity_verify": realm,
        "identity_simulate": {**realm, "rules": CHANGED_RULES},
        **OF_SEGMENTS,
        "insights_show": {**realm, "measure": "repeat_purchase_rate"},
        "insights_explain": {**realm, "measure": "rfm"},
        "insights_bias": {**realm, "measure": "leaving"},
        "insights_history": {**realm, "measure": "rfm"},
        "insights_profile": {**realm, "identifier": EMAIL},
    }
    if name in ("rejected_show", "rejected_get"):
        [listed] = asked(access, "rejected_list")
        of = realm if name == "rejected_get" else {}
        arguments[name] = {**of, "reject_id": listed["reject_id"]}
    if name == "profile_batch":
        nodes = [one["node_id"] for one in asked(access, "identity_export")]
        arguments[name] = {**realm, "ids": sorted(nodes)}
    operation = OPERATIONS[name]
    request = operation.parse(orjson.dumps(arguments.get(name, {})))
    rows = [plain(row) for row in operation.run(access, request)]
    written = [operation.adapter.validate_python(row) for row in rows]
    assert [plain(row) for row in written] == rows, "a command through `c360 up` sees the same"
    return [compared(row) for row in rows]


def compared(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what depends on when it was read, also in a document within it."""
    return {
        name: compared(value) if isinstance(value, dict) else value
        for name, value in row.items()
        if name not in LEFT_OUT
    }


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - NOT_COMPARED))
def test_the_same_rows_as_embedded(served: Settings, embedded: Access, name: str) -> None:
    """Every operation, the state digest among them; a user who may only read may ask for it."""
    with noted() as needs, open_reading(served) as reading:
        found = asked(access_to(served, reading.reading, kafka_sink(served)), name)
    assert missing(needs, "c360-reader") == set()
    assert found == asked(embedded, name)
    assert found or name in (
        "incidents_list",
        "insights_history",
        "migrations_pending",
        "identity_suggestions",
        "profiles_suppressed",
        "identity_suspicious",
        "keys_list",
        "order_conflicts",
        "store_audit",
        "store_expired",
        "store_remove_expired",
        "store_repair",
    )


def test_lists_come_from_refreshed_totals(served: Settings) -> None:
    """The refreshable view works on a server as well."""
    with open_reading(served) as reading:
        access = access_to(served, reading.reading, kafka_sink(served))
        [profile] = asked(access, "profile_list")
    assert (profile["orders"], profile["revenue"]) == (1, "5.00")


def test_a_wrong_cursor_is_a_wrong_request(embedded: Access) -> None:
    """It is not taken for a customer who does not exist; that has a reason of its own."""
    request = TimelineRequest(realm="default", identifier=EMAIL, cursor="no cursor")
    with pytest.raises(InvalidInput, match="cursor"):
        next(PROFILE_TIMELINE.run(embedded, request))
    nobody = ProfileGetRequest(realm="default", identifier="email=nobody@example.com")
    with pytest.raises(NotFound) as raised:
        next(PROFILE_GET.run(embedded, nobody))
    assert raised.value.reason == UNKNOWN
    assert "c360" not in str(raised.value)


def test_nothing_of_the_data_directory_is_touched(served: Settings, tmp_path: Path) -> None:
    """No lock, no directory: commands work from any machine."""
    settings = served.model_copy(update={"data_dir": tmp_path / "none"})
    with open_session(settings) as session:
        assert isinstance(session, ServerSession)
        assert [row.section for row in session.run(STATE_DIGEST, StoreRequest())][-1] == "all"
        with pytest.raises(ConfigurationError, match="come in through Kafka"):
            session.ingest([], lambda _results: None)
    with pytest.raises(ConfigurationError, match="come in through Kafka"):
        Engine.open(settings)
    assert not (tmp_path / "none").exists()


def test_another_secret_is_refused(served: Settings) -> None:
    """As on the engine in process: a reader with another one would find no customer."""
    other = served.model_copy(update={"identity_secret": SecretStr("x" * 20)})
    with pytest.raises(ConfigurationError, match=r"C360_IDENTITY_SECRET is not .*c360_test"):
        open_reading(other).__enter__()


def test_realm_that_the_server_does_not_know(served: Settings) -> None:
    """Its totals would be missing, so lists are refused rather than empty."""
    default = served.realms["default"]
    francs = {"default": default.model_copy(update={"currency": "CHF"})}
    for realms in ({**served.realms, "other": default}, francs):
        with pytest.raises(ConfigurationError, match="C360_REALMS"):
            open_reading(served.model_copy(update={"realms": realms})).__enter__()


@pytest.mark.parametrize(
    "who", ["anna@example.com", "Anna@Example.com ", "77", "loyalty_card=77", EMAIL]
)
def test_a_bare_value_names_a_customer(embedded: Access, who: str) -> None:
    """An e-mail address, a number, a typed identifier and any id lead to the same profile."""
    get = OPERATIONS["profile_get"]
    [found] = get.run(embedded, get.request(realm="default", who=who))
    for node in found.identifiers:
        [again] = get.run(embedded, get.request(realm="default", who=str(node.node_id)))
        assert again.profile_id == found.profile_id


@pytest.mark.parametrize(
    "who", ["nobody@example.org", "4711", "email=nobody@example.org", "+4930123"]
)
def test_nobody_is_named_as_they_were_asked_for(embedded: Access, who: str) -> None:
    """The message repeats what was typed, not an id that nobody has seen; so does 'why'."""
    for name, fields in (("profile_get", {"who": who}), ("identity_why", {"a": EMAIL, "b": who})):
        operation = OPERATIONS[name]
        with pytest.raises(NotFound, match=re.escape(repr(who))) as raised:
            list(operation.run(embedded, operation.request(realm="default", **fields)))
        assert raised.value.reason == UNKNOWN


@pytest.mark.parametrize(("text", "match"), [("NNA@exam", EMAIL), ("77", "loyalty_card=77")])
def test_a_part_of_a_value_finds_a_customer(embedded: Access, text: str, match: str) -> None:
    """In any letter case, with what contained it; wildcards of SQL mean nothing."""
    search = OPERATIONS["profile_search"]
    [page] = search.run(embedded, search.request(realm="default", text=text))
    assert [found.matches for found in page.entries] == [[match]]
    [nothing] = search.run(embedded, search.request(realm="default", text="%n%a"))
    assert (nothing.entries, nothing.next_cursor) == ([], None)


def test_times_have_one_form(embedded: Access) -> None:
    """UTC with three decimals, whole seconds too, in every row of every operation; but the bodies
    of exported events stay as they were sent."""
    times = re.findall(rb'(?<!\\)"(\d{4}-\d\d-\d\dT[^"]*)"', orjson.dumps([
        asked(embedded, name)
        for name in sorted(set(OPERATIONS) - NOT_COMPARED - {"profile_export"})
    ]))  # fmt: skip
    assert len(times) > 5
    for time in times:
        assert re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)

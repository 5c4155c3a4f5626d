"""Timeline, orders, consents and identity of customers over HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from tests.contract.api.people import Person, somebody
from tests.contract.api.services import OTHER_REALM, Service

READ, PII = "profiles:read", "profiles:pii"
PATHS = ("timeline", "orders", "consents", "identity")


@pytest.fixture(scope="module")
def anna(service: Service) -> Person:
    """A customer with touchpoints, an order and a consent."""
    person = somebody()
    body = {"order_id": f"A-{person.card[::-1]}", "lines": [{"sku": "4711", "total": "20.00"}]}
    gone = {"order_id": f"A-{person.card[::-1]}", "return_id": "R1", "lines": [{"total": "8.00"}]}
    service.send(
        person.did("page.viewed", "2026-11-01T10:00:00Z"),
        person.did("product.viewed", "2026-11-02T10:00:00Z", channel="app", body={"sku": "1"}),
        person.did("order.placed", "2026-11-03T10:00:00Z", body=body),
        person.did("order.returned", "2026-11-04T10:00:00Z", channel="pos", body=gone),
        person.did("consent.given", "2026-11-05T10:00:00Z", body={"text_version": "v7"}),
    )
    return person


def pages(client: httpx.Client, path: str, **parameters: Any) -> Iterator[list[Any]]:
    """The rows of all pages of a list."""
    cursor = ""
    while True:
        answer = client.get(path, params={**parameters, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield body["data"]
        if not body["page"]["has_more"]:
            assert body["page"]["next"] is None
            return
        cursor = body["page"]["next"]


def test_the_timeline_is_that_of_the_command_line(service: Service, anna: Person) -> None:
    """Entries have the bytes that the command prints; pages hold each once."""
    told = json.loads(service.run("profile", "timeline", anna.email, "--json"))
    with service.client(READ) as client:
        answer = client.get(f"/v1/profiles/{anna.id()}/timeline")
        assert orjson.dumps(told["entries"]) in answer.content
        found = list(pages(client, f"/v1/profiles/{anna.id()}/timeline", limit=2))
    assert [len(page) for page in found] == [2, 2, 1]
    assert [one for page in found for one in page] == told["entries"]


def test_filters_of_the_timeline(service: Service, anna: Person) -> None:
    """By types, channels and time, as the command filters."""
    path = f"/v1/profiles/{anna.id()}/timeline"
    with service.client(READ) as client:
        for asked, options in (
            (
                {"type": ["page.viewed", "order.placed"]},
                ("--type", "page.viewed", "--type", "order.placed"),
            ),
            ({"channel": ["app", "pos"]}, ("--channel", "app", "--channel", "pos")),
            (
                {"since": "2026-11-02T10:00:00Z", "until": "2026-11-04T10:00:00Z"},
                ("--since", "2026-11-02T10:00:00Z", "--until", "2026-11-04T10:00:00Z"),
            ),
        ):  # fmt: skip
            told = json.loads(service.run("profile", "timeline", anna.email, *options, "--json"))
            found = [one for page in pages(client, path, limit=1, **asked) for one in page]
            assert found == told["entries"]
            assert 0 < len(found) < 5
        for wrong in ({"type": "page.vieved"}, {"since": "2026-11-02"}, {"limit": 501}):
            answer = client.get(path, params=wrong)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")


def test_nothing_is_skipped_or_repeated_while_people_become_one(service: Service) -> None:
    """Events arrive and another profile is merged between two pages."""
    one, other = somebody(), somebody()
    service.send(
        *(one.did("page.viewed", f"2026-11-{n + 1:02d}T10:00:00Z") for n in range(9)),
        *(other.did("page.viewed", f"2026-11-{n + 1:02d}T11:00:00Z") for n in range(3)),
    )
    seen: list[str] = []
    path = f"/v1/profiles/{one.id()}/timeline"
    with service.client(READ) as client:
        there = {entry["event_id"] for page in pages(client, path) for entry in page}
        for number, page in enumerate(pages(client, path, limit=4)):
            seen += [entry["event_id"] for entry in page]
            both = [*one.identifiers, *other.identifiers]
            service.send(
                one.did("page.viewed", f"2026-11-{2 * number + 1:02d}T12:00:00Z"),
                one.did("identity.linked", "2026-11-19T10:00:00Z", identifiers=both),
            )
    assert len(seen) == len(set(seen))
    assert len(there) == 9
    assert there <= set(seen)


def test_orders_add_up(service: Service, anna: Person) -> None:
    """The order with its return, whose amounts are the figures of the profile."""
    profile = json.loads(service.run("profile", "get", anna.email, "--json"))
    with service.client(READ) as client:
        [found] = next(pages(client, f"/v1/profiles/{anna.id()}/orders"))
    assert (found["order_id"], found["state"]) == (f"A-{anna.card[::-1]}", "placed")
    assert (found["value"], found["revenue"]) == ("20.00", profile["revenue"])
    assert [one["value"] for one in found["returns"]] == [profile["returned"]]
    assert found["profile_id"] == profile["profile_id"]
    assert found["lines"] == [
        {"sku": "4711", "kind": "product", "category": "", "quantity": "1", "total": "20.00"}
    ]


def test_consents_with_evidence(service: Service, anna: Person) -> None:
    """State, event, text version and the sentence, in the language that is asked for."""
    path = f"/v1/profiles/{anna.id()}/consents"
    with service.client(READ, PII) as client:
        [found] = client.get(path).json()["data"]
        german = client.get(path, headers={"Accept-Language": "de-DE, en;q=0.5"})
    assert (found["value"], found["allowed"], found["basis"]) == (anna.email, True, "consent")
    assert [one["text_version"] for one in found["evidence"]] == ["v7"]
    assert found["sentence"].startswith("You gave us your consent on 5 November 2026")
    assert german.headers["Content-Language"] == "de"
    assert german.json()["data"][0]["sentence"].startswith("Sie haben am 5. November 2026")


def test_contact_permission(service: Service, anna: Person) -> None:
    """One answer for each address in order; an unknown one is never allowed."""
    addresses = [
        {"type": "email", "value": one}
        for one in (anna.email.upper(), somebody().email, "no address")
    ]
    question = {"channel": "email", "purpose": "marketing", "addresses": addresses}
    with service.client(READ) as client:
        answer = client.post("/v1/contact-permission", json=question)
        assert answer.status_code == 200, answer.text
        found = answer.json()["data"]
        wrong = [
            {**question, "addresses": []},
            {**question, "addresses": [{"type": "email", "value": "x"}] * 10_001},
            {**question, "channel": "smoke"},
            {**question, "addresses": [{"type": "nothing", "value": "x"}]},
            {**question, "colour": "red"},
        ]
        for one in wrong:
            refused = client.post("/v1/contact-permission", json=one)
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid-request")
    assert [(one["allowed"], one["reason"]) for one in found] == [
        (True, "opted_in"),
        (False, "unknown_address"),
        (False, "invalid_address"),
    ]
    assert found[0]["text_version"] == "v7"
    assert anna.email not in answer.text


def test_identity_of_a_profile(service: Service, anna: Person) -> None:
    """Members with values, and the edge that joins them."""
    path = f"/v1/profiles/{anna.id()}/identity"
    with service.client(READ, PII) as client:
        found = client.get(path).json()
        paged = [client.get(path, params={"limit": 1}).json()]
        while paged[-1]["page"]["has_more"]:
            following = {"limit": 1, "cursor": paged[-1]["page"]["next"]}
            paged.append(client.get(path, params=following).json())
    assert {one["value"] for one in found["members"]} == {anna.email, anna.card}
    assert [one["rule"] for one in found["edges"]] == ["persons"]
    assert [one for page in paged for one in page["members"]] == found["members"]
    assert [one for page in paged for one in page["edges"]] == found["edges"]


def test_why_two_identifiers_are_one(service: Service, anna: Person) -> None:
    """The bytes of the command; an unknown identifier is not repeated in the answer."""
    names = (f"email={anna.email}", f"loyalty_card@club={anna.card}")
    told = service.run("identity", "why", *names, "--json")
    with service.client(READ, PII) as client:
        answer = client.post("/v1/identity/why", json={"a": names[0], "b": names[1]})
        unknown = somebody().email
        missing = client.post("/v1/identity/why", json={"a": unknown, "b": names[1]})
    assert answer.content == orjson.dumps(json.loads(told))
    assert missing.status_code == 404
    assert unknown not in missing.text


@pytest.mark.parametrize("path", PATHS)
def test_without_the_scope_values_are_masked(service: Service, anna: Person, path: str) -> None:
    """No answer has the address or the card; nothing but values differs."""
    with service.client(READ) as client:
        answer = client.get(f"/v1/profiles/{anna.id()}/{path}")
        names = {"a": f"email={anna.email}", "b": f"loyalty_card@club={anna.card}"}
        why = client.post("/v1/identity/why", json=names)
    assert answer.status_code == why.status_code == 200
    for text in (answer.text, why.text):
        assert anna.email not in text
        assert anna.card not in text


@pytest.mark.parametrize("path", PATHS)
def test_the_profile_that_holds_an_id_is_named(service: Service, anna: Person, path: str) -> None:
    """Any id that it ever had will do; the header says which one is its own."""
    profile = json.loads(service.run("profile", "get", anna.email, "--json"))
    ids = {one["node_id"] for one in profile["identifiers"]}
    with service.client(READ) as client:
        for one in ids:
            answer = client.get(f"/v1/profiles/{one}/{path}")
            named = answer.headers.get("Merged-Into", one)
            assert (answer.status_code, named) == (200, profile["profile_id"])
    assert len(ids) == 2


@pytest.mark.parametrize("path", PATHS)
def test_who_may_not_see_it(service: Service, anna: Person, path: str) -> None:
    """Another realm has no such customer, another scope no such right, nobody no key."""
    where = f"/v1/profiles/{anna.id()}/{path}"
    with service.client(READ, realm=OTHER_REALM) as elsewhere:
        answer, nobody = (
            elsewhere.get(where),
            elsewhere.get(where.replace(anna.id(), str(uuid.uuid4()))),
        )
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert answer.json().keys() == nobody.json().keys()
    with service.client("incidents:read") as client:
        assert client.get(where).status_code == 403
    assert httpx.get(service.url + where, trust_env=False).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_made_up_cursors(service: Service, anna: Person, path: str) -> None:
    """Changed, of another list or of another realm: refused alike, and no fault of the service."""
    where = f"/v1/profiles/{anna.id()}/{path}"
    other = "orders" if path == "timeline" else "timeline"
    with service.client(READ) as client:
        theirs = client.get(f"/v1/profiles/{anna.id()}/timeline", params={"limit": 1}).json()
        sealed = theirs["page"]["next"]
        made_up = ["x", "A" * 40, "bm9uc2Vuc2U=", sealed + "A", "é", sealed[:-1]]
        made_up += [sealed] if other == "timeline" else []
        for cursor in made_up:
            answer = client.get(where, params={"cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request"), cursor


def test_measures_and_what_is_worth_a_look(service: Service) -> None:
    """Lists of a realm that need no customer."""
    with service.client("insights:read", READ) as client:
        measures = client.get("/v1/insights/measures").json()["data"]
        told = json.loads(service.run("insights", "list", "--json"))
        assert measures == told
        shown = client.get(f"/v1/insights/measures/{measures[0]['measure']}")
        assert shown.json()["measure"] == measures[0]["measure"]
        assert client.get("/v1/insights/measures/nothing").status_code == 404
        assert client.get("/v1/identity/suspicious").json()["data"] == []
        assert client.get("/v1/orders/conflicts").status_code == 200

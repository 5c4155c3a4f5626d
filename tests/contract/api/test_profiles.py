"""Profiles over HTTP: by id, by identifiers, by many ids and by what is known of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from services.api.auth import Scope
from tests.contract.api.services import OTHER_REALM, REALM, Service

READ, PII = Scope.PROFILES_READ, Scope.PROFILES_PII
NOTED_S = 20.0
"""Until an access must be in the log."""
AT = "2026-03-02T12:{:02}:00Z"


class Customer(NamedTuple):
    """Two of whose identifiers were separate customers for half an hour."""

    tag: str
    email: str
    card: str
    mail_id: str
    """Node id of the address: the profile's own until the two were merged."""
    card_id: str
    """Of the card; one of both is the profile id now."""
    profile_id: str
    city: str


def touch(tag: str, minute: int, type_: str, *who: tuple[str, str], **body: Any) -> dict[str, Any]:
    """A touchpoint of trusted identifiers."""
    return {
        "event_id": f"{tag}-{minute}",
        "occurred_at": AT.format(minute),
        "channel": "shop",
        "type": type_,
        "identifiers": [{"type": kind, "value": v, "verified": True} for kind, v in who],
        "source": {"system": "webshop"},
        "body": body,
    }


def looked_up(client: httpx.Client, *who: tuple[str, str]) -> httpx.Response:
    """The answer to a look-up."""
    given = [{"type": kind, "value": value} for kind, value in who]
    return client.post("/v1/profiles/lookup", json={"identifiers": given})


@pytest.fixture(scope="module")
def customer(service: Service) -> Customer:
    """A customer of the first realm."""
    tag = uuid.uuid4().hex[:8]
    mail, card = ("email", f"{tag}.berg@example.com"), ("loyalty_card", f"29{int(tag, 16):010}")
    city = f"Bad {tag}"
    service.send(
        touch(tag, 1, "profile.updated", mail, attributes={"city": city, "last_name": tag}),
        touch(tag, 2, "order.placed", card, order_id=f"A{tag}", lines=[{"total": "20.00"}]),
    )
    with service.client(READ) as client:
        ids = [looked_up(client, one).json()["profile_id"] for one in (mail, card)]
        assert len(set(ids)) == 2
        service.send(touch(tag, 30, "page.viewed", mail, card))
        now = looked_up(client, mail).json()["profile_id"]
    assert now in ids
    return Customer(tag, mail[1], card[1], ids[0], ids[1], now, city)


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    """With a key that sees personal data."""
    with service.client(READ, PII) as made:
        yield made


def former_id(customer: Customer) -> str:
    """The id that is no profile any more."""
    return next(one for one in (customer.mail_id, customer.card_id) if one != customer.profile_id)


def test_a_profile_is_the_document_of_the_command_line(
    service: Service, client: httpx.Client, customer: Customer
) -> None:
    """Byte for byte, when both are asked as of the same time; by id and by look-up."""
    as_of = "2026-03-02T12:40:00Z"
    answer = client.get(f"/v1/profiles/{customer.profile_id}", params={"as_of": as_of})
    arguments = ("profile", "get", "--id", customer.profile_id, "--json", "--as-of", as_of)
    printed = service.run(*arguments)
    assert answer.status_code == httpx.codes.OK
    assert answer.content + b"\n" == printed.encode()
    found = looked_up(client, ("email", customer.email)).json()
    assert found | {"as_of": 0, "requested_id": 0} == answer.json() | {
        "as_of": 0, "requested_id": 0,
    }  # fmt: skip
    assert found["requested_id"] == customer.mail_id
    assert (found["orders"], found["attributes"]["city"]["value"]) == (1, customer.city)


def test_a_merged_id_leads_to_its_profile(client: httpx.Client, customer: Customer) -> None:
    """By a redirect that keeps the query, or at once if the caller prefers that."""
    path = f"/v1/profiles/{former_id(customer)}"
    moved = client.get(path, params={"fields": "orders"})
    assert moved.status_code == 308
    assert moved.headers["Location"] == f"/v1/profiles/{customer.profile_id}?fields=orders"
    assert moved.json() == {
        "requested_id": former_id(customer),
        "merged_into": customer.profile_id,
    }
    assert client.get(moved.headers["Location"]).json() == {"orders": 1}
    inline = client.get(path, headers={"Prefer": 'respond-async, merged="inline"'})
    assert inline.status_code == httpx.codes.OK
    assert inline.headers["Merged-Into"] == inline.json()["profile_id"] == customer.profile_id
    assert inline.headers["Preference-Applied"] == "merged=inline"
    assert inline.json()["requested_id"] == former_id(customer)


def test_as_of_a_time(client: httpx.Client, customer: Customer) -> None:
    """Facts of then under the identity of now, or the identity of then."""
    path = f"/v1/profiles/{customer.profile_id}"
    before = client.get(path, params={"as_of": AT.format(1)}).json()
    assert (before["orders"], before["identifiers_count"]) == (0, 2)
    assert before["as_of"] == "2026-03-02T12:01:00.000Z"
    for node in (customer.mail_id, customer.card_id):
        asked = {"as_of": AT.format(20), "identity": "then"}
        then = client.get(f"/v1/profiles/{node}", params=asked)
        assert then.status_code == httpx.codes.OK
        assert then.json()["profile_id"] == then.json()["requested_id"] == node
        assert then.json()["identifiers_count"] == 1
    for wrong in ({"identity": "then"}, {"as_of": "2026-03-02T12:00:00"}, {"as_of": "yesterday"}):
        assert problem(client.get(path, params=wrong), 400) == "invalid-request"


def problem(answer: httpx.Response, status: int) -> str:
    """The code of an error answer."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    code: str = answer.json()["code"]
    return code


def test_ids_that_are_not_there(service: Service, client: httpx.Client, customer: Customer) -> None:
    """Never known and of another realm are answered alike, but for the id of the request."""
    unknown = client.get(f"/v1/profiles/{uuid.uuid4()}")
    assert problem(unknown, 404) == "not-found"
    with service.client(READ, PII, realm=OTHER_REALM) as stranger:
        for node in (customer.profile_id, former_id(customer)):
            foreign = stranger.get(f"/v1/profiles/{node}")
            assert problem(foreign, 404) == "not-found"
            assert foreign.json() | {"request_id": 0} == unknown.json() | {"request_id": 0}
        assert problem(looked_up(stranger, ("email", customer.email)), 404) == "not-found"
        found = stranger.post("/v1/profiles/batch", json={"ids": [customer.profile_id]}).json()
        assert [one["status"] for one in found["data"]] == ["unknown"]
        assert stranger.post("/v1/profiles/search", json={"text": customer.tag}).json() == {
            "data": [],
            "page": {"next": None, "has_more": False},
        }
    assert problem(client.get("/v1/profiles/no-id"), 400) == "invalid-request"


def test_several_customers_are_listed(
    service: Service, client: httpx.Client, customer: Customer
) -> None:
    """With their ids, and which identifier names which; no value is repeated."""
    other = f"other.{customer.tag}@example.com"
    service.send(touch(customer.tag, 31, "page.viewed", ("email", other)))
    answer = looked_up(client, ("email", other), ("email", customer.email))
    assert problem(answer, 409) == "several-profiles"
    found = answer.json()
    assert found["profile_ids"][1] == customer.profile_id
    assert [one["identifiers"] for one in found["profiles"]] == [[0], [1]]
    assert customer.tag not in answer.text
    nobody = looked_up(client, ("email", f"nobody.{customer.tag}@example.com"))
    assert problem(nobody, 404) == "not-found"
    assert customer.tag not in nobody.text
    invalid = looked_up(client, ("email", f"{customer.tag} is none"))
    assert problem(invalid, 400) == "invalid-request"
    assert customer.tag not in invalid.text


def test_without_personal_data_values_are_masked(service: Service, customer: Customer) -> None:
    """On every route that gives profiles; searching by values is not allowed at all."""
    with service.client(READ) as client:
        answers = [
            client.get(f"/v1/profiles/{customer.profile_id}"),
            looked_up(client, ("email", customer.email)),
            client.post("/v1/profiles/batch", json={"ids": [customer.profile_id]}),
        ]
        for answer in answers:
            assert answer.status_code == httpx.codes.OK
            for value in (customer.email, customer.card, customer.city):
                assert value not in answer.text
        assert answers[0].json()["orders"] == 1
        asked = {"text": customer.tag}
        assert problem(client.post("/v1/profiles/search", json=asked), 403) == "not-allowed"


def test_a_batch_keeps_its_order(client: httpx.Client, customer: Customer) -> None:
    """What became of each id, up to a thousand of them."""
    ids = [str(uuid.uuid4()), former_id(customer), customer.profile_id]
    found = client.post("/v1/profiles/batch", json={"ids": ids}).json()
    assert [(one["requested_id"], one["status"]) for one in found["data"]] == [
        *zip(ids, ("unknown", "merged", "found"), strict=True)
    ]
    assert found["data"][1]["profile"]["profile_id"] == customer.profile_id
    for count in (0, 1_001):
        many = {"ids": [str(uuid.uuid4()) for _ in range(count)]}
        assert problem(client.post("/v1/profiles/batch", json=many), 400) == "invalid-request"


def test_search_by_text_and_attributes(client: httpx.Client, customer: Customer) -> None:
    """A page says what matched; its cursor belongs to the search."""
    asked: dict[str, Any] = {"text": f"bad {customer.tag}"}
    for body in (asked, {"attributes": {"city": customer.city.upper()}}):
        [found] = client.post("/v1/profiles/search", json=body).json()["data"]
        assert found["profile_id"] == customer.profile_id
        assert found["matches"] == [f"city: {customer.city}"]
    first = client.post("/v1/profiles/search", json={"text": "example.com", "limit": 1}).json()
    if first["page"]["has_more"]:
        turned = asked | {"cursor": first["page"]["next"]}
        answer = client.post("/v1/profiles/search", json=turned)
        assert problem(answer, 400) == "invalid-request"
    for wrong in ({}, {"text": "a"}, {"text": "ab", "limit": 0}, {"attributes": {"a b": "c"}}):
        answer = client.post("/v1/profiles/search", json=wrong)
        assert problem(answer, 400) == "invalid-request"


def test_fields_of_a_profile(client: httpx.Client, customer: Customer) -> None:
    """Only those asked for; unknown ones are refused without being repeated."""
    path = f"/v1/profiles/{customer.profile_id}"
    part = client.get(path, params={"fields": "consents, profile_id"}).json()
    assert part == {"profile_id": customer.profile_id, "consents": part["consents"]}
    wrong = client.get(path, params={"fields": f"orders,{customer.email}"})
    assert problem(wrong, 400) == "invalid-request"
    assert customer.email not in wrong.text


def test_who_read_what_is_noted(service: Service, customer: Customer) -> None:
    """With the purpose, also of a redirect and of a search."""
    purpose = f"ticket {uuid.uuid4()}"
    with service.client(READ, PII, X_Purpose=purpose) as client:
        client.get(f"/v1/profiles/{customer.profile_id}")
        client.get(f"/v1/profiles/{former_id(customer)}")
        looked_up(client, ("email", customer.email))
        client.post("/v1/profiles/batch", json={"ids": [customer.profile_id]})
        client.post("/v1/profiles/search", json={"text": customer.tag})
    end, found = time.monotonic() + NOTED_S, list[dict[str, Any]]()
    with service.client(Scope.AUDIT_READ) as auditor:
        while len(found) < 5 and time.monotonic() < end:
            asked = {"profile_id": customer.profile_id}
            noted = auditor.get("/v1/access-log", params=asked).json()["data"]
            found = [one for one in noted if one["purpose"] == purpose]
    assert sorted((one["operation"], one["status"]) for one in found) == [
        ("profile_batch", 200), ("profile_get", 200), ("profile_get", 308),
        ("profile_lookup", 200), ("profile_search", 200),
    ]  # fmt: skip
    assert found[0]["realm"] == REALM

"""Traces of reads: who read which profile and why; and how fresh an answer is."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest

from schemas.api.access import AccessEntry
from services.api.auth import Scope
from tests.contract.api.people import Person, somebody
from tests.contract.api.services import OTHER_REALM, Service

READS: dict[str, tuple[str, str]] = {
    "getProfile": ("GET", "/v1/profiles/{id}"),
    "lookupProfile": ("POST", "/v1/profiles/lookup"),
    "getProfiles": ("POST", "/v1/profiles/batch"),
    "searchProfiles": ("POST", "/v1/profiles/search"),
    "listTimeline": ("GET", "/v1/profiles/{id}/timeline"),
    "listOrders": ("GET", "/v1/profiles/{id}/orders"),
    "listConsents": ("GET", "/v1/profiles/{id}/consents"),
    "getIdentity": ("GET", "/v1/profiles/{id}/identity"),
    "explainIdentity": ("POST", "/v1/identity/why"),
    "checkContactPermission": ("POST", "/v1/contact-permission"),
}
"""Reads that tell of one customer."""
LOGGED_S = 20.0


@pytest.fixture(scope="module")
def anna(service: Service) -> Person:
    """A customer with an order."""
    person = somebody()
    body = {"order_id": uuid.uuid4().hex, "lines": [{"sku": "4711", "total": "9.99"}]}
    service.send(person.did("order.placed", body=body))
    return person


def read(client: httpx.Client, name: str, person: Person, **headers: str) -> httpx.Response:
    """The answer of one of the reads."""
    method, path = READS[name]
    named = [{"type": "email", "value": person.email}]
    bodies: dict[str, Any] = {
        "lookupProfile": {"identifiers": named},
        "getProfiles": {"ids": [person.id()]},
        "searchProfiles": {"text": person.email},
        "explainIdentity": {"a": f"email={person.email}", "b": f"loyalty_card={person.card}"},
        "checkContactPermission": {
            "channel": "email",
            "purpose": "marketing",
            "addresses": named,
        },
    }
    content = {"json": bodies[name]} if name in bodies else {}
    inline = {"Prefer": "merged=inline", **headers}
    return client.request(method, path.format(id=person.id()), headers=inline, **content)


def entries(service: Service, request_id: str, **params: str) -> list[AccessEntry]:
    """The entries that a request left, once they are written."""
    end = time.monotonic() + LOGGED_S
    with service.client(Scope.AUDIT_READ) as client:
        while True:
            rows = client.get("/v1/access-log", params={"limit": "500", **params}).json()["data"]
            found = [AccessEntry(**row) for row in rows if row["request_id"] == request_id]
            if found or time.monotonic() > end:
                return found
            time.sleep(0.1)


@pytest.mark.parametrize("name", READS)
def test_a_read_leaves_a_trace(service: Service, anna: Person, name: str) -> None:
    """Key, purpose, profile and request: found by the customer, and in no other realm."""
    request_id = uuid.uuid4().hex
    with service.client() as client:
        answer = read(
            client, name, anna, **{"X-Purpose": "ticket 4711", "X-Request-ID": request_id}
        )
        key_id = client.get("/v1/whoami").json()["key_id"]
    assert answer.status_code == 200, answer.text
    [entry] = entries(service, request_id, profile_id=anna.id())
    assert (entry.key_id, entry.purpose, entry.count) == (key_id, "ticket 4711", 1)
    assert anna.email not in entry.model_dump_json()
    with service.client(Scope.AUDIT_READ, realm=OTHER_REALM) as client:
        rows = client.get("/v1/access-log", params={"limit": "500"}).json()["data"]
    assert request_id not in {row["request_id"] for row in rows}


def test_every_answer_says_how_fresh_it_is(service: Service, anna: Person) -> None:
    """The watermark is not before the receipt of what was waited for, and moves with events."""
    with service.client() as client:
        seen = [read(client, name, anna).headers["x-data-watermark"] for name in READS]
        again = anna.did("page.viewed")
        service.send(again)
        params = {"consistent_after": again["event_id"]}
        later = client.get("/v1/freshness", params=params)
    before, after = (
        datetime.fromisoformat(one) for one in (max(seen), later.headers["x-data-watermark"])
    )
    assert before < after
    assert later.json()["watermark"] == later.headers["x-data-watermark"]
    [shop] = [one for one in later.json()["channels"] if one["channel"] == "shop"]
    assert datetime.fromisoformat(shop["received_at"]) <= after


def test_an_event_that_nobody_sent_is_waited_for(service: Service) -> None:
    """In vain, for a bounded time; then the client may ask again."""
    with service.client(Scope.PROFILES_READ) as client:
        answer = client.get("/v1/freshness", params={"consistent_after": uuid.uuid4().hex})
    assert (answer.status_code, answer.json()["code"]) == (503, "not-visible-yet")
    assert int(answer.headers["retry-after"]) >= 1


def test_what_is_sent_is_seen(service: Service) -> None:
    """Ask with the id of the event just sent, and the timeline has it: every time."""
    person = somebody()
    with service.client() as client, service.client(Scope.EVENTS_WRITE) as sender:
        for number in range(5):
            sent = person.did("page.viewed", at=f"2026-11-20T10:00:0{number}Z")
            answer = sender.post("/v1/touchpoints", json={"batch": [sent]})
            assert answer.json()["results"][0]["status"] == "accepted", answer.text
            path, params = (
                f"/v1/profiles/{person.id()}/timeline",
                {"consistent_after": sent["event_id"]},
            )
            answer = client.get(path, params=params)
            while answer.status_code == 503:  # workers may take longer than one request waits
                assert answer.json()["code"] == "not-visible-yet"
                answer = client.get(path, params=params)
            assert answer.json()["data"][0]["event_id"] == sent["event_id"]

"""How fresh answers are, and waiting until what was sent is seen."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest

from services.api.auth import Scope
from tests.contract.api.people import Person, somebody
from tests.contract.api.services import Service


@pytest.fixture(scope="module")
def anna(service: Service) -> Person:
    """A customer with an order."""
    person = somebody()
    body = {"order_id": uuid.uuid4().hex, "lines": [{"sku": "4711", "total": "9.99"}]}
    service.send(person.did("order.placed", body=body))
    return person


PATHS = ("/v1/profiles/{id}/timeline", "/v1/profiles/{id}/orders", "/v1/incidents")


def test_every_answer_says_how_fresh_it_is(service: Service, anna: Person) -> None:
    """The watermark is not before the receipt of what was waited for, and moves with events."""
    with service.client() as client:
        seen = [client.get(path.format(id=anna.id())).headers["x-data-watermark"] for path in PATHS]
        again = anna.did("page.viewed")
        service.send(again)
        later = client.get("/v1/freshness", params={"consistent_after": again["event_id"]})
    marks = [datetime.fromisoformat(one) for one in (max(seen), later.headers["x-data-watermark"])]
    assert marks[0] < marks[1]
    assert datetime.fromisoformat(later.json()["watermark"]) >= marks[1]
    [shop] = [one for one in later.json()["channels"] if one["channel"] == "shop"]
    assert datetime.fromisoformat(shop["received_at"]) > marks[0]


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

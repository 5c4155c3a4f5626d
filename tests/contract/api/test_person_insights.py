"""What measures say of one customer over HTTP, and that an objection leaves nothing of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.api.people import Person, somebody
from tests.contract.api.services import OTHER_REALM, Service

SCORED = "insights:person"


def ago(**time: float) -> str:
    return (datetime.now(UTC) - timedelta(**time)).isoformat()


@pytest.fixture(scope="module")
def anna(service: Service) -> Person:
    """A customer with three purchases of the last days, and an answer."""
    person = somebody()
    for number in range(3):
        line = {"total": "20.00"}
        body = {"order_id": f"{person.card}-{number}", "lines": [line]}
        service.send(person.did("order.placed", ago(days=number + 1), channel="pos", body=body))
    answers = [{"question": "recommend", "score": 9}]
    body = {"survey": "s", "kind": "nps", "answers": answers}
    service.send(person.did("survey.answered", ago(hours=1), body=body))
    return person


def test_scores_are_those_of_the_command_line(service: Service, anna: Person) -> None:
    """By any id, with events that are in the timeline; nothing identifies the customer."""
    told = json.loads(service.run("insights", "profile", anna.email, "--json"))
    with service.client(SCORED) as client:
        answer = client.get(f"/v1/profiles/{anna.id()}/insights")
        assert answer.status_code == 200, answer.text
        found = answer.json()
    assert {**found, "as_of": None} == {**told, "as_of": None}
    scores = {one["score"]: one for one in found["scores"]}
    assert (scores["channel_preference_buying"]["word"], scores["nps"]["word"]) == (
        "pos",
        "promoter",
    )
    assert len(scores["channel_preference_buying"]["reasons"][0]["event_ids"]) == 3
    assert anna.email not in answer.text
    assert anna.card not in answer.text
    printed = service.run("insights", "profile", anna.email)
    assert "channel_preference_buying: pos, 100.0 %, since " in printed
    assert "kano" not in printed
    assert "best_moment: " in printed


def test_who_objects_has_no_scores(service: Service, anna: Person) -> None:
    """From the next answer on; only the objection is told."""
    person = somebody()
    body = {"order_id": f"{person.card}-x", "lines": [{"total": "20.00"}]}
    service.send(person.did("order.placed", ago(days=1), body=body))
    with service.client(SCORED) as client:
        path = f"/v1/profiles/{person.id()}/insights"
        assert client.get(path).json()["scores"]
        objection = person.did("objection.made", ago(hours=2), body={"purpose": "profiling"})
        service.send(objection)
        found = client.get(path).json()
    assert found["scores"] == []
    assert found["objection"]["event_id"] == objection["event_id"]
    printed = service.run("insights", "profile", person.email)
    assert "no scores: objected to profiling" in printed
    assert "channel" not in printed


def test_only_persons_of_the_realm_are_scored(service: Service, anna: Person) -> None:
    """A visitor is refused, in another realm the customer is unknown, and so is who was never."""
    visitor = somebody()
    cookie = [{"type": "cookie", "issuer": "shop", "value": visitor.card}]
    service.send({**visitor.did("page.viewed", ago(hours=1)), "identifiers": cookie})
    told = json.loads(service.run("profile", "get", f"cookie@shop={visitor.card}", "--json"))
    with service.client(SCORED) as client, service.client(SCORED, realm=OTHER_REALM) as foreign:
        refused = client.get(f"/v1/profiles/{told['profile_id']}/insights")
        assert (refused.status_code, refused.json()["code"]) == (409, "invalid-state")
        assert foreign.get(f"/v1/profiles/{anna.id()}/insights").status_code == 404

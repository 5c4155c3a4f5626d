"""Match suggestions over HTTP: listed by reasons, shown with hints, answered by the key."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from tests.contract.api.services import OTHER_REALM, Service
from tests.e2e.runs import wait_for
from tests.events import event, identifier

READ, PII, WRITE, AUDIT = "profiles:read", "profiles:pii", "identity:write", "audit:read"
PATH = "/v1/identity/suggestions"
NOTED_S = 30.0
Json = dict[str, Any]


def card(tag: str) -> Json:
    """The loyalty card of a customer."""
    return identifier("loyalty_card", f"card-{tag}", verified=True)


@pytest.fixture(scope="module")
def suggested(service: Service) -> dict[str, Json]:
    """Two suggestions: customers at whose till somebody spelled out the address of another one."""
    names = {name: uuid.uuid4().hex[:12] for name in ("one", "two")}
    for tag in names.values():
        mail = f"{tag}@example.com"
        for number, (who, verified) in enumerate(((f"{tag}-a", True), (f"{tag}-b", False))):
            named = [card(who), identifier("email", mail, verified=verified)]
            service.send(event("identity.linked", event_id=f"{who}-{number}", identifiers=named))
        service.send(
            event(
                "profile.updated",
                event_id=f"{tag}-name",
                identifiers=[card(f"{tag}-a")],
                body={"attributes": {"last_name": f"Ober{tag}"}},
            )
        )
    service.run("identity", "suggest")
    with service.client(READ) as client:
        found = client.get(PATH, params={"limit": 1_000, "state": "open"}).json()["data"]
    by_event = {event_id: one for one in found for event_id in one["event_ids"]}
    return {name: by_event[f"{tag}-b-1"] | {"tag": tag} for name, tag in names.items()}


def state(service: Service, suggestion_id: str) -> Any:
    """What became of a suggestion."""
    with service.client(READ) as client:
        return client.get(f"{PATH}/{suggestion_id}").json()["state"]


def test_answers_are_decisions_of_the_key(service: Service, suggested: dict[str, Json]) -> None:
    """Tried, accepted once for one key of the request, declined; each answer is a decision whose
    author is the key, and the lists say what became of both."""
    one, two = suggested["one"], suggested["two"]
    path = f"{PATH}/{one['suggestion_id']}/answers"
    body: Json = {"accept": True, "reason": "same handwriting"}
    with service.client(READ, WRITE) as client:
        tried = client.post(path, json=body | {"dry_run": True}).raise_for_status().json()
        assert (tried["is_recorded"], tried["effect"]["together_after"]) == (False, True)
        assert state(service, one["suggestion_id"]) == "open"
        headers = {"X-Actor": "Kim", "Idempotency-Key": uuid.uuid4().hex}
        done = client.post(path, json=body, headers=headers).raise_for_status().json()
        assert (done["verdict"], done["author"]) == ("same", "Kim (suite)")
        assert client.post(path, json=body, headers=headers).json() == done
        other = f"{PATH}/{two['suggestion_id']}/answers"
        declined = client.post(other, json={"accept": False, "reason": "a neighbour"})
        assert declined.raise_for_status().json()["verdict"] == "different"
        wait_for(lambda: state(service, one["suggestion_id"]) == "accepted")
        wait_for(lambda: state(service, two["suggestion_id"]) == "declined")
        listed = client.get(PATH, params={"limit": 1_000, "state": "accepted"}).json()["data"]
        assert one["suggestion_id"] in {each["suggestion_id"] for each in listed}
        decisions = client.get("/v1/identity/decisions", params={"node_id": done["a"]["node_id"]})
        assert [each["author"] for each in decisions.json()["data"]] == ["Kim (suite)"]


def test_who_may_see_what(service: Service, suggested: dict[str, Json]) -> None:
    """Values are hints without their scope, another realm sees nothing, and who may only read
    answers nothing."""
    one = suggested["two"]
    path = f"{PATH}/{one['suggestion_id']}"
    with service.client(READ) as client:
        assert f"Ober{one['tag']}" not in client.get(path).raise_for_status().text
        refused = client.post(f"{path}/answers", json={"accept": True, "reason": "x"})
        assert refused.status_code == 403
        for query in ({"state": "maybe"}, {"kind": "x"}, {"limit": 0}, {"limit": 1_001}):
            assert client.get(PATH, params=query).status_code == 400, query
        assert client.get(f"{PATH}/not-an-id").status_code == 400
        unknown = client.get(f"{PATH}/{'0' * 16}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    with service.client(READ, PII) as client:
        assert f"Ober{one['tag']}" in client.get(path).raise_for_status().text
    with service.client(READ, WRITE, realm=OTHER_REALM) as client:
        assert client.get(path).status_code == 404
        body = {"accept": True, "reason": "x"}
        assert client.post(f"{path}/answers", json=body).status_code == 404
        assert client.get(PATH).json()["data"] == []
    with service.client(READ, WRITE) as client:
        for wrong in ({}, {"accept": True}, {"accept": True, "reason": "x", "by": "me"}):
            assert client.post(f"{path}/answers", json=wrong).status_code == 400, wrong


def test_reading_one_is_noted_for_both(service: Service, suggested: dict[str, Json]) -> None:
    """In the list and alone: each of the two finds the reading in the access log."""
    one = suggested["one"]
    requests = {uuid.uuid4().hex: path for path in (PATH, f"{PATH}/{one['suggestion_id']}")}
    with service.client(READ, AUDIT) as client:
        for request_id, path in requests.items():
            client.get(path, headers={"X-Request-ID": request_id}).raise_for_status()
        for end in ("node_id", "other_node_id"):
            until = time.monotonic() + NOTED_S
            missing = set(requests)
            while missing:
                assert time.monotonic() < until, f"{end}: no entry of {missing}"
                asked = {"profile_id": one[end], "limit": 500}
                found = client.get("/v1/access-log", params=asked).raise_for_status().json()
                missing -= {entry["request_id"] for entry in found["data"]}

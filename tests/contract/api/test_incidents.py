"""Incidents over HTTP: lists, one of them, and actions that may be sent again."""

from __future__ import annotations

import json
import uuid
from typing import Any

import orjson
import pytest

from tests.contract.api.services import OTHER_REALM, Service
from tests.e2e.runs import wait_for
from tests.events import event

READ, WRITE = "incidents:read", "incidents:write"


@pytest.fixture(scope="module")
def sku(service: Service) -> str:
    """A product whose price in the shop is wrong."""
    sku = f"sku-{uuid.uuid4().hex}"

    def offer(channel: str, price: str, day: int) -> dict[str, Any]:
        body = {"sku": sku, "price": price, "currency": "EUR"}
        at = f"2026-11-{day:02d}T00:00:00Z"
        more = {"event_id": f"offer-{uuid.uuid4().hex}", "occurred_at": at, "body": body}
        return event("offer.published", channel=channel, identifiers=[], **more)

    channels = ("app", "pos", "shop")
    service.send(
        *(offer(channel, "10.00", 1) for channel in channels),
        offer("shop", "12.00", 2),
        # Event time comes as far as every channel has come.
        *(event(channel=channel, occurred_at="2026-11-03T00:00:00Z") for channel in channels),
    )
    with service.client(READ) as client:
        wait_for(
            lambda: client.get("/v1/incidents", params={"sku": sku, "state": "open"}).json()["data"]
        )
    return sku


def only(service: Service, sku: str) -> Any:
    """The incident of the product."""
    with service.client(READ) as client:
        [found] = client.get("/v1/incidents", params={"sku": sku}).json()["data"]
    return found


def test_listed_and_shown_as_by_the_command(service: Service, sku: str) -> None:
    """The same bytes; filters find it or not; another realm has none."""
    found = only(service, sku)
    told = json.loads(service.run("incidents", "list", "--sku", sku, "--json"))
    assert told == [found]
    lines = service.run("incidents", "export", "--sku", sku, "--format", "jsonl").splitlines()
    assert list(map(orjson.loads, lines)) == [found]
    path = f"/v1/incidents/{found['incident_id']}"
    with service.client(READ) as client:
        shown = service.run("incidents", "show", found["incident_id"], "--json")
        assert client.get(path).content == orjson.dumps(json.loads(shown))
        for wanted, count in (
            ({"channel": "shop"}, 1), ({"channel": "app"}, 0), ({"state": "resolved"}, 0),
            ({"kind": "price_mismatch"}, 1), ({"since": "2026-11-02T00:00:01Z"}, 0),
            ({"severity": ["high", found["severity"]]}, 1), ({"cause": "none"}, 0),
            ({"location": "12"}, 0), ({"fault": found["fault_id"]}, 1), ({"fault": "f" * 16}, 0),
        ):  # fmt: skip
            answer = client.get("/v1/incidents", params={"sku": sku, **wanted})
            assert len(answer.json()["data"]) == count, wanted
        for wrong in ({"kind": "nothing"}, {"state": "shut"}, {"cursor": "x"}, {"limit": 0}):
            assert client.get("/v1/incidents", params=wrong).status_code == 400, wrong
        for unknown in ("f" * 32, found["incident_id"][:8], "..%2Fx"):
            assert client.get(f"/v1/incidents/{unknown}").status_code == 404
        counts = client.get("/v1/incidents/counts", params={"sku": sku, "by": ["channel", "since"]})
        told = service.run(
            "incidents", "count", "--sku", sku, "--by", "channel", "--by", "since", "--json"
        )
        assert counts.content == orjson.dumps(json.loads(told))
        [count] = counts.json()["counts"]
        assert count["group"] == {"channel": "shop", "since": found["since"]}
        assert (count["incidents"], count["severities"][found["severity"]]) == (1, 1)
        asked = {"sku": sku, "by": "fault", "fault": found["fault_id"]}
        faults = client.get("/v1/incidents/counts", params=asked).json()
        told = json.loads(service.run("incidents", "faults", "--json"))
        assert [one for one in told["counts"] if one in faults["counts"]] == faults["counts"]
        [fault] = faults["counts"]
        assert fault["group"] == {"fault": found["fault_id"]}
        assert (fault["places"], fault["example"]["incident_id"]) == (1, found["incident_id"])
        assert fault["example"]["subject"].split(" ")[-1] == sku
        for fields in (["colour"], ["kind", "cause", "sku", "state"]):
            assert client.get("/v1/incidents/counts", params={"by": fields}).status_code == 400
    with service.client("profiles:read") as client:
        rows = client.get(f"{path}/affected").json()["data"]
        told = service.run("incidents", "affected", found["incident_id"], "--json")
        assert rows == json.loads(told) == []
        for wrong in ({"cursor": "x"}, {"limit": 0}, {"paid": "perhaps"}):
            assert client.get(f"{path}/affected", params=wrong).status_code == 400, wrong
    with service.client(READ, realm=OTHER_REALM) as elsewhere:
        assert elsewhere.get(path).status_code == 404
        assert elsewhere.get("/v1/incidents/counts", params={"sku": sku}).json()["counts"] == []


def test_actions(service: Service, sku: str) -> None:
    """In force when the workers have applied it, with the name of the key in the audit trail."""
    path = f"/v1/incidents/{only(service, sku)['incident_id']}/actions"
    with service.client(WRITE, READ, X_Actor="kim") as client:
        done = client.post(path, json={"action": "ack", "reason": "the shop knows"})
        assert done.status_code == 200, done.text
        wait_for(lambda: only(service, sku)["state"] == "acknowledged")
        entry = only(service, sku)["actions"][-1]
        assert (entry["by"], entry["reason"]) == ("kim (suite)", "the shop knows")
        assert entry == done.json()["entry"]
        assert client.post(path, json={"action": "unack", "reason": "mistaken"}).status_code == 200
        wait_for(lambda: only(service, sku)["state"] == "open")
        for wrong in (
            {"action": "ack"}, {"action": "shut", "reason": "x"}, {"action": "ack", "reason": " "},
            {"action": "ack", "reason": "x", "until": "2026-12-01T00:00:00Z"},
            {"action": "ack", "reason": "x", "by": "me"},
        ):  # fmt: skip
            refused = client.post(path, json=wrong)
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid-request")
    with service.client(READ) as reader:
        assert reader.post(path, json={"action": "ack", "reason": "x"}).status_code == 403
    with service.client(WRITE, realm=OTHER_REALM) as elsewhere:
        assert elsewhere.post(path, json={"action": "ack", "reason": "x"}).status_code == 404


def test_an_action_that_is_sent_again(service: Service, sku: str) -> None:
    """Under one key it is done once and answered alike; another request under it is refused."""
    path = f"/v1/incidents/{only(service, sku)['incident_id']}/actions"
    before = len(only(service, sku)["actions"])
    key = uuid.uuid4().hex
    with service.client(WRITE, Idempotency_Key=key) as client:
        first = client.post(path, json={"action": "mute", "reason": "known"})
        again = client.post(path, json={"action": "mute", "reason": "known"})
        assert (again.status_code, again.content) == (first.status_code, first.content)
        other = client.post(path, json={"action": "unmute", "reason": "known"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        as_kim = client.post(
            path, json={"action": "mute", "reason": "known"}, headers={"X-Actor": "kim"}
        )
        assert as_kim.status_code == 422
    wait_for(lambda: only(service, sku)["state"] == "muted")
    assert len(only(service, sku)["actions"]) == before + 1

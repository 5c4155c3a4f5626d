"""Rejected events over HTTP: a key sees those of its realm, and content with one more scope."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.contract.api.services import OTHER_REALM, REALM, Service
from tests.e2e.runs import wait_for
from tests.events import event

READ, PII = "rejected:read", "profiles:pii"


def refuse(service: Service, realm: str, mark: str) -> None:
    """Send an event of no known type."""
    wrong: dict[str, Any] = {**event("no.such.type", event_id=mark), "realm": realm}
    with service.client("events:write", realm=realm) as client:
        answer = client.post("/v1/touchpoints", json={"batch": [wrong]})
    assert [one["status"] for one in answer.json()["results"]] == ["rejected"]


def listed(service: Service, realm: str) -> list[Any]:
    """The rejected events of a realm, page by page."""
    found: list[Any] = []
    cursor = ""
    with service.client(READ, realm=realm) as client:
        while True:
            asked: dict[str, str | int] = {"limit": 7, **({"cursor": cursor} if cursor else {})}
            answer = client.get("/v1/rejected", params=asked)
            assert answer.status_code == 200, answer.text
            found += answer.json()["data"]
            if not answer.json()["page"]["has_more"]:
                return found
            cursor = answer.json()["page"]["next"]


def test_each_realm_sees_its_own(service: Service) -> None:
    """In lists, by id and in the numbers; content only with the right to personal data."""
    marks = {realm: f"mark-{uuid.uuid4().hex}" for realm in (REALM, OTHER_REALM)}
    for realm, mark in marks.items():
        refuse(service, realm, mark)
    rows = {}
    for realm, mark in marks.items():

        def of_mark(realm: str = realm, mark: str = mark) -> Any:
            return [one for one in listed(service, realm) if one["event_id"] == mark]

        [rows[realm]] = wait_for(of_mark)
        others = {one["event_id"] for one in listed(service, realm)}
        assert not others & (set(marks.values()) - {mark})
        assert "raw" not in rows[realm]
    path = f"/v1/rejected/{rows[REALM]['reject_id']}"
    with service.client(READ) as client:
        bare = client.get(path)
        assert bare.json() == rows[REALM]
        for unknown in ("nothing", "0:999999999", "9" * 50, str(uuid.uuid4())):
            assert client.get(f"/v1/rejected/{unknown}").status_code == 404
        for wrong in ({"reason": "no_such_reason"}, {"cursor": "x"}, {"limit": 0}):
            assert client.get("/v1/rejected", params=wrong).status_code == 400
        some = client.get("/v1/rejected", params={"reason": "unknown_type", "limit": 500}).json()
        assert marks[REALM] in {one["event_id"] for one in some["data"]}
        numbers = client.get("/v1/rejected/counts").json()
        assert numbers["total"] == sum(one["count"] for one in numbers["counts"]) > 0
    with service.client(READ, PII) as client:
        whole = client.get(path)
    told = service.run("rejected", "show", rows[REALM]["reject_id"], "--json")
    assert whole.json() == json.loads(told)
    assert marks[REALM] in whole.json()["raw"]
    with service.client(READ, PII, realm=OTHER_REALM) as elsewhere:
        assert elsewhere.get(path).status_code == 404
    with service.client("profiles:read") as client:
        assert client.get(path).status_code == 403

"""Decisions over HTTP: previewed, made with the name of the key, sent again, listed, taken back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.api.services import OTHER_REALM, Service
from tests.e2e.runs import wait_for
from tests.events import event, identifier

READ, PII, WRITE = "profiles:read", "profiles:pii", "identity:write"


@pytest.fixture(scope="module")
def pair(service: Service) -> dict[str, str]:
    """Two customers with an order each, who are one."""
    tags = [uuid.uuid4().hex[:12] for _ in range(2)]
    service.send(
        *(
            event(
                "identity.linked",
                event_id=f"d-{tag}",
                identifiers=[
                    identifier("loyalty_card", f"card-{tag}", verified=True),
                    identifier("email", f"{tag}@example.com", verified=True),
                ],
            )
            for tag in tags
        )
    )
    return {"a": f"email={tags[0]}@example.com", "b": f"loyalty_card=card-{tags[1]}"}


def are_one(service: Service, pair: dict[str, str]) -> bool:
    """Whether one profile holds both."""
    with service.client(READ, PII) as client:
        found: bool = client.post("/v1/identity/why", json=pair).json()["same"]
    return found


def test_decided_and_taken_back(service: Service, pair: dict[str, str]) -> None:
    """The preview changes nothing; the decision is in force, has the key as its author whoever is
    claimed, is done once for one key of the request, and can be taken back."""
    path, asked = "/v1/identity/decisions", {**pair, "verdict": "same", "reason": "ticket 1"}
    with service.client(WRITE, READ, PII) as client:

        def posted(**more: Any) -> Any:
            answer = client.post(path, json={**asked, **more}, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.json()

        headers: dict[str, str] = {"X-Actor": "Kim"}
        preview = posted(dry_run=True)
        assert not preview["is_recorded"]
        assert preview["effect"]["together_after"]
        assert not are_one(service, pair)
        headers["Idempotency-Key"] = uuid.uuid4().hex
        done = posted()
        assert (done["is_recorded"], done["author"]) == (True, "Kim (suite)")
        assert {one["identifiers_count"] for one in done["effect"]["after"]} == {4}
        assert posted() == done
        wait_for(lambda: are_one(service, pair))
        [listed] = client.get(path, params={"node_id": done["a"]["node_id"]}).json()["data"]
        assert listed == {name: done[name] for name in listed}
        assert client.post(path, json={**asked, "reason": "x"}, headers=headers).status_code == 422
        headers = {}
        assert posted(verdict="none", reason="an error")["author"] == "suite"
        wait_for(lambda: not are_one(service, pair))
        wait_for(lambda: client.post(path, json={**asked, "verdict": "none"}).status_code == 409)


def test_who_may_see_what(service: Service, pair: dict[str, str]) -> None:
    """Values are hints without their scope; another realm knows none of the two; a body that names
    an author is refused."""
    path, asked = "/v1/identity/decisions", {**pair, "verdict": "same", "reason": "x"}
    with service.client(WRITE) as client:
        done = client.post(path, json={**asked, "dry_run": True}).json()
        values = {done[end]["value"] for end in ("a", "b")}
        assert not values & {one.split("=")[1] for one in pair.values()}
        assert client.get(path).status_code == 403
        for wrong in ({"by": "boss"}, {"reason": " "}, {"verdict": "maybe"}, {"a": ""}):
            assert client.post(path, json={**asked, **wrong}).status_code == 400, wrong
        one = client.post(path, json={**asked, "b": pair["a"]})
        assert one.status_code == 400
        unseen = client.post(path, json={**asked, "b": "email=typo@example.com"})
        assert (unseen.status_code, unseen.json()["code"]) == (404, "not-found")
        assert "typo" not in unseen.text
    with service.client(READ) as client:
        assert client.post(path, json=asked).status_code == 403
        for query in ({"cursor": "x"}, {"node_id": "x"}, {"verdict": "maybe"}, {"limit": "0"}):
            assert client.get(path, params=query).status_code == 400, query
    with service.client(WRITE, READ, realm=OTHER_REALM) as client:
        assert client.post(path, json={**asked, "dry_run": True}).status_code == 404
        assert client.get(path).json()["data"] == []

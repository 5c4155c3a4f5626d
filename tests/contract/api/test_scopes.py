"""What each scope may do, cell by cell: operations by scopes, and realms beside each other."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.auth import GRANTABLE, Scope
from tests.contract.api.services import OTHER_REALM, REALM, Service

DOCUMENT = json.loads(
    (Path(__file__).parents[3] / "schemas/generated/openapi.json").read_text("utf-8")
)
OPEN = {"livez", "readyz", "metrics", "getProblem"}
"""Operations that need no key."""
ANY_KEY = {"whoami"}
WRITES = {"postTouchpoints": {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC}}
"""Operations that several scopes open."""
NEEDS: dict[str, Scope] = {
    "getFreshness": Scope.PROFILES_READ,
    "getProfile": Scope.PROFILES_READ,
    "lookupProfile": Scope.PROFILES_READ,
    "getProfiles": Scope.PROFILES_READ,
    "searchProfiles": Scope.PROFILES_PII,
    "listTimeline": Scope.PROFILES_READ,
    "listOrders": Scope.PROFILES_READ,
    "listOrderConflicts": Scope.PROFILES_READ,
    "getAccount": Scope.PROFILES_READ,
    "listAccountContacts": Scope.PROFILES_READ,
    "getHousehold": Scope.PROFILES_READ,
    "listConsents": Scope.PROFILES_READ,
    "checkContactPermission": Scope.PROFILES_READ,
    "getIdentity": Scope.PROFILES_READ,
    "explainIdentity": Scope.PROFILES_READ,
    "listSuspicious": Scope.PROFILES_READ,
    "listDecisions": Scope.PROFILES_READ,
    "decideIdentity": Scope.IDENTITY_WRITE,
    "listSuggestions": Scope.PROFILES_READ,
    "getSuggestion": Scope.PROFILES_READ,
    "answerSuggestion": Scope.IDENTITY_WRITE,
    "streamProfiles": Scope.PROFILES_READ,
    "listSegments": Scope.SEGMENTS_READ,
    "listSegmentMembers": Scope.SEGMENTS_MEMBERS,
    "listProfileSegments": Scope.SEGMENTS_MEMBERS,
    "streamSegments": Scope.SEGMENTS_MEMBERS,
    "listIncidents": Scope.INCIDENTS_READ,
    "countIncidents": Scope.INCIDENTS_READ,
    "getIncident": Scope.INCIDENTS_READ,
    "listAffected": Scope.PROFILES_READ,
    "streamIncidents": Scope.INCIDENTS_READ,
    "actOnIncident": Scope.INCIDENTS_WRITE,
    "listMeasures": Scope.INSIGHTS_READ,
    "getMeasure": Scope.INSIGHTS_READ,
    "listMeasureHistory": Scope.INSIGHTS_READ,
    "getProfileInsights": Scope.INSIGHTS_PERSON,
    "listRejected": Scope.REJECTED_READ,
    "countRejected": Scope.REJECTED_READ,
    "getRejected": Scope.REJECTED_READ,
    "listAccesses": Scope.AUDIT_READ,
}
"""The scope that each other operation needs, written down a second time on purpose."""
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def scopes_of(operation_id: str) -> set[Scope]:
    """The scopes of which one is enough."""
    if operation_id in WRITES:
        return WRITES[operation_id]
    return set(GRANTABLE) if operation_id in ANY_KEY else {NEEDS[operation_id]}


def asked(client: httpx.Client, operation_id: str, unknown_id: str = "") -> httpx.Response:
    """The head of the answer to a request with an id that nobody has, and an empty body."""
    method, path, operation = OPERATIONS[operation_id]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", unknown_id or str(uuid.uuid4()))
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    with client.stream(method, path, **body) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            answer.read()
        return answer


def test_every_operation_is_in_the_table() -> None:
    """And the document says of each which scope it needs."""
    assert set(NEEDS) | OPEN | ANY_KEY | set(WRITES) == set(OPERATIONS)
    for name, scope in NEEDS.items():
        documented = [one for way in OPERATIONS[name][2]["security"] for one in way.values()]
        assert documented == [[scope.value]] * len(documented), name


@pytest.mark.parametrize("operation_id", sorted(set(OPERATIONS) - OPEN))
def test_without_a_key_nothing_is_open(service: Service, operation_id: str) -> None:
    """401 without a key, with one that nobody has, and with the token of another place."""
    for headers in ({}, {"Authorization": "Bearer c360_aaaaaaaaaaaa_" + "a" * 43}):
        with httpx.Client(base_url=service.url, headers=headers, trust_env=False) as client:
            answer = asked(client, operation_id)
        assert (answer.status_code, answer.json()["code"]) == (401, "no-valid-key")


@pytest.mark.parametrize("scope", sorted(GRANTABLE))
def test_a_scope_opens_what_it_says(service: Service, scope: Scope) -> None:
    """A key with one scope gets 403 for everything else, and never for its own."""
    with service.client(scope) as client:
        for operation_id in sorted(set(OPERATIONS) - OPEN):
            answer = asked(client, operation_id)
            is_open = scope in scopes_of(operation_id)
            assert (answer.status_code != 403) == is_open, (operation_id, answer.status_code)
            assert answer.status_code < 500, (operation_id, answer.text)
            if not is_open:
                assert answer.json()["code"] == "not-allowed"


def test_a_key_says_what_it_is(service: Service) -> None:
    """Its realm and scopes, and nothing secret."""
    with service.client(Scope.PROFILES_READ, Scope.INCIDENTS_READ, realm=OTHER_REALM) as client:
        found = client.get("/v1/whoami").json()
    assert (found["realm"], found["scopes"]) == (OTHER_REALM, ["incidents:read", "profiles:read"])
    assert set(found) == {"key_id", "name", "realm", "scopes"}
    assert REALM != OTHER_REALM

"""Every answer that tells of a customer leaves an entry in the access log, and no other does."""

from __future__ import annotations

import time
import uuid
from typing import Any, NamedTuple

import httpx
import pytest

from services.api.auth import Scope
from tests.contract.api.services import OTHER_REALM, Service
from tests.contract.api.test_scopes import NEEDS, OPERATIONS
from tests.events import event, identifier

NOTED_S = 30.0
READING = frozenset(
    {Scope.PROFILES_READ, Scope.PROFILES_PII, Scope.INSIGHTS_PERSON, Scope.SEGMENTS_MEMBERS}
)
UNTRACED = {
    "getFreshness": "tells of no customer",
    "streamProfiles": "says that profiles changed; reading them is another request",
    "listOrderConflicts": "has no order that contradicts itself here",
    "listSuspicious": "has no suspicious value here",
    "listDecisions": "nothing is decided about this customer",
    "listSuggestions": "nobody is proposed here; test_suggestions.py asks for the trace",
    "getSuggestion": "the same",
    "listAffected": "has no incident here",
    "listSegmentMembers": "no segment is defined here; test_segments.py asks for the trace",
    "streamSegments": "says that memberships changed; where it is fed, it names ids only",
    "getAccount": "tells of a company, and of persons only how many",
}
"""Operations on profiles that this test asks for no trace of, and why."""


class Customer(NamedTuple):
    """Somebody to ask about."""

    profile_id: str
    email: str
    card: str
    city: str


def bodies(customer: Customer) -> dict[str, Any]:
    """Bodies of the operations that take one."""
    email = {"type": "email", "value": customer.email}
    return {
        "lookupProfile": {"identifiers": [email]},
        "getProfiles": {"ids": [customer.profile_id]},
        "searchProfiles": {"attributes": {"city": customer.city}},
        "checkContactPermission": {
            "channel": "email",
            "purpose": "marketing",
            "addresses": [email],
        },
        "explainIdentity": {"a": customer.card, "b": f"email={customer.email}"},
    }


@pytest.fixture(scope="module")
def customer(service: Service) -> Customer:
    """A customer with a golden record."""
    tag = uuid.uuid4().hex[:12]
    email, city = f"{tag}@example.com", f"Bad {tag}"
    card = identifier("loyalty_card", str(uuid.uuid4().int)[:12], verified=True)
    who = [identifier("email", email, verified=True), card]
    body = {"attributes": {"city": city}}
    service.send(event("profile.updated", event_id=tag, identifiers=who, body=body))
    for type_, number in (
        ("account.contact_changed", "account_id"),
        ("household.member_changed", "household_id"),
    ):
        service.send(event(type_, identifiers=who, event_id=type_ + tag, body={number: tag}))
    with service.client() as client:
        given = {"identifiers": [{"type": "email", "value": email}]}
        found = client.post("/v1/profiles/lookup", json=given).raise_for_status().json()
    return Customer(found["profile_id"], email, f"loyalty_card={card['value']}", city)


def ask(client: httpx.Client, name: str, customer: Customer, request_id: str) -> httpx.Response:
    """One request about the customer."""
    method, path, _ = OPERATIONS[name]
    body = {"json": bodies(customer)[name]} if method == "POST" else {}
    headers = {"X-Request-ID": request_id, "X-Purpose": f"ticket {request_id}"}
    filled = path.replace("{profile_id}", customer.profile_id)
    for number in ("{account_id}", "{household_id}"):
        filled = filled.replace(number, customer.email.partition("@")[0])
    return client.request(method, filled, headers=headers, **body)


def entries(client: httpx.Client, **filters: Any) -> dict[str, dict[str, Any]]:
    """The latest entries of the log by request."""
    answer = client.get("/v1/access-log", params={"limit": 500, **filters}).raise_for_status()
    return {one["request_id"]: one for one in answer.json()["data"]}


def test_every_operation_on_profiles_leaves_a_trace(service: Service, customer: Customer) -> None:
    """Which profile, which operation, with which key, and why; found by the id of the customer."""
    traced = sorted(name for name in NEEDS if NEEDS[name] in READING and name not in UNTRACED)
    with service.client() as client:
        requests = {name: f"{name}-{uuid.uuid4().hex}" for name in traced}
        for name, request_id in requests.items():
            answer = ask(client, name, customer, request_id)
            assert answer.status_code == httpx.codes.OK, (name, answer.text)
        key_id = client.get("/v1/whoami").json()["key_id"]
        end = time.monotonic() + NOTED_S
        while True:
            found = entries(client, profile_id=customer.profile_id)
            missing = {name for name, one in requests.items() if one not in found}
            if not missing:
                break
            assert time.monotonic() < end, f"no entry of {missing}"
    for request_id in requests.values():
        entry = found[request_id]
        assert entry["key_id"] == key_id
        assert entry["purpose"] == f"ticket {request_id}"
        assert customer.profile_id in entry["profile_ids"]
        assert entry["status"] == httpx.codes.OK


def test_whoever_an_explanation_names_is_noted(service: Service) -> None:
    """Not only the two: whom their shared tablet touches stands among the samples, by value."""
    tag = uuid.uuid4().hex[:12]
    tablet = identifier("device_id", f"tablet-{tag}")
    emails = [f"{tag}-{number}@example.com" for number in range(3)]
    for number, email in enumerate(emails):
        who = [identifier("email", email, verified=True), tablet]
        service.send(event("identity.linked", event_id=f"{tag}-{number}", identifiers=who))
    asked = {"a": f"email={emails[0]}", "b": f"email={emails[1]}"}
    request_id = f"why-{tag}"
    with service.client() as client:
        given = {"identifiers": [{"type": "email", "value": emails[2]}]}
        beside = client.post("/v1/profiles/lookup", json=given).raise_for_status().json()
        answer = client.post(
            "/v1/identity/why", json=asked, headers={"X-Request-ID": request_id}
        ).raise_for_status()
        samples = [one["value"] for shared in answer.json()["shared"] for one in shared["samples"]]
        assert emails[2] in samples
        end = time.monotonic() + NOTED_S
        while request_id not in entries(client, profile_id=beside["profile_id"]):
            assert time.monotonic() < end, "the third customer was shown, and nobody noted it"


def test_what_was_not_handed_out_leaves_none(service: Service, customer: Customer) -> None:
    """A profile of another realm, one that nobody has, a request without the scope."""
    nobody = customer._replace(profile_id=str(uuid.uuid4()), email="nobody@example.com")
    last = uuid.uuid4().hex
    with (
        service.client() as client,
        service.client(realm=OTHER_REALM) as foreign,
        service.client(Scope.INSIGHTS_READ) as other,
    ):
        assert ask(client, "getProfile", nobody, "of-nobody").status_code == 404
        assert ask(foreign, "getProfile", customer, "of-another-realm").status_code == 404
        assert ask(other, "getProfile", customer, "without-scope").status_code == 403
        assert ask(client, "getProfile", customer, last).status_code == 200
        end = time.monotonic() + NOTED_S
        while last not in (found := entries(client)):
            assert time.monotonic() < end, "no entry"
        found |= entries(foreign)
    assert not {"of-nobody", "of-another-realm", "without-scope"} & set(found)


def test_the_log_belongs_to_its_realm(service: Service, customer: Customer) -> None:
    """A key of another realm sees nothing of it, whatever it asks for."""
    with service.client() as client, service.client(realm=OTHER_REALM) as foreign:
        key_id = client.get("/v1/whoami").json()["key_id"]
        first = client.get("/v1/access-log", params={"limit": 1}).json()
        assert first["data"]
        for filters in ({"profile_id": customer.profile_id}, {"key_id": key_id}):
            assert entries(foreign, **filters) == {}
        if first["page"]["next"]:
            answer = foreign.get("/v1/access-log", params={"cursor": first["page"]["next"]})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")


@pytest.mark.parametrize(
    "parameters",
    [
        {"cursor": "x"},
        {"since": "2026-01-01T00:00:00"},
        {"limit": 0},
        {"limit": 501},
        {"profile_id": "nobody"},
        {"key_id": "x" * 201},
    ],
)
def test_wrong_questions_are_refused(service: Service, parameters: dict[str, Any]) -> None:
    """With a problem document that repeats nothing of the question."""
    with service.client() as client:
        answer = client.get("/v1/access-log", params=parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")

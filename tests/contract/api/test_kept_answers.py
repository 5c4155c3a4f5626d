"""Answers that were read before: given again while they are true, and to nobody else."""

from __future__ import annotations

import time
import uuid

import httpx
import pytest

from services.api.auth import Scope
from tests.contract.api.people import Person, somebody
from tests.contract.api.services import OTHER_REALM, Service

READ, PII = Scope.PROFILES_READ, Scope.PROFILES_PII
LOGGED_S = 20.0


@pytest.fixture(scope="module")
def anna(service: Service) -> Person:
    """A customer."""
    person = somebody()
    service.send(person.did("profile.updated", body={"attributes": {"city": "Bonn"}}))
    return person


def path_of(client: httpx.Client, person: Person) -> str:
    """The address of a customer's profile."""
    answer = client.get(f"/v1/profiles/{person.id()}")
    return str(answer.headers.get("Location", answer.url.path))


def test_a_version_that_the_client_has_is_not_sent_again(service: Service, anna: Person) -> None:
    """304 for the ETag of the profile, among others, weak or not; 200 for any other."""
    with service.client(READ, PII) as client:
        path = path_of(client, anna)
        first = client.get(path)
        etag = first.headers["ETag"]
        for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
            again = client.get(path, headers={"If-None-Match": known})
            assert again.status_code == httpx.codes.NOT_MODIFIED
            assert again.content == b""
            assert again.headers["ETag"] == etag
            assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        other = client.get(path, headers={"If-None-Match": '"other"'})
    assert other.status_code == httpx.codes.OK
    assert other.headers["ETag"] == etag
    assert other.json() | {"as_of": ""} == first.json() | {"as_of": ""}


def test_what_changes_a_profile_changes_its_version(service: Service) -> None:
    """Every event is in the next answer, which has another ETag; those of others have theirs."""
    person, other = somebody(), somebody()
    for one in (person, other):
        service.send(one.did("page.viewed", body={}))
    seen: set[str] = set()
    with service.client(READ, PII) as client:
        path, others = path_of(client, person), path_of(client, other)
        unchanged = client.get(others).headers["ETag"]
        for number in range(5):
            city, at = f"Ort {number}", f"2026-11-20T11:{number:02}:00Z"
            event = person.did("profile.updated", at, body={"attributes": {"city": city}})
            service.send(event)
            asked = {"consistent_after": event["event_id"]}
            answer = client.get(path, params=asked)
            assert answer.json()["attributes"]["city"]["value"] == city
            seen.add(answer.headers["ETag"])
        headers = {"If-None-Match": unchanged}
        answer = client.get(others, headers=headers)
    assert len(seen) == 5
    assert answer.status_code == httpx.codes.NOT_MODIFIED


def test_a_kept_answer_is_for_those_who_may_have_it(service: Service, anna: Person) -> None:
    """A key without personal data gets hints, one of another realm nothing, whoever asked before;
    and the other way round."""
    with service.client(READ, PII) as client:
        path = path_of(client, anna)
    asked: list[tuple[tuple[Scope, ...], str]] = [((READ, PII), "Bonn"), ((READ,), "…")]
    for scopes, city in (*asked, *reversed(asked)):
        with service.client(*scopes) as client:
            answer = client.get(path)
        assert answer.json()["attributes"]["city"]["value"] == city
    with service.client(READ, PII, realm=OTHER_REALM) as client:
        assert client.get(path).status_code == httpx.codes.NOT_FOUND
    with service.client(READ, PII) as client:
        part = client.get(path, params={"fields": "orders"})
        assert part.json() == {"orders": 0}
        assert part.headers["ETag"] != client.get(path).headers["ETag"]


def test_a_kept_answer_leaves_a_trace_as_others_do(service: Service, anna: Person) -> None:
    """Each time it is given, and also when the client has it already."""
    with service.client(READ, PII) as client:
        path = path_of(client, anna)
        etag = client.get(path).headers["ETag"]
        expected = {}
        for headers, status in (({}, 200), ({"If-None-Match": etag}, 304)):
            request_id = uuid.uuid4().hex
            answer = client.get(path, headers={**headers, "X-Request-ID": request_id})
            assert answer.status_code == status
            expected[request_id] = status
    end = time.monotonic() + LOGGED_S
    with service.client(Scope.AUDIT_READ) as client:
        while True:
            params = {"profile_id": path.rpartition("/")[2], "limit": "500"}
            rows = client.get("/v1/access-log", params=params).json()["data"]
            found = {row["request_id"]: row["status"] for row in rows}
            if expected.items() <= found.items():
                return
            assert time.monotonic() < end, found
            time.sleep(0.1)

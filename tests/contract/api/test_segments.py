"""Segments over HTTP: which there are, who belongs to one, who enters and leaves."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api.auth import Scope
from tests.contract.api.people import Person, somebody
from tests.contract.api.services import OTHER_REALM, REALM, Service
from tests.e2e.runs import wait_for
from tests.sse import Follower

READS, MEMBERS = Scope.SEGMENTS_READ, Scope.SEGMENTS_MEMBERS
NOTED_S = 30.0
DEFINITION = """
[segment.{id}]
title = "Asked for {id}"
purpose = "service"
[[segment.{id}.all]]
did = "search.performed"
where = {{ query = "{id}" }}
"""


class Asking:
    """A segment of those who searched for a word of its own."""

    def __init__(self, service: Service, directory: Path) -> None:
        self.id = f"s{uuid.uuid4().hex}"
        self._service, self._file = service, directory / f"{self.id}.toml"
        self._file.write_text(DEFINITION.format(id=self.id))

    def search(self, person: Person, at: str = "2026-01-05T10:00:00Z") -> None:
        """Have a person ask for the word."""
        body = {"query": self.id, "results": 1}
        self._service.send(person.did("search.performed", at, body=body))

    def apply(self) -> None:
        """Put it in force, once event time has begun; memberships are right then."""
        self._service.run("segments", "apply", str(self._file))

    def members(self, client: httpx.Client, **asked: Any) -> Any:
        """A page of its members."""
        answer = client.get(f"/v1/segments/{self.id}/members", params=asked)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()


@pytest.fixture
def asking(service: Service, tmp_path: Path) -> Asking:
    """A segment that is not in force yet."""
    return Asking(service, tmp_path)


def test_who_belongs_to_a_segment(service: Service, asking: Asking) -> None:
    """By pages, by profile, with definition and size; nothing of it in another realm."""
    people = [somebody() for _ in range(3)]
    for person in people:
        asking.search(person)
    with service.client() as client:
        ids = [_profile_id(client, person) for person in people]
    wait_for(lambda: _applied(asking))
    with service.client(Scope.INSIGHTS_READ) as client:
        _ask_for_a_measure_of(client, asking)
    with service.client(READS, MEMBERS) as client:

        def all_members() -> bool:
            asking.apply()
            return len(asking.members(client)["data"]) == len(people)

        wait_for(all_members)
        found, cursor = [], ""
        while True:
            page = asking.members(client, limit=1, **({"cursor": cursor} if cursor else {}))
            found += [one["profile_id"] for one in page["data"]]
            cursor = page["page"]["next"]
            if not cursor:
                break
        assert sorted(found) == sorted(ids)
        listed = {one["segment"]: one for one in client.get("/v1/segments").json()["data"]}
        assert (listed[asking.id]["members"], listed[asking.id]["number"]) == (3, 1)
        assert listed[asking.id]["body"]["all"][0]["where"] == {"query": asking.id}
        assert (listed[asking.id]["as_of"] is None) == (service.name == "distributed")
        path = f"/v1/profiles/{people[0].id()}/segments"
        [mine] = client.get(path).json()["data"]
        assert (mine["segment"], mine["definition"], len(mine["because"])) == (asking.id, 1, 1)
        assert client.get("/v1/segments/unheard_of/members").status_code == 404
        bad = client.get(f"/v1/segments/{asking.id}/members", params={"cursor": "x"})
        assert (bad.status_code, bad.json()["code"]) == (400, "invalid-request")
    with service.client(READS) as client:
        sizes = {
            one["segment"]: one["members"] for one in client.get("/v1/segments").json()["data"]
        }
        assert sizes[asking.id] is None, "three are fewer than five"
    with service.client(READS, MEMBERS, realm=OTHER_REALM) as client:
        assert client.get("/v1/segments").json()["data"] == []
        assert client.get(f"/v1/segments/{asking.id}/members").status_code == 404
        assert client.get(path).status_code == 404


def _ask_for_a_measure_of(client: httpx.Client, asking: Asking) -> None:
    """Of so few it is suppressed; there are measures of no segment, and segments that are none."""

    def asked(measure: str, segment: str) -> httpx.Response:
        return client.get(f"/v1/insights/measures/{measure}", params={"segment": segment})

    found = asked("search_quality", asking.id).json()
    assert (found["segment"], found["n"], found["flags"]) == (asking.id, None, ["suppressed"])
    assert asked("search_quality", "unheard_of").status_code == 404
    refused = asked("flywheel", asking.id)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid-request")


def test_members_leave_a_trace(service: Service, asking: Asking) -> None:
    """Whoever reads members, or the segments of somebody, is noted with the profiles and why."""
    person = somebody()
    asking.search(person)
    wait_for(lambda: _applied(asking))
    with service.client() as client:
        profile_id = _profile_id(client, person)

        def is_member() -> bool:
            asking.apply()
            return bool(asking.members(client)["data"])

        wait_for(is_member)
        paths = (f"/v1/segments/{asking.id}/members", f"/v1/profiles/{profile_id}/segments")
        requests = {uuid.uuid4().hex: path for path in paths}
        for request_id, path in requests.items():
            headers = {"X-Request-ID": request_id, "X-Purpose": "a mailing"}
            assert client.get(path, headers=headers).status_code == httpx.codes.OK
        end = time.monotonic() + NOTED_S
        while True:
            answer = client.get("/v1/access-log", params={"profile_id": profile_id})
            entries = answer.json()["data"]
            noted = {one["request_id"]: one for one in entries}
            if requests.keys() <= noted.keys():
                break
            assert time.monotonic() < end, "no entry"
    assert {noted[one]["purpose"] for one in requests} == {"a mailing"}
    assert {noted[one]["operation"] for one in requests} == {"segments_page", "profile_segments"}


def test_changes_are_streamed(service: Service, asking: Asking) -> None:
    """Where segments follow events: who enters is told once, also after the client was away, and to
    no other realm. Elsewhere there is no stream."""
    path = "/v1/segments/stream"
    if service.name == "distributed":
        with service.client(MEMBERS) as client:
            answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid-state")
        return
    first, second = somebody(), somebody()
    asking.search(first)
    wait_for(lambda: _applied(asking))
    mine = Follower(service.url, path, service.key(MEMBERS, realm=REALM))
    with Follower(service.url, path, service.key(MEMBERS, realm=OTHER_REALM)) as theirs:
        third = somebody()
        asking.search(third)
        wait_for(lambda: _told(mine, asking, third, service))
        last_id = mine.leave()
        asking.search(second)
        with Follower(service.url, path, service.key(MEMBERS, realm=REALM), last_id) as again:
            told = wait_for(lambda: _told(again, asking, second, service))
        assert theirs.reader.events == []
    assert (told["change"], told["realm"], told["sequence"]) == ("entered", REALM, 1)
    everything = [*mine.reader.events, *again.reader.events]
    assert {one.name for one in everything} == {"segment"}
    keys = [
        (one.data["segment"], one.data["profile_id"], one.data["sequence"]) for one in everything
    ]
    assert len(keys) == len(set(keys))
    assert first.email not in str(everything)


def _told(follower: Follower, asking: Asking, person: Person, service: Service) -> Any:
    """What was told of a person and the segment."""
    with service.client() as client:
        profile_id = _profile_id(client, person)
    return next(
        (
            one.data
            for one in follower.reader.events
            if (one.data["segment"], one.data["profile_id"]) == (asking.id, profile_id)
        ),
        None,
    )


def _profile_id(client: httpx.Client, person: Person) -> str:
    headers = {"Prefer": "merged=inline"}
    found: str = client.get(f"/v1/profiles/{person.id()}", headers=headers).json()["profile_id"]
    return found


def _applied(asking: Asking) -> bool:
    """Whether it could be put in force: event time may not have begun."""
    try:
        asking.apply()
    except AssertionError:
        return False
    return True

"""Streams over HTTP: what changes in a realm is told to whoever may read it, once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.api.people import somebody
from tests.contract.api.services import OTHER_REALM, REALM, Service
from tests.e2e.runs import wait_for
from tests.events import event, identifier
from tests.sse import Follower, SentEvent

INCIDENTS, PROFILES = "/v1/incidents/stream", "/v1/profiles/stream"
READS = ("incidents:read", "profiles:read")


def follow(service: Service, path: str, last_id: str = "", realm: str = REALM) -> Follower:
    """A client of a stream."""
    return Follower(service.url, path, service.key(*READS, realm=realm), last_id)


def about(events: list[SentEvent], profile_id: str) -> list[Any]:
    """What was told of a profile id."""
    return [one.data for one in events if one.data["profile_id"] == profile_id]


def test_profiles(service: Service) -> None:
    """A customer appears, and gets another identifier while the client is away; no other realm
    hears of it, and no value is told."""
    person, mine = somebody(), follow(service, PROFILES)
    with follow(service, PROFILES, realm=OTHER_REALM) as theirs:
        service.send(person.did("page.viewed"))
        wait_for(lambda: about(mine.reader.events, person.id()))
        last_id = mine.leave()
        cookie = identifier("cookie", uuid.uuid4().hex)
        service.send(person.did("page.viewed", identifiers=[*person.identifiers, cookie]))
        with follow(service, PROFILES, last_id) as again:
            wait_for(lambda: len(again.reader.events) >= 2)
            told = mine.reader.events + again.reader.events
        keys = [(one.data["profile_id"], one.data["map_version"]) for one in told]
        assert len(keys) == len(set(keys))
        assert {one.name for one in told} == {"profile"}
        assert {one.data["realm"] for one in told} == {REALM}
        assert person.email not in str(told)
        assert theirs.reader.events == []


def test_incidents(service: Service) -> None:
    """An incident opens, with the record that the incident has when it is asked for."""
    sku = f"sku-{uuid.uuid4().hex}"

    def offer(channel: str, price: str, day: int) -> dict[str, Any]:
        body = {"sku": sku, "price": price, "currency": "EUR"}
        at = f"2026-11-{day:02d}T00:00:00Z"
        more = {"event_id": f"offer-{uuid.uuid4().hex}", "occurred_at": at, "body": body}
        return event("offer.published", channel=channel, identifiers=[], **more)

    with follow(service, INCIDENTS) as mine:
        service.send(
            *(offer(channel, "10.00", 1) for channel in ("app", "pos", "shop")),
            *(offer(channel, "10.00", 4) for channel in ("app", "pos")),
            *(offer("shop", "12.00", day) for day in (2, 4)),
        )

        def opened() -> Any:
            told = [one.data for one in mine.reader.events if one.data["subject"]["sku"] == sku]
            return told and told[-1]["state"] == "open" and told[-1]

        told = wait_for(opened)
    with service.client(*READS) as client:
        [found] = client.get("/v1/incidents", params={"sku": sku}).json()["data"]
    for name in ("incident_id", "realm", "kind", "subject", "channel", "severity", "evidence"):
        assert told[name] == found[name], name


@pytest.mark.parametrize("path", [INCIDENTS, PROFILES])
def test_what_is_no_id_is_refused(path: str, service: Service) -> None:
    """Also an id of the other stream."""
    with follow(service, PROFILES if path == INCIDENTS else INCIDENTS) as other:
        foreign = other.reader.last_id
    with service.client(*READS) as client:
        for last_id in ("x", "1", foreign, "é", "i1." * 800):
            answer = client.get(path, headers={b"Last-Event-ID": last_id.encode()})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")
            answer = client.get(path, params={"last_event_id": last_id})
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")

"""The Python client on a running service: typed answers, pages, writes, streams, errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from customer360_client import AsyncClient, Client, InvalidRequest, NotAllowed, NotFound, models
from tests.contract.api.populated import Populated
from tests.events import event, identifier

DEADLINE_S = 60


@pytest.fixture
def client(asked: Populated) -> Iterator[Client]:
    """A client with every scope."""
    with Client(asked.service.url, asked.key, purpose="a test") as opened:
        yield opened


def test_a_customer_by_address_and_by_id(client: Client, asked: Populated) -> None:
    """Both questions have one answer, and a part of it is asked by its fields."""
    found = client.lookup_profile([models.GivenIdentifier(type="email", value=asked.email)])
    assert str(found.profile_id) == asked.profile_id
    again = client.get_profile(asked.profile_id)
    assert again.identifiers == found.identifiers
    assert asked.email in {one.value for one in again.identifiers}
    part = client.get_profile_part(found.profile_id, "orders,kind")
    assert (part.orders, part.kind) == (found.orders, "person")
    assert "X-Request-ID" in found.response_headers


def test_pages_give_every_entry_once(client: Client, asked: Populated) -> None:
    """Entries of all pages, however small the pages are, are those of one large page."""
    whole = client.list_timeline(asked.profile_id, limit=500)
    assert not whole.page.has_more
    assert len(whole.data) > 10
    paged = list(client.iterate_timeline(asked.profile_id, limit=7))
    assert [one.event_id for one in paged] == [one.event_id for one in whole.data]


async def test_the_asynchronous_client_gives_the_same(client: Client, asked: Populated) -> None:
    """What one client reads, the other reads; several calls go at once."""
    async with AsyncClient(asked.service.url, asked.key) as other:
        paged = [one async for one in other.iterate_incidents(limit=5)]
        profile, owner = await asyncio.gather(other.get_profile(asked.profile_id), other.whoami())
    assert paged == list(client.iterate_incidents(limit=500))
    assert profile.identifiers == client.get_profile(asked.profile_id).identifiers
    assert owner == client.whoami()


def test_what_was_sent_is_seen(client: Client) -> None:
    """An answer may wait until an event is visible."""
    cookie = identifier("cookie", "of-the-python-client")
    sent = event("page.viewed", event_id="sent-by-the-client", identifiers=[cookie])
    assert client.post_touchpoints([sent]).results[0].status == "accepted"
    found = client.lookup_profile(
        [models.GivenIdentifier(type="cookie", value="of-the-python-client")],
        consistent_after="sent-by-the-client",
    )
    [entry] = client.list_timeline(found.profile_id).data
    assert entry.event_id == "sent-by-the-client"
    assert client.post_touchpoints([sent]).results[0].status == "duplicate"


async def test_an_action_is_done_once_and_streamed(asked: Populated) -> None:
    """A write repeated with its key has the same answer; those who listen hear of it."""
    async with AsyncClient(asked.service.url, asked.key) as client:
        stream = client.stream_incidents()
        heard = asyncio.ensure_future(anext(stream))
        until, actions = time.monotonic() + DEADLINE_S, 0
        while not heard.done() and time.monotonic() < until:
            kind = ("mute", "unmute")[actions % 2]
            key = f"client-{actions}"
            first, again = [
                await client.act_on_incident(asked.incident_id, kind, "a test", idempotency_key=key)
                for _ in range(2)
            ]
            assert first == again
            actions += 1
        told = await asyncio.wait_for(heard, DEADLINE_S)
        await stream.aclose()
    assert told.type == "incident"
    assert told.json()["incident_id"] == asked.incident_id
    assert told.id


def test_errors_have_their_code(client: Client, asked: Populated) -> None:
    """Another realm's customer is unknown, a cursor is none, a key may too little."""
    with pytest.raises(NotFound) as unknown:
        client.get_profile(asked.other_profile_id)
    assert (unknown.value.code, unknown.value.status) == ("not-found", 404)
    with pytest.raises(InvalidRequest, match="cursor"):
        client.list_incidents(cursor="none")
    masked = asked.service.key("profiles:read")
    with Client(asked.service.url, masked) as other:
        with pytest.raises(NotAllowed) as refused:
            other.list_incidents()
        values = {one.value for one in other.get_profile(asked.profile_id).identifiers}
    assert refused.value.code == "not-allowed"
    assert asked.email not in values

"""Routes of profiles on the real store, for what no client can bring about: erased customers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from schemas.identifiers import as_uuid
from services.api.auth import Principal, Scope
from services.api.ports import Access
from services.api.read_store import ReadStore, StoreWrites
from services.intake.application import application
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.api_parts import api_parts_of
from tests.profile_store import ANNA, BERT, REALM, SECRET, Store, at, event, node

pytestmark = pytest.mark.any_store
DESK = Principal("k1", "desk", REALM, frozenset({Scope.PROFILES_READ, Scope.PROFILES_PII}))
ELSEWHERE = DESK._replace(key_id="k2", name="elsewhere", realm="alps")


class Ring:
    """Knows two keys by their names."""

    def principal(self, credential: str) -> Principal | None:
        """See Authenticator."""
        return {one.name: one for one in (DESK, ELSEWHERE)}.get(credential)

    def refresh(self, credential: str) -> None:
        """See Authenticator."""


def answers(database: Database, *asked: tuple[str, str, Any], **more: Any) -> list[httpx.Response]:
    """The answers to (key, path, body) by the application on this store; no body is a GET."""
    realms = {REALM: {}, "alps": {"region": "CH"}}
    settings = load_settings(identity_secret=SECRET.decode(), realms=realms)

    def open_reads() -> Access:
        return Access(ReadStore(settings, database), StoreWrites(database, lambda _record: None))

    app, parts = application(), api_parts_of(Ring(), open_reads=open_reads)
    app.state.api = parts._replace(settings=settings.model_copy(update=more))

    async def ask() -> list[httpx.Response]:
        transport, found = httpx.ASGITransport(app), []
        async with httpx.AsyncClient(transport=transport, base_url="http://c360") as client:
            for key, path, body in asked:
                method = "GET" if body is None else "POST"
                headers = {"Authorization": f"Bearer {key}"}
                found.append(await client.request(method, path, json=body, headers=headers))
        return found

    return asyncio.run(ask())


def test_an_erased_customer_is_gone(database: Database) -> None:
    """410 in its realm, 404 in every other, and `erased` in a batch."""
    store = Store(database)
    store.take(event("e1", "page.viewed", 1, ANNA))
    erased = node("email", "bert@example.org")
    rows = [(REALM, erased, at(1))]
    database.insert_rows("erasures", ("realm", "node", "erased_at"), rows)
    path, batch = f"/v1/profiles/{as_uuid(erased)}", "/v1/profiles/batch"
    ids = {"ids": [str(as_uuid(erased))]}
    gone, foreign, many, others, known = answers(
        database,
        ("desk", path, None),
        ("elsewhere", path, None),
        ("desk", batch, ids),
        ("elsewhere", batch, ids),
        ("desk", f"/v1/profiles/{as_uuid(node('email', 'anna@example.org'))}", None),
    )
    assert (gone.status_code, gone.json()["code"]) == (410, "erased")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not-found")
    assert [one.json()["data"][0]["status"] for one in (many, others)] == ["erased", "unknown"]
    assert known.status_code == 200
    store.take(event("e2", "page.viewed", 600, BERT))
    [again] = answers(database, ("desk", path, None))
    assert again.status_code == 200


def test_every_route_of_customers_asks_why(database: Database) -> None:
    """Where a purpose is required, searching is no way around it."""
    found = answers(
        database,
        ("desk", f"/v1/profiles/{as_uuid(1)}", None),
        ("desk", "/v1/profiles/search", {"text": "anna"}),
        ("desk", "/v1/profiles/lookup", {"identifiers": [{"type": "email", "value": "a@b.de"}]}),
        ("desk", "/v1/profiles/batch", {"ids": [str(as_uuid(1))]}),
        api_purpose_required=True,
    )
    assert [one.json()["code"] for one in found] == ["invalid-request"] * 4


@pytest.mark.parametrize("year", ["0001", "1899", "2200", "9999"])
def test_times_that_no_store_holds_are_refused(database: Database, year: str) -> None:
    """Not answered with a fault of the service: also where another zone would overflow."""
    times = [f"{year}-01-01T00:00:00%2B14:00", f"{year}-12-31T23:59:59-14:00"]
    paths = [f"/v1/profiles/{as_uuid(1)}?as_of={time}" for time in times]
    paths += [f"/v1/profiles/{as_uuid(1)}/timeline?since={time}" for time in times]
    found = answers(database, *(("desk", path, None) for path in paths))
    assert [one.status_code for one in found] == [400] * 4

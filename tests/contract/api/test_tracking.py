"""The Segment protocol over HTTP: keys, bodies and answers as libraries send and expect them."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.api.http.body_guard import TRACKING
from tests.contract.api.services import OTHER_REALM, Service
from tests.e2e.runs import wait_for

WRITE, PUBLIC, READ, PII = (
    "events:write", "events:write:public", "profiles:read", "profiles:pii",
)  # fmt: skip
T = "2026-03-02T17:20:00Z"


@pytest.fixture
def plain(service: Service) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=service.url, timeout=30, trust_env=False) as client:
        yield client


def basic(key: str, colon: str = ":") -> dict[str, str]:
    """A write key as libraries send it."""
    return {"Authorization": "Basic " + base64.b64encode(f"{key}{colon}".encode()).decode()}


def message(call: str = "track", **more: Any) -> dict[str, Any]:
    """A message with an id and a person of its own."""
    mark = uuid.uuid4().hex
    said = {"type": call, "messageId": mark, "userId": f"u-{mark}", "timestamp": T}
    return {**said, **({"event": "Trial Started"} if call == "track" else {}), **more}


def timeline(service: Service, user: str) -> list[dict[str, Any]]:
    """The history of a customer; empty while nobody is known."""
    named = {"identifiers": [{"type": "customer_number", "value": user}]}
    with service.client(READ) as client:
        found = client.post("/v1/profiles/lookup", json=named)
        if found.status_code == httpx.codes.NOT_FOUND:
            return []
        profile = found.json()["profile_id"]
        rows: list[dict[str, Any]] = client.get(f"/v1/profiles/{profile}/timeline").json()["data"]
        return rows


def test_every_call_on_every_path(service: Service, plain: httpx.Client) -> None:
    """Under its long and its short name, with a slash at the end or not: 200, and nothing else."""
    own: dict[str, dict[str, Any]] = {
        "identify": {"traits": {"plan": "premium"}},
        "group": {"groupId": "K-1"},
        "alias": {"previousId": "c-1"},
    }
    for path, call in TRACKING.items():
        if call in ("batch", "import"):
            body: dict[str, Any] = {"batch": [message()], "sentAt": T}
        else:
            body = message(call, **own.get(call, {}))
            del body["type"]  # the path says it
        answer = plain.post(path, json=body, headers=basic(service.key(WRITE)))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), path


def test_a_message_sent_twice_counts_once(service: Service, plain: httpx.Client) -> None:
    """Libraries send a batch again, with the same ids, until they hear of it."""
    sent = message()
    for retry in ("0", "1"):
        headers = {**basic(service.key(WRITE)), "X-Retry-Count": retry}
        body = {"batch": [sent], "sentAt": f"2026-03-02T17:2{retry}:00Z"}
        assert plain.post("/v1/batch", json=body, headers=headers).status_code == 200
    rows = wait_for(lambda: timeline(service, sent["userId"]))
    assert [one["summary"] for one in rows] == ["tracked Trial Started"]


@pytest.mark.parametrize("where", ["basic", "no colon", "bearer", "header", "body"])
def test_where_a_write_key_may_stand(service: Service, plain: httpx.Client, where: str) -> None:
    """A page that is being left sends no headers of its own, so its key is in the body."""
    key = service.key(WRITE)
    headers = {
        "basic": basic(key), "no colon": basic(key, ""), "header": {"X-Api-Key": key},
        "bearer": {"Authorization": f"Bearer {key}"}, "body": {},
    }[where]  # fmt: skip
    body = {"batch": [message()], **({"writeKey": key} if where == "body" else {})}
    answer = plain.post(
        "/v1/b", content=json.dumps(body), headers={**headers, "Content-Type": "text/plain"}
    )
    assert answer.json() == {"success": True}


@pytest.mark.parametrize(
    "headers", [{}, basic("no-key-of-ours-at-all"), {"Authorization": "Basic %"}]
)
def test_a_wrong_key_is_refused(plain: httpx.Client, headers: dict[str, str]) -> None:
    """With `code` and `message`, without which a library of RudderStack tries for ever."""
    answer = plain.post("/v1/batch", json={"batch": [], "writeKey": "neither"}, headers=headers)
    assert answer.status_code == 401
    assert {"code", "message"} <= answer.json().keys()


def test_without_a_key_little_is_read(service: Service, plain: httpx.Client) -> None:
    """What has its key in the body is read before the key is known: no more than a browser sends
    of a page that is being left, and nothing packed. With a key in the headers it is taken."""
    key = service.key(WRITE)
    body = {"batch": [message(properties={"text": "x" * 30_000}) for _ in range(3)]}
    large = json.dumps({**body, "writeKey": key}).encode()
    packed = gzip.compress(json.dumps({"batch": [message()], "writeKey": key}).encode())
    for content, headers, status in (
        (large, {}, 413), (large, basic(key), 200),
        (packed, {"Content-Encoding": "gzip"}, 415),
        (packed, {"Content-Encoding": "gzip", **basic(key)}, 200),
    ):  # fmt: skip
        answer = plain.post("/v1/batch", content=content, headers=headers)
        assert answer.status_code == status, answer.text
        assert status == 200 or answer.json()["message"]


def test_half_a_character_is_no_key(plain: httpx.Client) -> None:
    """Nor a fault of the service."""
    body = b'{"batch":[],"writeKey":"\\ud83d"}'
    assert plain.post("/v1/batch", content=body).status_code == 401


def test_an_odd_message_costs_no_other(service: Service, plain: httpx.Client) -> None:
    """A line break behind a time, or endless nesting: the others have their results."""
    late = message(originalTimestamp=T, sentAt=f"{T}\n", receivedAt=T)
    good = json.dumps(message()).encode()
    deep = json.dumps(message(properties="deep")).encode()
    parts = [good, json.dumps(late).encode(), good]
    parts += [deep.replace(b'"deep"', b"[" * n + b"]" * n) for n in (960, 1_100)]
    body = b'{"batch":[' + b",".join(parts) + b"]}"
    answer = plain.post("/v1/batch", content=body, headers=basic(service.key(WRITE)))
    assert answer.status_code == 200
    reasons = [one["reason"] for one in answer.json()["rejected"]]
    assert reasons == ["invalid_field", "not_json", "not_json"]


def test_a_key_that_only_reads_is_refused(service: Service, plain: httpx.Client) -> None:
    """As everywhere."""
    answer = plain.post("/v1/batch", json={"batch": []}, headers=basic(service.key(READ)))
    assert answer.status_code == 403
    assert answer.json()["message"]


def test_gzip_is_unpacked_up_to_the_limit(service: Service, plain: httpx.Client) -> None:
    """What is damaged, goes on behind its end, or becomes too large is refused."""
    headers = {**basic(service.key(WRITE)), "Content-Encoding": "gzip"}
    whole = gzip.compress(json.dumps({"batch": [message()]}).encode())
    bomb = gzip.compress(b'{"batch":[]' + b" " * 5_000_000 + b"}")
    assert len(bomb) < 10_000
    for body, status in (
        (whole, 200), (whole[:-9], 400), (whole + b"x", 400), (b"no gzip", 400), (bomb, 413),
    ):  # fmt: skip
        answer = plain.post("/v1/batch", content=body, headers=headers)
        assert answer.status_code == status, answer.text
    packed = {**headers, "Content-Encoding": "br"}
    assert plain.post("/v1/batch", content=whole, headers=packed).status_code == 415


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batch", b"{"), ("/v1/batch", b"[]"), ("/v1/batch", b'{"batch": {}}'),
        ("/v1/batch", b'{"type": "track"}'), ("/v1/track", b"\xff\xfe"), ("/v1/track", b""),
        ("/v1/import", json.dumps({"batch": [{}] * 5_001}).encode()),
    ],
)  # fmt: skip
def test_what_holds_no_message_is_refused(
    service: Service, plain: httpx.Client, path: str, body: bytes
) -> None:
    """With 400, which libraries do not send again."""
    answer = plain.post(path, content=body, headers=basic(service.key(WRITE)))
    assert answer.status_code == 400
    assert {"code", "message"} <= answer.json().keys()


def test_a_bad_message_costs_no_other(service: Service, plain: httpx.Client) -> None:
    """The answer says which one was rejected; it is kept with its own bytes, in the realm of the
    key."""
    good, bad = message(), message(event="Order Completed", properties={"order_id": "1"})
    large = message(properties={"text": "x" * 33_000})
    key = service.key(WRITE, realm=OTHER_REALM)
    answer = plain.post("/v1/batch", json={"batch": [bad, good, large]}, headers=basic(key))
    assert answer.status_code == 200
    first, second = answer.json()["rejected"]
    assert (first["event_id"], first["path"]) == (bad["messageId"], "properties.currency")
    assert (second["event_id"], second["reason"]) == (large["messageId"], "too_large")

    def kept() -> list[dict[str, Any]]:
        with service.client("rejected:read", realm=OTHER_REALM) as client:
            rows = client.get("/v1/rejected", params={"limit": 500}).json()["data"]
        return [one for one in rows if one["event_id"] == bad["messageId"]]

    [row] = wait_for(kept)
    assert (row["reason"], row["path"]) == ("invalid_field", "properties.currency")
    with service.client("rejected:read", PII, realm=OTHER_REALM) as client:
        raw = client.get(f"/v1/rejected/{row['reject_id']}").json()["raw"]
    assert json.loads(raw) == {**bad, "realm": OTHER_REALM}


def test_a_public_write_key_adds_to_a_device_only(service: Service, plain: httpx.Client) -> None:
    """A page says what a visitor does; an order, or an event of nobody's device, is rejected."""
    seen = message("page", userId=None, anonymousId=uuid.uuid4().hex)
    bought = message(
        event="Order Completed", anonymousId="c-1",
        properties={"order_id": "1", "total": 1, "currency": "EUR"},
    )  # fmt: skip
    answer = plain.post(
        "/v1/batch", json={"batch": [seen, bought, message()], "writeKey": service.key(PUBLIC)}
    )
    assert answer.status_code == 200
    reasons = [one["reason"] for one in answer.json()["rejected"]]
    assert reasons == ["not_allowed", "no_usable_identifier"]


def test_a_message_without_a_time_happened_when_it_came(
    service: Service, plain: httpx.Client
) -> None:
    """By the clock of the service; so each such message is one of its own."""
    sent = message()
    del sent["timestamp"], sent["messageId"]
    for _ in range(2):
        answer = plain.post("/v1/track", json=sent, headers=basic(service.key(WRITE)))
        assert answer.json() == {"success": True}
    rows = wait_for(lambda: (found := timeline(service, sent["userId"]))[1:] and found)
    assert len(rows) == 2
    assert all(one["occurred_at"] > "2026-03-03" for one in rows)

"""Deliveries of webhooks: by a key or a signature, translated by their format, in their realm."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from pydantic import SecretStr

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.api.auth import Credentials
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result, Status
from services.intake import signed
from services.intake.application import create_app
from services.intake.format import Delivered, Format, Refused
from services.intake.formats import FORMATS
from services.intake.http import Running
from services.intake.in_flight import BytesInFlight
from services.intake.signed import webhooks_of
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.runtime.settings import load_settings
from tests.api_parts import api_parts_of

KEY, PUBLIC_KEY, SECRET = "a-key-of-a-test-server", "a-public-key-of-a-page", "secret-of-shouts"
REFUSED = Refused(b'"b"', Fault(RejectReason.INVALID_FIELD, "b", "no b"), b'{"event_id":"b"}')


def shouts(payload: bytes) -> list[bytes | Refused] | Fault:
    """A list of words; one of them is refused."""
    try:
        words = json.loads(payload)
    except ValueError:
        return Fault(RejectReason.NOT_JSON, "", "no list")
    return [REFUSED if one == "b" else json.dumps({"event_id": one}).encode() for one in words]


def mac(secret: str, body: bytes, url: str) -> str:
    return hmac.new(secret.encode(), body + url.encode(), hashlib.sha256).hexdigest()


def is_signed(delivery: Delivered, secret: str) -> bool:
    """A signature over body and address."""
    given = delivery.headers.get("x-shout", "")
    return hmac.compare_digest(given, mac(secret, delivery.body, delivery.url))


SHOUTS = Format("shouts", 1_000, shouts, is_signed=is_signed)
WHISPERS = Format("whispers", 100_000, shouts)


class Taking:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[Line], Intake]] = []

    def submit(self, lines: list[Line], intake: Intake) -> Future[list[Result]]:
        self.taken.append((lines, intake))
        answer: Future[list[Result]] = Future()
        answer.set_result([Result("e", Status.ACCEPTED) for _ in lines])
        return answer


@pytest.fixture(autouse=True)
def formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more formats, of which one signs."""
    for one in (SHOUTS, WHISPERS):
        monkeypatch.setitem(cast(Any, FORMATS), one.name, one)


@asynccontextmanager
async def service(url: str = "", **secrets: str) -> AsyncIterator[tuple[httpx.AsyncClient, Taking]]:
    """A client of a service with these secrets, and what reaches its writer."""
    metrics, sink = Metrics(), Taking()
    keys = Credentials([SecretStr(KEY)], [SecretStr(PUBLIC_KEY)], "token-of-nobody")
    given = {name.replace("_at_", "@"): [SecretStr(one)] for name, one in secrets.items()}
    parts = Running(
        lambda: None, cast(Any, sink), metrics.registry, 1_000_000,
        BytesInFlight(1_000_000, metrics), asyncio.Lock(),
        webhooks_of(given, {"default": 1, "de": 1}), url,
    )  # fmt: skip
    transport = httpx.ASGITransport(app=create_app(parts, api_parts_of(keys, metrics)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client, sink


def signature(body: bytes, path: str, secret: str = SECRET, base: str = "http://test") -> Any:
    return {"X-Shout": mac(secret, body, base + path)}


async def test_a_signature_stands_for_a_key() -> None:
    """Of the secret of its format and realm; otherwise nothing is read, whatever key is sent."""
    body, path = b'["a"]', "/v1/webhooks/shouts"
    async with service(shouts=SECRET, shouts_at_de="another-secret") as (client, sink):
        for headers, status in (
            (signature(body, path), 200), ({}, 401), ({"X-Api-Key": KEY}, 401),
            (signature(b'["b"]', path), 401), (signature(body, path, "another-secret"), 401),
        ):  # fmt: skip
            answer = await client.post(path, content=body, headers=headers)
            assert answer.status_code == status, answer.text
        [(lines, intake)] = sink.taken
        assert ([json.loads(one.content) for one in lines], intake) == (
            [{"event_id": "a"}], Intake.SERVER,
        )  # fmt: skip
        in_realm = path + "/de"
        answer = await client.post(
            in_realm, content=body, headers=signature(body, in_realm, "another-secret")
        )
        assert answer.json()["results"][0]["status"] == "accepted"
        [line] = sink.taken[1][0]
        assert (json.loads(line.content)["realm"], line.realm) == ("de", "de")


async def test_nobody_unknown_has_anything_unpacked() -> None:
    """Before the signature is checked, which covers what was sent."""
    body, path = gzip.compress(b'["a"]'), "/v1/webhooks/shouts"
    async with service(shouts=SECRET) as (client, sink):
        headers = {**signature(body, path), "Content-Encoding": "gzip"}
        assert (await client.post(path, content=body, headers=headers)).status_code == 415
        assert not sink.taken


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (b' {"event_id":"a"}', {"realm": "de", "event_id": "a"}), (b"{}", {"realm": "de"}),
        (b'{"realm":"alps"}', {"realm": "alps"}), (b"[1]", [1]), (b'{"realm"', None),
    ],
)  # fmt: skip
async def test_the_realm_of_the_address_is_named_once(sent: bytes, taken: Any) -> None:
    """In an object that names none; all else stays as it came, for ingest to refuse."""
    async with service() as (client, sink):
        path = "/v1/webhooks/touchpoint/de"
        answer = await client.post(path, content=sent, headers={"X-Api-Key": KEY})
        assert answer.status_code == 200
        [([line], _)] = sink.taken
    if taken is None:
        assert line.content == sent
    else:
        assert json.loads(line.content) == taken


async def test_the_address_that_the_sender_was_given_is_signed() -> None:
    """Behind a proxy it is that of the proxy."""
    body, path, base = b'["a"]', "/v1/webhooks/shouts", "https://c360.example.com"
    async with service(base, shouts=SECRET) as (client, _):
        for outside, status in ((base, 200), ("http://test", 401)):
            for asked in (path, path + "?of=mail%20"):
                headers = signature(body, asked, base=outside)
                answer = await client.post(asked, content=body, headers=headers)
                assert answer.status_code == status


@pytest.mark.parametrize("name", ["shouts", "whispers"])
async def test_without_a_secret_a_key_is_needed(name: str) -> None:
    """In a header, or as password or user name of the address."""
    path = f"/v1/webhooks/{name}"
    async with service() as (client, sink):
        for headers, intake in (
            ({"X-Api-Key": KEY}, Intake.SERVER),
            ({"Authorization": f"Bearer {KEY}"}, Intake.SERVER),
            (basic(f"c360:{KEY}"), Intake.SERVER), (basic(f"{KEY}:"), Intake.SERVER),
        ):  # fmt: skip  # fmt: skip
            answer = await client.post(path, content=b'["a"]', headers=headers)
            assert answer.status_code == 200, answer.text
            assert sink.taken.pop()[1] is intake
        for headers, status in (
            ({}, 401), (basic("nobody:nothing"), 401), ({"Authorization": "Basic %"}, 401),
            (basic(PUBLIC_KEY), 403),
        ):  # fmt: skip
            answer = await client.post(path, content=b'["a"]', headers=headers)
            assert answer.status_code == status, answer.text
        assert not sink.taken


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


async def test_what_cannot_be_understood_is_rejected_and_answered_well() -> None:
    """The whole body or a part of it: a sender that is refused often sends no more at all."""
    headers = {"X-Api-Key": KEY}
    async with service() as (client, sink):
        for body in (b"{", b'["a","b"]', b"[]"):
            answer = await client.post("/v1/webhooks/whispers/de", content=body, headers=headers)
            assert answer.status_code == 200
        [(none, _), ([good, bad], _)] = sink.taken
        assert none == [Line(b"", 1, Fault(RejectReason.NOT_JSON, "", "no list"), realm="de")]
        assert json.loads(good.content) == {"realm": "de", "event_id": "a"}
        assert (bad.content, bad.fault) == (b'"b"', REFUSED.fault)
        assert json.loads(bad.named) == {"realm": "de", "event_id": "b"}


async def test_what_is_refused() -> None:
    """An unknown format, more than a delivery may have, and what is packed too well."""
    headers = {"X-Api-Key": KEY}
    packed = {**headers, "Content-Encoding": "gzip"}
    async with service() as (client, sink):
        for path, content, given, status in (
            ("nothing", b"[]", headers, 404),
            ("shouts", json.dumps(["a" * 1_000]).encode(), headers, 413),
            ("shouts", gzip.compress(b"[" + b" " * 2_000 + b"]"), packed, 413),
            ("whispers", json.dumps(["a"] * 5_001).encode(), headers, 413),
        ):
            answer = await client.post(f"/v1/webhooks/{path}", content=content, headers=given)
            assert answer.status_code == status, answer.text
        assert not sink.taken
        answer = await client.post(
            "/v1/webhooks/shouts", content=gzip.compress(b'["a"]'), headers=packed
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shuots", "'shuots' signs nothing; give one of .*shouts"),
        ("whispers", "'whispers' signs nothing"),
        ("shouts@fr", "'shouts@fr' names no realm"),
    ],
)
def test_secrets_of_nobody_are_refused(name: str, message: str) -> None:
    """When the service starts."""
    with pytest.raises(ConfigurationError, match=f"{signed.SETTING}: {message}"):
        webhooks_of({name: [SecretStr(SECRET)]}, {"default": 1, "de": 1})


@pytest.mark.parametrize("secrets", [{"shouts": []}, {"shouts": ["short"]}])
def test_secrets_that_anybody_could_guess_are_refused(secrets: dict[str, list[str]]) -> None:
    """Also when they are left empty."""
    with pytest.raises(ConfigurationError, match="C360_WEBHOOK_SECRETS"):
        load_settings(webhook_secrets=secrets)

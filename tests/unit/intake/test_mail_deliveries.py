"""Webhooks of e-mail providers as they come in over HTTP: by a signature or a key, whole."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from schemas.faults import Fault
from services.docs.mail_page import PROVIDERS
from services.intake.formats import FORMATS
from tests.unit.intake.test_webhooks import KEY, SECRET, service

EXAMPLES = Path(__file__).parents[2] / "contract/formats"


@pytest.mark.parametrize("name", PROVIDERS)
async def test_what_a_provider_delivers_reaches_the_writer(name: str) -> None:
    """Every example of each, with a key: the same touchpoints as from a file."""
    async with service() as (client, sink):
        for body in (EXAMPLES / name / "payloads.jsonl").read_bytes().splitlines():
            found = FORMATS[name].touchpoints(body)
            assert not isinstance(found, Fault)
            answer = await client.post(
                f"/v1/webhooks/{name}", content=body, headers={"X-Api-Key": KEY}
            )
            assert answer.status_code == 200, answer.text
            assert len(answer.json()["results"]) == len(found)
            assert [line.content for line in sink.taken[-1][0]] == found


async def test_a_signed_delivery_needs_no_key() -> None:
    """And one that is not signed has no use of a key."""
    body = (EXAMPLES / "mailtrap/payloads.jsonl").read_bytes().splitlines()[0]
    mac = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    async with service(mailtrap=SECRET) as (client, sink):
        for headers, status in (
            ({"Mailtrap-Signature": mac}, 200), ({"Mailtrap-Signature": mac[::-1]}, 401),
            ({"X-Api-Key": KEY}, 401), ({}, 401),
        ):  # fmt: skip
            answer = await client.post("/v1/webhooks/mailtrap", content=body, headers=headers)
            assert answer.status_code == status, answer.text
        assert len(sink.taken) == 1


async def test_a_refused_event_is_answered_with_200() -> None:
    """Its provider must not try again, and the others of the delivery are taken."""
    deferred = {"event": "deferred", "email": "anna@example.com", "timestamp": 1772472600}
    opened = {**deferred, "event": "open", "sg_event_id": "e-1"}
    async with service() as (client, sink):
        answer = await client.post(
            "/v1/webhooks/sendgrid",
            content=json.dumps([deferred, opened]),
            headers={"X-Api-Key": KEY},
        )
        assert answer.status_code == 200
        [(lines, _)] = sink.taken
        assert [line.fault is None for line in lines] == [False, True]

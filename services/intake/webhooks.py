"""`POST /v1/webhooks/{format}`: bodies as shops and mail providers deliver them, unchanged.

A delivery is known by its signature if its secret is set (C360_WEBHOOK_SECRETS), otherwise by an
API key in its headers. Senders give up, and some end their webhook, if they are refused often; so
a body that cannot be understood is rejected and kept as every other event is, and answered with
200. The bodies are not part of this project's own interface: the OpenAPI document has none.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response

from schemas.api.problem import ProblemCode
from schemas.faults import Fault
from schemas.touchpoint import DEFAULT_REALM
from services.api.http.bodies import read_body, read_packed_body
from services.api.http.caller import basic_credentials, credential_of, identify
from services.api.http.parts import ApiParts, parts_of
from services.api.http.problems import Problem
from services.api.http.submission import write
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.intake.format import Delivered, Format, Refused, lines_of
from services.intake.formats import FORMATS
from services.intake.http import (
    EVENTS_PER_REQUEST_MAX,
    EventSender,
    Running,
    event_sender,
    read_at_length,
    running,
)
from services.intake.signed import Webhook
from services.runtime.clock import utc_now

router = APIRouter(include_in_schema=False)


@router.post("/v1/webhooks/{layout}")
@router.post("/v1/webhooks/{layout}/{realm}")
async def deliver(
    request: Request,
    layout: str,
    parts: Annotated[Running, Depends(running)],
    api: Annotated[ApiParts, Depends(parts_of)],
    realm: str = "",
) -> Response:
    """Accept one delivery. 200 means that each event of it is durable, or rejected and kept."""
    known = FORMATS.get(layout)
    if known is None:
        raise Problem(ProblemCode.NOT_FOUND, f"there is no format {layout!r}")
    signed = parts.webhooks.get((layout, realm or DEFAULT_REALM))
    intake, sender = Intake.PUBLIC, None
    if signed is None:
        sender = await event_sender(await identify(request, api, _credential(request)))
        if realm and sender.realm not in ("", realm):
            raise Problem(ProblemCode.NOT_ALLOWED, f"the key is none of realm {realm!r}")
        if sender.intake is Intake.PUBLIC:
            raise Problem(ProblemCode.NOT_ALLOWED, "webhooks come from servers, not from pages")
        intake = sender.intake
    with parts.in_flight.held(intake) as held:
        bytes_max = min(parts.request_bytes_max, known.payload_bytes_max)
        # What a small body becomes, nobody who is not known yet may find out.
        read = read_body if sender is None else read_packed_body
        body = await read(request, bytes_max, held.take)
        url = str(request.url.replace(fragment=""))
        if parts.public_url:
            url = parts.public_url + url.removeprefix(str(request.base_url).rstrip("/"))
        delivery = Delivered(body, dict(request.headers), url, utc_now())
        if sender is None:
            sender = await _signer(signed, delivery, parts.cutting)
        lines = await read_at_length(
            len(body), parts.cutting, _translated, known, delivery, realm or sender.realm
        )
        results = await write(parts.sink, lines, sender.intake) if lines else []
    answer = {"results": [one._asdict() for one in results]}
    return Response(orjson.dumps(answer), media_type="application/json")


def _credential(request: Request) -> str:
    """The key in the headers; also as password, or as user name without one, of an address
    `https://USER:PASSWORD@HOST`: some senders can be given a key in no other way."""
    name, password = basic_credentials(request) or ("", "")
    return credential_of(request) or password or name


async def _signer(
    webhook: Webhook | None, delivery: Delivered, reading: asyncio.Lock
) -> EventSender:
    """What a signed delivery may send. Raises Problem 401 if none of the secrets made it."""
    assert webhook is not None
    if not await read_at_length(len(delivery.body), reading, _is_signed, webhook, delivery):
        detail = "the signature is missing, too old, or not made with a secret that is set here"
        raise Problem(ProblemCode.NO_VALID_KEY, detail, WWW_Authenticate="Signature")
    return EventSender(Intake.SERVER, webhook.realm)


def _is_signed(webhook: Webhook, delivery: Delivered) -> bool:
    is_signed = webhook.format.is_signed
    return is_signed is not None and any(is_signed(delivery, one) for one in webhook.secrets)


def _translated(layout: Format, delivery: Delivered, realm: str) -> list[Line]:
    """What the delivery holds."""
    payload = layout.enveloped(delivery) if layout.enveloped else delivery.body
    found = layout.touchpoints(payload)
    if isinstance(found, Fault):
        return [Line(b"", len(delivery.body), found, realm=realm)]
    if len(found) > EVENTS_PER_REQUEST_MAX:
        detail = f"a delivery may have {EVENTS_PER_REQUEST_MAX} events"
        raise Problem(ProblemCode.TOO_LARGE, detail)
    if realm and realm != DEFAULT_REALM:
        found = [_in_realm(one, realm) for one in found]
    return list(lines_of(found, realm=realm))


def _in_realm(one: bytes | Refused, realm: str) -> bytes | Refused:
    """What most formats make names no realm, as the senders have none."""
    if isinstance(one, Refused):
        return one._replace(named=_naming(one.named, realm)) if one.named else one
    return _naming(one, realm)


def _naming(touchpoint: bytes, realm: str) -> bytes:
    """The touchpoint in that realm, if it is an object that names none."""
    try:
        fields = orjson.loads(touchpoint)
    except orjson.JSONDecodeError:
        return touchpoint
    if not isinstance(fields, dict) or "realm" in fields:
        return touchpoint
    head = b'{"realm":' + orjson.dumps(realm) + (b"," if fields else b"")
    return head + touchpoint[touchpoint.index(b"{") + 1 :]

"""A running service with data: a small sample stream, and the same again in another realm, marked.

Every free value of the other realm holds MARK, so no answer to a key of the first may contain it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from services.api.auth import GRANTABLE, Scope
from tests.contract.api.services import OTHER_REALM, REALM, SETTINGS, Service, embedded
from tests.e2e.runs import c360, wait_for
from tests.events import event, identifier

MARK = "zqxmark"
ACCOUNT, HOUSEHOLD = "K-1", "H-1"
"""Numbers of an account and a household that both realms have."""
SEGMENT = "everybody"
"""A segment of all persons that both realms have."""
HOUSEHOLDS = 2
KEPT = {"type", "channel", "system", "issuer", "occurred_at", "sent_at", "currency", "realm"}
FREE = {
    *("event_id", "sku", "title", "promotion", "campaign", "order_id", "message_id", "query"),
    *("subject", "category", "case_id", "programme", "text", "return_id", "survey", "question"),
    *("first_name", "last_name", "street", "city", "location", "store", "till"),
    *("name", "job_title", "relation"),
}
"""Fields whose values are free text or numbers that somebody assigned."""
ADDRESSES = {"email", "address"}
ALL_SCOPES = tuple(sorted(GRANTABLE - {Scope.EVENTS_WRITE_PUBLIC}))


class Populated(NamedTuple):
    """A running service with data, and what there is to ask about."""

    service: Service
    key: str
    """A key with every scope."""
    other_key: str
    """The same in the other realm."""
    email: str
    profile_id: str
    other_profile_id: str
    """A profile of the other realm."""
    incident_id: str
    reject_id: str
    event_id: str
    suggestion_id: str


def marked(value: Any, name: str = "", kind: str = "") -> Any:
    """A value of an event as the other realm has it."""
    if isinstance(value, dict):
        of = value.get("type", "") if name == "identifiers" else kind
        return {key: marked(one, key, of) for key, one in value.items()}
    if isinstance(value, list):
        return [marked(one, name, kind) for one in value]
    if not isinstance(value, str) or name in KEPT:
        return value
    if name in ADDRESSES or (name == "value" and kind == "email"):
        return f"{MARK}.{value}"
    return MARK + value if name in FREE or (name == "value" and kind != "phone") else value


def marked_stream(lines: bytes) -> bytes:
    """The events of a stream, in the other realm."""
    found = []
    for line in lines.splitlines():
        try:
            sent = json.loads(line)
        except ValueError:
            continue
        if isinstance(sent, dict):
            found.append(json.dumps({**marked(sent), "realm": OTHER_REALM}).encode())
    return b"\n".join(found)


@contextmanager
def populated(directory: Path, **settings: str) -> Iterator[Populated]:
    """`c360 up` on a data directory with both realms."""
    data_dir, stream = directory / "data", directory / "stream.jsonl"
    size = ("--households", str(HOUSEHOLDS), "--seed", "7")
    c360(None, "sample", "build", *size, "--out", str(stream), "--truth", str(directory / "truth"))
    lines = (
        stream.read_bytes() + b"\n" + b"\n".join([*wrong_price(), *memberships(), typed_address()])
    )
    c360(data_dir, "ingest", "-", stdin=lines + b"\n" + marked_stream(lines), **SETTINGS)
    with embedded(directory, **settings) as service:
        service.run("identity", "suggest")
        for realm, title in ((REALM, "All"), (OTHER_REALM, f"{MARK} all")):
            define(service, directory / f"{realm}.toml", realm, title)
        yield _described(service, lines)


def define(service: Service, file: Path, realm: str, title: str) -> None:
    """Put a segment in force to which all persons belong."""
    file.write_text(
        f'[segment.{SEGMENT}]\ntitle = "{title}"\npurpose = "service"\neverybody = true\n'
        f'[[segment.{SEGMENT}.none]]\ndid = "contest.entered"\n'
    )
    service.run("segments", "apply", str(file), "--realm", realm)


def wrong_price() -> list[bytes]:
    """Events of a price in the shop that is wrong until today."""
    today = datetime.now(UTC)
    said = [("app", "10.00", 9), ("pos", "10.00", 9), ("shop", "10.00", 9), ("shop", "12.00", 8)]
    return [
        json.dumps(
            event(
                "offer.published",
                event_id=f"offer-{number}",
                channel=channel,
                identifiers=[],
                occurred_at=(today - timedelta(days=days)).isoformat(),
                body={"sku": "sku-of-a-wrong-price", "price": price, "currency": "EUR"},
            )
        ).encode()
        for number, (channel, price, days) in enumerate(said)
    ]


def memberships() -> list[bytes]:
    """Events of an account with two contacts, who live together."""
    company = {"account_id": ACCOUNT, "name": "Morgenrot", "city": "Ulm"}
    said: list[dict[str, Any]] = [event("account.updated", identifiers=[], body=company)]
    for who in ("mia", "ben"):
        named = [identifier("email", f"{who}@morgenrot.example", verified=True)]
        contact = {"account_id": ACCOUNT, "roles": ["buyer"], "job_title": "owner"}
        member = {"household_id": HOUSEHOLD, "relation": "partner"}
        said += [
            event("account.contact_changed", identifiers=named, body=contact),
            event("household.member_changed", identifiers=named, body=member),
        ]
    return [json.dumps(one | {"event_id": f"group-{n}"}).encode() for n, one in enumerate(said)]


def typed_address() -> bytes:
    """An event in which somebody typed the address of another customer: a suggestion."""
    card = identifier("loyalty_card", "4711-typed", verified=True)
    named = [card, identifier("email", "mia@morgenrot.example")]
    return json.dumps(event("identity.linked", event_id="typed", identifiers=named)).encode()


def _described(service: Service, lines: bytes) -> Populated:
    """Ids of what is in both realms; asked of the service itself."""
    key, other_key = service.key(*ALL_SCOPES), service.key(*ALL_SCOPES, realm=OTHER_REALM)
    email, event_id = _registered(lines)
    return Populated(
        service,
        key,
        other_key,
        email,
        _profile_id(service, email, REALM),
        _profile_id(service, f"{MARK}.{email}", OTHER_REALM),
        wait_for(lambda: _first(service, "/v1/incidents?state=open", "incident_id")),
        _first(service, "/v1/rejected", "reject_id"),
        event_id,
        _first(service, "/v1/identity/suggestions", "suggestion_id"),
    )


def _registered(lines: bytes) -> tuple[str, str]:
    """The address of a customer with a number, and an event that names both."""
    for line in lines.splitlines():
        if b"identity.linked" not in line or not line.startswith(b"{"):
            continue
        linked = json.loads(line)
        known = {one["type"]: one["value"] for one in linked["identifiers"]}
        if {"email", "customer_number"} <= known.keys():
            return known["email"], linked["event_id"]
    raise AssertionError("nobody registered")


def _profile_id(service: Service, email: str, realm: str) -> str:
    asked = {"identifiers": [{"type": "email", "value": email}]}
    with service.client(*ALL_SCOPES, realm=realm) as client:
        answer = client.post("/v1/profiles/lookup", json=asked)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: str = answer.json()["profile_id"]
    return found


def _first(service: Service, path: str, name: str) -> str:
    """A field of the first entry of a list; empty if it has none."""
    with service.client(*ALL_SCOPES) as client:
        answer = client.get(path)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: str = next((one[name] for one in answer.json()["data"]), "")
    return found

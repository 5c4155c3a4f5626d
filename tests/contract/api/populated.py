"""A running service with data: a small sample stream, and the same again in another realm, marked.

Every free value of the other realm holds MARK, so no answer to a key of the first may contain it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from services.api.auth import GRANTABLE, Scope
from services.runtime.settings import load_settings
from tests.contract.api.services import OTHER_REALM, REALMS, SETTINGS, Service
from tests.e2e.runs import SECRET, c360
from tests.e2e.up import running

MARK = "zqxmark"
HOUSEHOLDS = 2
KEPT = {"type", "channel", "system", "issuer", "occurred_at", "sent_at", "currency", "realm"}
FREE = {
    *("event_id", "sku", "title", "promotion", "campaign", "order_id", "message_id", "query"),
    *("subject", "category", "case_id", "programme", "text", "return_id", "survey", "question"),
    *("first_name", "last_name", "street", "city", "location", "store", "till"),
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
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(json.dumps({**marked(event), "realm": OTHER_REALM}).encode())
    return b"\n".join(found)


@contextmanager
def populated(directory: Path, **settings: str) -> Iterator[Populated]:
    """`c360 up` on a data directory with both realms."""
    data_dir, stream = directory / "data", directory / "stream.jsonl"
    size = ("--households", str(HOUSEHOLDS), "--seed", "7")
    c360(None, "sample", "build", *size, "--out", str(stream), "--truth", str(directory / "truth"))
    given = {**SETTINGS, **settings}
    c360(data_dir, "ingest", str(stream), **given)
    c360(data_dir, "ingest", "-", stdin=marked_stream(stream.read_bytes()), **given)

    def run(*arguments: str) -> str:
        return c360(data_dir, *arguments, **given).stdout

    with running(data_dir, **given) as up:
        operator = load_settings(data_dir, identity_secret=SECRET, realms=REALMS)
        service = Service("embedded", str(up.client.base_url), operator, run)
        yield _described(service)
        assert up.stop() == 0, up.errors


def _described(service: Service) -> Populated:
    email, profile_id = _customer(service, "")
    [incident, *_] = json.loads(service.run("incidents", "list", "--json"))
    [reject, *_] = json.loads(service.run("rejected", "list", "--limit", "1", "--json"))
    [event, *_] = json.loads(service.run("events", "list", "--type", "order.placed", "--json"))
    return Populated(
        service,
        service.key(*ALL_SCOPES),
        service.key(*ALL_SCOPES, realm=OTHER_REALM),
        email,
        profile_id,
        _customer(service, OTHER_REALM)[1],
        incident["incident_id"],
        reject["reject_id"],
        event["event_id"],
    )


def _customer(service: Service, realm: str) -> tuple[str, str]:
    """The e-mail address and profile of somebody with a customer number."""
    chosen = ("--realm", realm) if realm else ()
    text = service.run("identity", "export", "--format", "csv", *chosen)
    rows = list(csv.DictReader(io.StringIO(text)))
    known = {row["profile_id"] for row in rows if row["type"] == "customer_number"}
    found = [row for row in rows if row["type"] == "email" and row["profile_id"] in known]
    return found[0]["value"], found[0]["profile_id"]

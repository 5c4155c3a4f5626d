"""Requests with hostile values in the place of every identifier, cursor, parameter and field.

What is asked comes from the OpenAPI document, so a new operation is asked by itself; only the
bodies that requests begin with stand here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from schemas.api.problem import ProblemCode
from services.docs.openapi import openapi_document
from tests.contract.api.populated import MARK, SEGMENT, Populated

DOCUMENT = openapi_document()
STREAMED = frozenset({"streamIncidents", "streamProfiles", "streamSegments"})
"""Answers without an end: they are asked with ids of events only, and not read."""
KEPT = frozenset({"postTouchpoints", "actOnIncident", "decideIdentity", "answerSuggestion"})
"""Operations that keep what they are sent."""
TEXTS = (
    *("", " ", "0", "-1", "1e309", "9" * 400, "null", "true", "[]", "{}", "{x:UInt8}", "%s", "%"),
    *("' OR 1=1 --", "'; DROP TABLE facts; --", "\\", "\\'", "`", '"', "--", "/*", "${jndi:x}"),
    *(
        "..",
        "../..",
        "..%2f",
        "a/b",
        "/",
        "//",
        "?x=1",
        "#",
        "&",
        ";",
        "\0",
        "\n",
        "\r\nX: y",
        "\t",
    ),
    *("ü", "ß", "\u202e\u2066", "\ufeff", "\ud7ff", "😀" * 50, "\u0301" * 200, "İ", "\x7f", "\x85"),
    *("anna@example.com", "email=anna@example.com", "+491701234567", "2026-02-30T00:00:00Z"),
    *("2026-01-01T00:00:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "infinity"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    *("urn:uuid:00000000-0000-0000-0000-000000000001", "{00000000-0000-0000-0000-000000000001}"),
    *("x" * 1_000, "x" * 7_000, "ff" * 16, "AAAAAAAAAAAAAAAA", "eyJhbGciOiJub25lIn0.e30."),
)
"""What nobody means, in every form that we could think of."""


class Hostile(NamedTuple):
    """A request, and what is hostile in it."""

    operation: str
    method: str
    url: str
    headers: dict[str, bytes]
    body: Any
    what: str
    """The parameter or field, and the beginning of its value, for a failure."""


def values_of(made: Populated) -> tuple[str, ...]:
    """Texts, and ids of things that are of another realm or another kind."""
    ids = (made.other_profile_id, made.profile_id, made.incident_id, made.reject_id, made.event_id)
    cut = [one[:8] for one in ids]
    return (*TEXTS, *ids, *(one.upper() for one in ids), *cut, f"{MARK}{made.event_id}", made.email)


def bodies_of(made: Populated) -> dict[str, Any]:
    """A body of each operation that takes one, all of whose values are good."""
    email = {"type": "email", "value": made.email, "issuer": ""}
    return {
        "postTouchpoints": {
            "batch": [{"event_id": "x", "realm": "default", "type": "page.viewed"}]
        },
        "lookupProfile": {"identifiers": [email]},
        "getProfiles": {"ids": [made.profile_id]},
        "searchProfiles": {"text": "berg", "attributes": {"city": "Berlin"}, "cursor": ""},
        "checkContactPermission": {
            "channel": "email",
            "purpose": "marketing",
            "addresses": [email],
        },
        "explainIdentity": {"a": made.email, "b": made.email},
        "decideIdentity": {
            "a": made.email,
            "b": made.profile_id,
            "verdict": "same",
            "reason": "seen",
            "dry_run": True,
            "unseen": False,
        },
        "answerSuggestion": {"accept": True, "reason": "seen", "dry_run": True},
        "actOnIncident": {"action": "ack", "reason": "seen", "until": None},
    }


def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation of the document."""
    return {
        one["operationId"]: (method.upper(), path, one)
        for path, found in DOCUMENT["paths"].items()
        for method, one in found.items()
    }


def hostile_requests(made: Populated) -> Iterator[Hostile]:
    """Every parameter and every field with every value, one at a time."""
    known = {
        "profile_id": made.profile_id,
        "incident_id": made.incident_id,
        "reject_id": made.reject_id,
        "suggestion_id": made.suggestion_id,
        "code": "not-found",
        "measure": "repeat_purchase_rate",
        "segment": SEGMENT,
    }
    bodies = bodies_of(made)
    for name, (method, path, described) in operations().items():
        body = bodies.get(name)
        assert body is not None or "requestBody" not in described, f"{name} needs a body here"
        for place, parameter in _places(described, body):
            for value in values_of(made):
                if MARK in value and (place == "header" or name in KEPT):
                    continue  # it would be ours, and come back
                request = _request(method, path, known, body, (place, parameter), value)
                if request is not None:
                    what = f"{place} {parameter}: {value[:60]!r}"
                    yield Hostile(name, method, *request, what)


def _places(described: dict[str, Any], body: Any) -> Iterator[tuple[str, Any]]:
    """Where a value may be put: parameters, and the leaves of the body."""
    is_stream = described["operationId"] in STREAMED
    for one in described.get("parameters", []):
        if not is_stream or one["name"] == "Last-Event-ID":
            yield one["in"], one["name"]
    for leaf in _leaves(body):
        yield "body", leaf


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _leaves(one, (*path, index))
    elif path:
        yield path


def _request(
    method: str, path: str, known: dict[str, str], body: Any, where: tuple[str, Any], value: str
) -> tuple[str, dict[str, bytes], Any] | None:
    """Address, headers and body; None for a value that cannot be put there."""
    place, parameter = where
    headers: dict[str, bytes] = {"Idempotency-Key": value.encode()[:20].hex().encode() or b"0"}
    if place == "header":
        if value.strip(" \t") != value or any(ord(one) < 32 or one == "\x7f" for one in value):
            return None  # no header may have it
        headers[parameter] = value.encode()
    if place == "path" and value in ("", ".", ".."):
        return None  # another path
    filled = {**known, **({parameter: value} if place == "path" else {})}
    for name, one in filled.items():
        path = path.replace("{" + name + "}", quote(one.encode(), safe=""))
    url = f"{path}?{parameter}={quote(value.encode(), safe='')}" if place == "query" else path
    if place == "body":
        body = copy.deepcopy(body)
        inner = body
        for step in parameter[:-1]:
            inner = inner[step]
        inner[parameter[-1]] = value
    return url, headers, body


def sampled(made: Populated, share: float, seed: int) -> Iterator[Hostile]:
    """A share of them; the same ones for a seed."""
    rng = Random(seed)
    return (one for one in hostile_requests(made) if rng.random() < share)


def fault_of(client: httpx.Client, one: Hostile) -> str:
    """What is wrong with the answer; empty if nothing is."""
    headers = {name.encode(): value for name, value in one.headers.items()}
    request = client.build_request(one.method, one.url, headers=headers, json=one.body)
    answer = client.send(request, stream=one.operation in STREAMED)
    try:
        text = "" if one.operation in STREAMED and answer.is_success else answer.read().decode()
    finally:
        answer.close()
    known = operations()[one.operation][2]["responses"]
    if answer.status_code >= 500 and ProblemCode.NOT_VISIBLE_YET not in text:
        return f"{answer.status_code}: {text[:300]}"
    if str(answer.status_code) not in known and not _is_elsewhere(answer, one):
        return f"status {answer.status_code} is not documented: {text[:300]}"
    if MARK in text.replace(one.what, "") and MARK not in str((one.url, one.body)):
        return f"a value of another realm: {text[text.index(MARK) - 100 :][:300]}"
    return ""


def _is_elsewhere(answer: httpx.Response, one: Hostile) -> bool:
    """Whether a slash in an id made another path of it, whose answers are not of this operation."""
    return one.what.startswith("path") and answer.status_code in (404, 405)

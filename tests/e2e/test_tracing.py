"""`c360 up` with tracing on: a trace from request to rows, nothing personal in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.e2e.runs import API_KEY, c360, wait_for
from tests.e2e.up import PUBLIC_KEY, Running, running
from tests.events import event, identifier
from tests.otlp import CLIENT, INTERNAL, SERVER, Collector, SeenSpan
from tests.sse import Follower

PARENT = "b7ad6b7169203331"
STAGES = ["decode", "store", "identity", "consistency"]
NOTED = "acknowledge"
"""Of a batch with which those before it are noted as processed."""
SCOPES = ("profiles:read", "profiles:pii", "incidents:read")
MAIL, NAME, EVENT_ID = "anna.traced@mail.example", "Anneliese", "event-of-the-trace"


class Traced(NamedTuple):
    """A service and where its spans go."""

    up: Running
    collector: Collector
    key: str
    """Of a reader."""

    def send(self, trace_id: str, *events: Any, key: str = API_KEY) -> None:
        """Send events from a span of that trace."""
        answer = self.up.client.post(
            "/v1/touchpoints", json={"batch": events}, headers=self._headers(trace_id, key)
        )
        assert answer.status_code == 200, answer.text

    def ask(self, method: str, path: str, trace_id: str, **arguments: Any) -> Any:
        """Ask from a span of that trace; the document."""
        headers = self._headers(trace_id, self.key)
        return self.up.client.request(method, path, headers=headers, **arguments).json()

    @staticmethod
    def _headers(trace_id: str, key: str) -> dict[str, str]:
        carrier = f"00-{trace_id}-{PARENT}-01"
        return {"Authorization": f"Bearer {key}", "traceparent": carrier}

    def spans(self, trace_id: str, name: str) -> list[SeenSpan]:
        """All spans of a trace, once one of that name, which ends last, has come."""
        wait_for(lambda: self.collector.spans(name, trace_id))
        return self.collector.spans(trace_id=trace_id)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    """A service of its own process, and a collector."""
    data_dir = tmp_path_factory.mktemp("traced") / "data"
    scopes = [word for scope in SCOPES for word in ("--scope", scope)]
    collector = Collector()
    settings = {**collector.settings, "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with collector, running(data_dir, **settings) as up:
        made = c360(data_dir, "keys", "create", "--name", "desk", *scopes, "--json").stdout
        yield Traced(up, collector, json.loads(made)["key"])


def one_of(spans: list[SeenSpan], name: str) -> SeenSpan:
    """The only span of a name."""
    [found] = [one for one in spans if one.name == name]
    return found


def test_an_event_is_followed_to_its_rows(traced: Traced) -> None:
    """Request, batch, stages and inserts hang together, below the sender's own span."""
    trace = "1" * 32
    mail = identifier("email", MAIL, verified=True)
    body = {"attributes": {"first_name": NAME}}
    traced.send(trace, event("profile.updated", event_id=EVENT_ID, identifiers=[mail], body=body))
    spans = traced.spans(trace, "POST /v1/touchpoints")
    spans = wait_for(lambda: _with(traced.collector.spans(trace_id=trace), "batch"))
    request, batch = one_of(spans, "POST /v1/touchpoints"), one_of(spans, "batch")
    assert (request.parent_id, request.kind, request.service) == (PARENT, SERVER, "c360-up")
    assert request.attributes["http.response.status_code"] == 200
    assert batch.parent_id == request.span_id
    assert batch.links == [(trace, request.span_id)]
    parts = [one for one in spans if one.parent_id == batch.span_id]
    stages = {one.name: one for one in parts if one.kind == INTERNAL}
    assert set(stages) - {NOTED} == set(STAGES)
    insert = one_of(spans, "INSERT touchpoints")
    assert insert.parent_id == stages["store"].span_id
    assert insert.kind == CLIENT
    assert insert.attributes == {
        "db.system.name": "clickhouse",
        "db.namespace": "c360",
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT touchpoints",
    }


def _with(spans: list[SeenSpan], name: str) -> list[SeenSpan]:
    """The spans, if one of them has the name."""
    return spans if any(one.name == name for one in spans) else []


def test_a_batch_of_public_keys_is_linked_too(traced: Traced) -> None:
    """Their requests take turns; each turn knows of which."""
    trace = "2" * 32
    traced.send(trace, event(), key=PUBLIC_KEY)
    traced.spans(trace, "POST /v1/touchpoints")
    spans = wait_for(lambda: _with(traced.collector.spans(trace_id=trace), "batch"))
    request = one_of(spans, "POST /v1/touchpoints")
    assert one_of(spans, "batch").links == [(trace, request.span_id)]


def test_a_read_shows_its_statements(traced: Traced) -> None:
    """By route and by name, below the request."""
    trace = "3" * 32
    wanted = {"identifiers": [{"type": "email", "value": MAIL}]}
    found = traced.ask("POST", "/v1/profiles/lookup", trace, json=wanted)
    spans = traced.spans(trace, "POST /v1/profiles/lookup")
    request = one_of(spans, "POST /v1/profiles/lookup")
    statements = [one for one in spans if one.kind == CLIENT]
    assert statements
    assert {one.parent_id for one in statements} == {request.span_id}
    assert {one.name.split()[0] for one in statements} == {"SELECT"}
    assert {one.name for one in statements if "." not in one.name} == set()
    read = traced.ask("GET", f"/v1/profiles/{found['profile_id']}", trace)
    assert read["profile_id"] == found["profile_id"]
    traced.spans(trace, "GET /v1/profiles/{profile_id}")


def test_a_problem_names_its_trace(traced: Traced) -> None:
    """So that one who asks can say which."""
    trace = "4" * 32
    unknown = "00000000-0000-4000-8000-000000000000"
    assert traced.ask("GET", f"/v1/profiles/{unknown}", trace)["trace_id"] == trace
    spans = traced.spans(trace, "GET /v1/profiles/{profile_id}")
    request = one_of(spans, "GET /v1/profiles/{profile_id}")
    assert request.attributes["http.response.status_code"] == 404
    assert not request.is_error


def test_a_stream_is_told_when_it_begins(traced: Traced) -> None:
    """It has no end of its own that anybody would wait for."""
    with Follower(str(traced.up.client.base_url), "/v1/incidents/stream", traced.key):
        [request] = wait_for(lambda: traced.collector.spans("GET /v1/incidents/stream"))
    assert request.attributes["http.response.status_code"] == 200


def test_nothing_personal_leaves(traced: Traced) -> None:
    """No identifier, attribute, event, profile, path, query or key is in what was sent, neither
    plainly nor in a name; and nobody's look at the health pages is."""
    trace = "5" * 32
    wanted = {"identifiers": [{"type": "email", "value": MAIL}]}
    profile = traced.ask("POST", "/v1/profiles/lookup", trace, json=wanted)["profile_id"]
    path = f"/v1/profiles/{profile}/timeline"
    traced.ask("GET", path, trace, params={"consistent_after": EVENT_ID})
    traced.spans(trace, "GET /v1/profiles/{profile_id}/timeline")
    traced.ask("GET", f"/v1/{MAIL}", trace)
    traced.spans(trace, "GET")
    everything = b"\n".join(traced.collector.bodies)
    assert b"/v1/profiles/{profile_id}/timeline" in everything
    for text in (MAIL, NAME, EVENT_ID, profile, path, API_KEY, traced.key):
        assert text.encode() not in everything, text
    assert b"consistent_after" not in everything
    assert b"/readyz" not in everything
    assert b"SELECT node" not in everything
    assert b"WHERE" not in everything


def test_a_collector_that_goes_away_changes_nothing(traced: Traced) -> None:
    """Events are accepted and durable, the end is in order, and one line says what is missing."""
    traced.collector.stop()
    for number in range(1, 5):
        traced.send(f"{number:032x}", event(), event())
    assert traced.up.stop() == 0
    assert traced.up.errors.count("spans_are_lost") == 1
    assert "Traceback" not in traced.up.errors

"""The payloads of e-mail providers: each is mapped, or refused for a reason that a page lists.

They are read from beside the checkout, and are no part of it; without them these tests say so and
skip. They are documented ones and such as a provider sent, made anonymous.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.faults import Fault
from schemas.touchpoint import TouchpointAdapter
from services.docs.mail_page import PROVIDERS
from services.intake.format import Refused
from services.intake.formats import FORMATS
from services.intake.mail.provider import MailMapping
from tests.payload_sets import needs, payload_set

FOLDER, NEEDED = payload_set("email_webhooks"), needs("email_webhooks")
NO_PAYLOAD = "unisender-go-tracking-test-payload.json.raw"
"""Stands for a payload that is not in the folder."""


def payloads(name: str) -> Iterator[tuple[str, Any]]:
    """Those of a provider, each with the name of its case."""
    for row in json.loads((FOLDER / f"{name}.json").read_text("utf-8")):
        if row["payload"] != NO_PAYLOAD:
            yield row["case"], row["payload"]


def results(name: str) -> Iterator[tuple[str, bytes | Refused]]:
    """What becomes of every event."""
    for case, payload in payloads(name):
        found = FORMATS[name].touchpoints(json.dumps(payload).encode())
        assert not isinstance(found, Fault), case
        assert found, case
        for one in found:
            yield case, one


@NEEDED
@pytest.mark.parametrize("name", PROVIDERS)
def test_every_event_is_mapped_or_refused_for_a_listed_reason(name: str) -> None:
    """And where it is mapped, to a type that the declaration of its provider names."""
    provider = PROVIDERS[name]
    types = {one.type for one in provider.events.values() if isinstance(one, MailMapping)}
    listed = {(one.path, one.reason) for one in provider.refusals}
    for case, one in results(name):
        if isinstance(one, Refused):
            assert (one.fault.path, one.fault.reason) in listed, case
        else:
            assert TouchpointAdapter.validate_json(one).type in types, case


@NEEDED
@pytest.mark.parametrize("name", PROVIDERS)
def test_kinds_of_events_never_share_an_id(name: str) -> None:
    """Also where an example repeats the provider's id of another one; nor do providers."""
    seen: dict[str, str] = {}
    for case, one in results(name):
        if isinstance(one, bytes):
            event = json.loads(one)
            assert seen.setdefault(event["event_id"], event["type"]) == event["type"], case
            assert event["event_id"].startswith(f"{name}-")

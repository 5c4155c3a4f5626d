"""Events under names of the retailer's own: read fast, bounded, and told by their name alone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.events.custom import PROPERTIES_MAX
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.core.structs import read_event
from services.profiles.core.summary import summarise
from tests.events import RECEIVED_AT, core, event, line

TRIAL: dict[str, Any] = {
    "name": "Trial Started",
    "properties": [{"name": "plan", "value": "anna@example.com"}],
}


def outcome(body: dict[str, Any], intake: Intake = Intake.SERVER) -> Accepted | Reject:
    """What becomes of one."""
    return core().process(line(event("custom.tracked", body=body)), RECEIVED_AT, intake)


def test_its_summary_is_its_name() -> None:
    """Properties may say anything of anybody, so the timeline shows none."""
    assert summarise(line(event("custom.tracked", body=TRIAL)), "EUR") == "tracked Trial Started"


def test_a_system_is_no_sign_of_life() -> None:
    """Only what the sender calls the customer's own act is one."""
    system, customer = outcome(TRIAL), outcome({**TRIAL, "by_customer": True})
    assert isinstance(system, Accepted)
    assert isinstance(customer, Accepted)
    assert (system.row["active"], customer.row["active"]) == (False, True)


def test_it_is_read_with_structs() -> None:
    """Properties are a list and no map, or pydantic would have to read every such event."""
    said = line(event("custom.tracked", body=TRIAL))
    assert read_event(orjson.loads(said), said) is not None


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "body.name"),
        ({"name": " "}, "body.name"),
        ({"name": "n" * 301}, "body.name"),
        ({"name": "n", "properties": [{"value": "1"}]}, "body.properties.0.name"),
        ({"name": "n", "properties": [{"name": "p"}] * (PROPERTIES_MAX + 1)}, "body.properties"),
        ({"name": "n", "properties": {"p": "1"}}, "body.properties"),
    ],
)
def test_what_it_may_not_be(body: dict[str, Any], path: str) -> None:
    """The field at fault is named."""
    found = outcome(body)
    assert isinstance(found, Reject)
    assert found.path == path

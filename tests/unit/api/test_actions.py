"""Requests to acknowledge or mute are checked before they become records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import ActionKind
from schemas.records import OfferRecordAdapter
from services.api.actions import action_record, kafka_sink, only_one
from services.runtime.errors import C360Error, ConfigurationError, InvalidInput, InvalidState
from services.runtime.settings import load_settings
from services.stream.claim_records import action_outgoing, partition_of_book
from tests.unit.consistency.market import BOOK, claim, only

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
FIELDS: dict[str, Any] = {"action": "mute", "by": "kim", "reason": "known", "until": None}


def incident(**changes: Any) -> AnyIncident:
    """A wrong shop price, open unless said otherwise."""
    claims = [claim(channel, "10", 0) for channel in ("shop", "app", "pos")]
    return only([*claims, claim("shop", "12", 10)], 30).model_copy(update=changes)


def test_a_record_for_the_partition_of_its_subject() -> None:
    """It goes where the claims of the incident go, and reads back as what was asked for."""
    record = action_record(incident(), NOW, **FIELDS | {"until": "2026-03-05T00:00:00+01:00"})
    sent = action_outgoing(record, 5)
    assert (sent.topic, sent.partition) == ("c360.offers", partition_of_book(BOOK, 5))
    read = OfferRecordAdapter.validate_json(sent.value or b"")
    assert read == record
    assert record.book == BOOK
    assert record.entry.action is ActionKind.MUTE
    assert record.entry.incident_id == incident().incident_id
    assert record.entry.until == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert record.entry.acted_at == NOW


@pytest.mark.parametrize(
    ("changes", "fields", "error", "said"),
    [
        ({"state": IncidentState.RESOLVED, "resolved_at": NOW}, {}, InvalidState,
         "is resolved since 2026-03-04T10:00:00"),
        ({"state": IncidentState.RETRACTED}, {}, InvalidState, "is retracted: nothing is left"),
        ({}, {"by": ""}, InvalidInput, "by: "),
        ({}, {"reason": " "}, InvalidInput, "reason: "),
        ({}, {"reason": "x" * 301}, InvalidInput, "reason: "),
        ({}, {"until": "tomorrow"}, InvalidInput, "until: "),
        ({}, {"action": "ack", "until": NOW}, InvalidInput, "only a mute has an end"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(
    changes: dict[str, Any], fields: dict[str, Any], error: type[C360Error], said: str
) -> None:
    """An incident that is over, or a missing field, is told by name."""
    with pytest.raises(error, match=said):
        action_record(incident(**changes), NOW, **FIELDS | fields)


@pytest.mark.parametrize("state", ["upcoming", "pending", "open", "acknowledged", "muted"])
def test_whatever_is_not_over_can_be_acted_on(state: str) -> None:
    """Also before it opens: the action then counts from its opening."""
    assert action_record(incident(state=IncidentState(state)), NOW, **FIELDS)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "there is no incident '12' in realm"), (2, "several incidents begin")]
)
def test_exactly_one_is_meant(count: int, said: str) -> None:
    """An unknown id and an ambiguous beginning of one are told apart."""
    with pytest.raises(C360Error, match=said):
        only_one([incident()] * count, "12", "default")


def test_without_kafka_a_server_takes_no_action() -> None:
    """The message names the setting that is missing."""
    settings = load_settings().model_copy(update={"kafka_bootstrap_servers": ""})
    with pytest.raises(ConfigurationError, match="C360_KAFKA_BOOTSTRAP_SERVERS is not set"):
        kafka_sink(settings)([action_record(incident(), NOW, **FIELDS)])

"""Acknowledging and muting incidents: checks a request and passes its record on.

The record goes to the one writer of a data directory, or to `c360.offers`, where the consistency
worker applies it in order with claims and ticks. Nothing here writes a table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import IncidentAction
from schemas.instants import written
from schemas.records import ActionRecord
from services.consistency.kinds import KINDS
from services.runtime.errors import ConfigurationError, InvalidInput, InvalidState, NotFound
from services.runtime.settings import Settings

ActionSink = Callable[[Sequence[ActionRecord]], None]
"""Makes actions durable before it returns. Raises as the store or the producer does."""
OVER = frozenset({IncidentState.RESOLVED, IncidentState.RETRACTED})


def only_one(found: Sequence[AnyIncident], prefix: str, realm: str) -> AnyIncident:
    """The incident with an id or prefix. Raises NotFound for none or several."""
    if len(found) != 1:
        problem = "several incidents begin with" if found else "there is no incident"
        raise NotFound(f"{problem} {prefix!r} in realm {realm!r}")
    return found[0]


def action_record(incident: AnyIncident, now: datetime, **fields: Any) -> ActionRecord:
    """The record of an action on an incident; `fields` are those of `IncidentAction`.

    Raises:
        InvalidState: the incident is over.
        InvalidInput: a field is missing or too long.
    """
    if incident.state in OVER:
        since = f" since {written(incident.resolved_at)}" if incident.resolved_at else ""
        raise InvalidState(
            f"incident {incident.incident_id} is {incident.state}{since}: nothing is left to "
            "acknowledge or mute"
        )
    plain = {"incident_id": incident.incident_id, "acted_at": now.astimezone(UTC), **fields}
    try:
        entry = IncidentAction.model_validate(plain)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(map(str, fault["loc"])) or "action"
        raise InvalidInput(f"{path}: {fault['msg']}") from error
    return ActionRecord.of(KINDS.book_of(incident), entry)


def kafka_sink(settings: Settings) -> ActionSink:
    """Sends actions to the partition of `c360.offers` that holds the incident's subject."""

    def send(records: Sequence[ActionRecord]) -> None:
        if not settings.kafka_bootstrap_servers:
            raise ConfigurationError(
                "C360_KAFKA_BOOTSTRAP_SERVERS is not set. On a ClickHouse server an action is a "
                "record for the consistency worker; set it as for the workers."
            )
        asyncio.run(_send(settings, records))

    return send


async def _send(settings: Settings, records: Sequence[ActionRecord]) -> None:
    from services.stream.claim_records import action_outgoing
    from services.stream.producer import send_once  # aiokafka takes a while to load

    await send_once(settings, [action_outgoing(one) for one in records])

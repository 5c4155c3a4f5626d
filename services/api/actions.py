"""What people do: acknowledge and mute incidents, decide about identifiers; passes records on.

A record goes to the one writer of a data directory, or to the topic whose worker applies it in its
order: `c360.offers` with claims and ticks, `c360.edges` with edges. Nothing here writes a table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import IncidentAction
from schemas.instants import written
from schemas.records import ActionRecord, ErasureRecord, PersonRecord
from services.consistency.kinds import KINDS
from services.runtime.errors import ConfigurationError, InvalidInput, InvalidState, NotFound
from services.runtime.settings import Settings
from services.store.suppressions import SuppressionStep
from services.stream.ports import Outgoing

ActionSink = Callable[[Sequence[PersonRecord]], None]
"""Makes what people do durable before it returns. Raises as the store or the producer does."""
ErasureSink = Callable[[ErasureRecord], None]
"""Makes an erasure happen, or certain to. Raises as the store or the producer does."""
ExpirySink = Callable[[Mapping[str, datetime], float], None]
"""Removes events, by type, from before a time; where others do it, waits for them so many seconds.
Raises as the store or the producer does, and Retry if that was not enough."""
SuppressionSink = Callable[[Sequence[SuppressionStep]], None]
"""Notes suppressions, and has ingest go by them. Raises as the store does."""
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


def no_erasure(_record: ErasureRecord) -> None:
    """The sink of a process that only reads. Raises ConfigurationError always."""
    raise ConfigurationError("this process erases nobody: ask the one that keeps the map")


def no_expiry(_before: Mapping[str, datetime], _within_s: float) -> None:
    """The sink of a process that only reads. Raises ConfigurationError always."""
    raise ConfigurationError(
        "this process removes no events (C360_RETENTION_EVENTS_DAYS): ask the one that keeps the "
        "map. Everything else is removed."
    )


def kafka_sink(settings: Settings) -> ActionSink:
    """Sends each record to the partition whose worker applies it."""

    def send(records: Sequence[PersonRecord]) -> None:
        if not settings.kafka_bootstrap_servers:
            raise ConfigurationError(
                "C360_KAFKA_BOOTSTRAP_SERVERS is not set. On a ClickHouse server an action or a "
                "decision is a record for a worker; set it as for the workers."
            )
        asyncio.run(_send(settings, records))

    return send


def kafka_erasures(settings: Settings) -> ErasureSink:
    """Sends the record of an erasure to the partition whose worker keeps the realm's map."""

    def send(record: ErasureRecord) -> None:
        if not settings.kafka_bootstrap_servers:
            raise ConfigurationError(
                "C360_KAFKA_BOOTSTRAP_SERVERS is not set. On a ClickHouse server an erasure is a "
                "record for a worker; set it as for the workers."
            )
        from services.stream.person_records import identity_outgoing

        send_outgoing(settings, [identity_outgoing(record)])

    return send


def send_outgoing(settings: Settings, records: Sequence[Outgoing]) -> None:
    """Send records and wait until the brokers have them. Raises as the producer does."""
    asyncio.run(_send_all(settings, records))


async def _send(settings: Settings, records: Sequence[PersonRecord]) -> None:
    from services.stream.person_records import person_outgoing

    await _send_all(settings, [person_outgoing(one) for one in records])


async def _send_all(settings: Settings, records: Sequence[Outgoing]) -> None:
    from services.stream.producer import send_once  # aiokafka takes a while to load

    await send_once(settings, records)

"""Has events expire on a server: orders it in the log, and waits until the workers have done it.

The writer of each realm removes them (services/retention/on_server.py). Nothing here writes a
table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from time import monotonic

from schemas.instants import to_ms
from schemas.records import CutoffRecord, RetentionRecord
from services.api.actions import ExpirySink, send_outgoing
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.event_cutoffs import Cutoff, EventCutoffs, RemovalStage
from services.store.waiting import wait_until

Wanted = Mapping[tuple[str, str], int]
"""By realm and type since when events are to be kept, in Unix milliseconds."""
NOT_YET = "not all events that have expired are removed; run the same command again"
STANDS = {
    RemovalStage.WAITING: "it waits until the ingest workers have read what was sent before it",
    RemovalStage.NOTED: "nothing older can come in any more, and the identity worker of the realm "
    "has not begun to remove it",
}
"""How far a removal is that is not complete."""
NOT_TAKEN = "it is sent, and no identity worker has taken it yet"
BEING_REMOVED = "the identity worker of the realm is removing it"


def kafka_expiry(settings: Settings, database: Database) -> ExpirySink:
    """Sends a record to the partition of each realm's writer, and waits until all is removed."""

    def expire(before: Mapping[str, datetime], within_s: float) -> None:
        if not settings.kafka_bootstrap_servers:
            raise ConfigurationError(
                "C360_KAFKA_BOOTSTRAP_SERVERS is not set. On a ClickHouse server the end of events "
                "(C360_RETENTION_EVENTS_DAYS) is a record for a worker; set it as for the workers."
            )
        ends_at_s = monotonic() + within_s
        cutoffs = EventCutoffs(database)
        # Nothing happened before 1970: a limit that reaches there has nothing to remove.
        wanted = {
            (realm, name): to_ms(at)
            for realm in sorted(cutoffs.realms().union(settings.realms))
            for name, at in before.items()
            if to_ms(at) > 0
        }
        # What is under way comes to its end first: a later cut-off would only begin anew.
        under_way = {(one.realm, one.type): one.before_ms for one in cutoffs.standing()}
        _wait(cutoffs, {key: under_way[key] for key in wanted.keys() & under_way}, within_s)
        _order(settings, wanted, under_way)
        _wait(cutoffs, wanted, ends_at_s - monotonic())

    return expire


def _order(settings: Settings, wanted: Wanted, standing: Wanted) -> None:
    """Send those that are later than what stands."""
    from services.stream.person_records import identity_outgoing  # aiokafka takes a while to load

    by_realm: dict[str, list[CutoffRecord]] = {}
    for (realm, name), before_ms in wanted.items():
        if before_ms > standing.get((realm, name), -1):
            said = CutoffRecord(type=name, before_ms=before_ms)
            by_realm.setdefault(realm, []).append(said)
    records = [RetentionRecord(realm=realm, cutoffs=said) for realm, said in by_realm.items()]
    if records:
        send_outgoing(settings, [identity_outgoing(one) for one in records])


def _wait(cutoffs: EventCutoffs, wanted: Wanted, within_s: float) -> None:
    """Wait until all is removed. Raises Retry, with what is waited for, if it is not in time."""

    def is_done() -> bool:
        return not _missing(cutoffs.standing(), wanted)

    try:
        wait_until(is_done, max(0.0, within_s), NOT_YET)
    except Retry as error:
        if str(error) != NOT_YET:
            raise
        missing = _missing(cutoffs.standing(), wanted)
        if not missing:
            return
        (realm, name), stage = next(iter(missing.items()))
        stands = NOT_TAKEN if stage is None else STANDS.get(stage, BEING_REMOVED)
        raise Retry(f"{NOT_YET}: {name} of realm {realm!r}: {stands}") from error


def _missing(standing: list[Cutoff], wanted: Wanted) -> dict[tuple[str, str], RemovalStage | None]:
    """What is not removed yet, and how far it is; None if nobody has noted it."""
    noted = {(one.realm, one.type): one for one in standing}
    found: dict[tuple[str, str], RemovalStage | None] = {}
    for key, before_ms in wanted.items():
        one = noted.get(key)
        if one is None or one.before_ms < before_ms:
            found[key] = None
        elif one.is_open:
            found[key] = one.stage
    return found

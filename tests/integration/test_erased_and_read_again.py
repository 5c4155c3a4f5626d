"""All topics are read again after an erasure: what a receipt says stays true, and whoever came back
since is judged as everybody is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from schemas.claim import Book
from schemas.incident_action import ActionKind, IncidentAction
from schemas.instants import from_ms, to_ms
from schemas.records import ActionRecord, ErasureRecord
from schemas.subject import Subject, SubjectType
from services.erasure.adapters.runs import ErasureRuns
from services.stream.claim_records import OFFER_PARTITIONS, OFFERS_TOPIC, action_outgoing
from services.stream.person_records import identity_outgoing
from services.stream.ports import Partition
from tests.events import RECEIVED_AT, event, identifier, line
from tests.integration.test_erasure import REALM
from tests.integration.test_erasure_on_server import (
    Workers,
    assert_replay_changes_nothing,
)
from tests.integration.test_erasure_on_server import workers as workers
from tests.planted_person import EMAIL

HOUR_MS = 3_600_000
DAY_MIN = 1_440
MARKETING = "marketing_without_consent"
MAIL = identifier("email", EMAIL, verified=True)
RETURNING = identifier("email", "returning@mail.example", verified=True)
"""Of a customer with no other identifier: a new profile has the id of the former."""
STORED = f"""SELECT subject, incident_id FROM incident_states FINAL
WHERE kind = '{MARKETING}' AND state = 'open'"""
ACTED = "SELECT incident_id FROM incident_actions FINAL ORDER BY incident_id"
Named = dict[str, Any]


def remaining(workers: Workers, record: ErasureRecord) -> dict[str, int]:
    return ErasureRuns(workers.database).remaining(REALM, [one.int for one in record.nodes])


def at(minutes: int, who: Named, type_: str, name: str, **fields: Any) -> bytes:
    """An event of a customer, so many minutes from now."""
    moment = (RECEIVED_AT + timedelta(minutes=minutes)).isoformat()
    return line(event(type_, event_id=name, occurred_at=moment, identifiers=[who], **fields))


def objection(minutes: int, who: Named = MAIL) -> bytes:
    return at(minutes, who, "objection.made", "objection", body={"purpose": "marketing"})


def message(minutes: int, name: str, who: Named = MAIL) -> bytes:
    """By push, which the planted customer never agreed to."""
    return at(minutes, who, "message.sent", name, channel="push",
              body={"message_id": name, "purpose": "marketing"})  # fmt: skip


async def run_for(workers: Workers, hours: int) -> None:
    """Everything that was sent, now and so many hours later."""
    await workers.run_all()
    workers.topics.now_ms += hours * HOUR_MS
    await workers.run_all()


async def erase(workers: Workers, record: ErasureRecord | None = None) -> ErasureRecord:
    record = record or workers.record()
    await workers.send_all([identity_outgoing(record)])
    await workers.finish(record)
    return record


async def acknowledge(workers: Workers) -> tuple[str, str]:
    """The one open incident; returns its customer and its id."""
    [(subject, incident_id)] = workers.database.rows(STORED)
    entry = IncidentAction(
        incident_id=incident_id, action=ActionKind.ACK, by="kim", reason="seen",
        acted_at=from_ms(workers.topics.now_ms),
    )  # fmt: skip
    book = Book(REALM, MARKETING, Subject(SubjectType.CUSTOMER, subject))
    await workers.send_all([action_outgoing(ActionRecord.of(book, entry))])
    await workers.run_all()
    assert (incident_id,) in workers.database.rows(ACTED)
    return str(subject), str(incident_id)


async def judge_one_by_one(workers: Workers) -> None:
    """A new consistency worker reads its topic from the beginning, each record as a batch."""
    for number in range(OFFER_PARTITIONS):
        place = Partition(OFFERS_TOPIC, number)
        workers.topics.committed[place] = 0
        while deliveries := workers.topics.unread(place):
            await workers.consistency.process(deliveries[:1])
            workers.topics.done(deliveries[:1])


def test_what_is_kept_of_an_objection_has_nobody_judged_again(workers: Workers) -> None:
    """Records of before the erasure name the customer. Read again, and once more in other batches,
    each in doubt, with whatever was sent when they were read again: they leave no row."""

    async def story() -> ErasureRecord:
        workers.publish(objection(-20 * DAY_MIN))
        await workers.run_all()
        return await erase(workers)

    record = asyncio.run(story())
    assert workers.database.rows("SELECT count() > 0 FROM kept_objections") == [(1,)]
    assert remaining(workers, record) == {}
    workers.topics.now_ms += HOUR_MS
    assert_replay_changes_nothing(workers)
    assert remaining(workers, record) == {}
    asyncio.run(judge_one_by_one(Workers(workers.database, workers.topics)))
    assert remaining(workers, record) == {}


def test_an_action_on_an_incident_of_the_customer_does_not_come_back(workers: Workers) -> None:
    """Objections are kept, which would be claims of the book."""

    async def story() -> ErasureRecord:
        workers.publish(objection(-20 * DAY_MIN), message(10, "message"))
        await run_for(workers, 2)
        await acknowledge(workers)
        return await erase(workers)

    record = asyncio.run(story())
    assert workers.database.rows("SELECT count() > 0 FROM kept_objections") == [(1,)]
    for _ in range(2):
        assert remaining(workers, record) == {}
        assert_replay_changes_nothing(workers)
    assert remaining(workers, record) == {}


def test_who_came_back_is_judged_though_the_ledger_reaches_ahead(workers: Workers) -> None:
    """The clock of a source was three hours ahead, so the ledger is, too: the first records of the
    new profile are appended before its time. They count; what people did before does not."""

    async def story() -> str:
        workers.publish(objection(-20 * DAY_MIN, RETURNING), message(10, "message", RETURNING))
        await run_for(workers, 2)
        workers.publish(at(5 * 60, RETURNING, "page.viewed", "ahead"))
        await workers.run_all()
        customer, first = await acknowledge(workers)
        nodes = [UUID(customer)]
        await erase(workers, ErasureRecord(realm=REALM, nodes=nodes, erased_ms=to_ms(RECEIVED_AT)))
        assert not workers.database.rows(ACTED)
        workers.topics.now_ms += 600_000
        workers.publish(message(5 * 60 + 5, "new", RETURNING))
        await run_for(workers, 0)
        [(until,)] = workers.database.rows("SELECT max(erased_at) FROM erasures")
        assert from_ms(workers.topics.now_ms) < until
        await run_for(workers, 4)
        again, second = await acknowledge(workers)
        assert again == customer
        assert second != first
        return second

    second = asyncio.run(story())
    assert workers.database.rows(ACTED) == [(second,)]
    assert_replay_changes_nothing(workers)
    assert workers.database.rows(ACTED) == [(second,)]

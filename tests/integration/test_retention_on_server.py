"""Events expire on a server: beside workers with a real store and a log in memory.

The state is that of one process which knew the cut-offs before the first event; nothing else is
lost, nothing comes back when every topic is read again, whoever dies.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.instants import to_ms
from schemas.records import CutoffRecord, ProfileChangeRecord, RetentionRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE, identity_rules
from services.erasure import closing
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.publication import PROFILE_CHANGES_TOPIC
from services.identity.verification import Verified, differences
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Intake, Reject
from services.ingest.ledger import Ledger, LedgerOfStore
from services.retention.main import stored_events_core
from services.retention.on_server import ServerExpiry
from services.retention.removal import WORK_TABLES
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.event_cutoffs import Cutoff, EventCutoffs, RemovalStage
from services.store.rules_in_force import ClickHouseRules, FollowedRules, first_rules
from services.stream.person_records import identity_outgoing
from tests.events import RECEIVED_AT, core, event, identifier, line
from tests.integration.test_erasure_on_server import EDGES, Killed, Topics, Workers, core_of, run
from tests.retaining_process import (
    RetainingProcess,
    digest_by_section,
    emptied,
    registered,
)
from tests.tiers import LONG, always

REALM = "default"
CUTOFF = datetime(2026, 11, 10, tzinfo=UTC)
OLD, NEW = "2026-11-01T08:00:00Z", "2026-11-15T08:00:00Z"
CUSTOMERS = 40


def mail(customer: int) -> dict[str, Any]:
    return identifier("email", f"c{customer}@mail.example", verified=True)


def cookie(customer: int, name: str) -> dict[str, Any]:
    return identifier("cookie", f"{name}-{customer}")


def viewed(event_id: str, at: str, *named: dict[str, Any], **more: Any) -> bytes:
    return line(event(event_id=event_id, occurred_at=at, identifiers=list(named), **more))


def lines_of(customer: int) -> list[bytes]:
    """An old link that a newer view confirms, an old one that nothing else says, and a device that
    old views share with the next customer."""
    tablet = identifier("device_id", f"tablet-{customer // 2}")
    at = f"2026-11-01T08:{customer:02}:00Z"
    return [
        viewed(f"old-{customer}", at, mail(customer), cookie(customer, "kept")),
        viewed(f"lost-{customer}", at, mail(customer), cookie(customer, "lost")),
        viewed(f"shared-{customer}", at, mail(customer), tablet),
        viewed(f"new-{customer}", NEW, mail(customer), cookie(customer, "kept")),
    ]


def arriving(customer: int) -> list[bytes]:
    """What comes in while older events are removed: a correction that happened later of an event
    that has expired, a cookie that nothing named any more, and a view under it alone."""
    return [
        viewed(f"old-{customer}", NEW, mail(customer), cookie(customer, "right"), revision=1),
        viewed(f"again-{customer}", NEW, mail(customer), cookie(customer, "lost")),
        viewed(f"alone-{customer}", NEW, identifier("device_id", f"tablet-{customer // 2}")),
    ]


def record(before: datetime = CUTOFF) -> RetentionRecord:
    cutoffs = [CutoffRecord(type="page.viewed", before_ms=to_ms(before))]
    return RetentionRecord(realm=REALM, cutoffs=cutoffs)


def stage(database: Database) -> RemovalStage | None:
    return next((one.stage for one in EventCutoffs(database).standing()), None)


@pytest.fixture
def workers(database: Database) -> Workers:
    """With events of some customers, processed to their end."""
    registered(database)
    one = Workers(database, Topics())
    for customer in range(CUSTOMERS):
        one.publish(*lines_of(customer))
    run(one.run_all())
    return one


def assert_as_if_never_there(workers: Workers) -> None:
    """What is published is the map; reading every topic again changes nothing; and the state is
    that of one process with the ledger into which everything is sent."""
    database, topics = workers.database, workers.topics
    found = differences(ClickHouseIdentityStore(database), REALM, identity_rules(), Verified())
    assert not list(found)
    for table in WORK_TABLES:
        assert database.rows(f"SELECT count() FROM {table}") == [(0,)]
    rows = database.rows("SELECT toString(node), toString(profile), kind FROM map FINAL")
    told = {
        str(one.profile_id): (str(one.merged_into or one.profile_id), one.kind)
        for value in topics.folded(PROFILE_CHANGES_TOPIC).values()
        if value is not None
        for one in [ProfileChangeRecord.model_validate_json(value)]
        if one.kind is not None
    }
    assert told == {node: (profile, kind) for node, profile, kind in rows}
    values = {node for (node,) in database.rows("SELECT toString(node) FROM node_values FINAL")}
    published = {
        key.decode().split("\x1f")[1]
        for key, value in topics.folded(PROFILE_CHANGES_TOPIC).items()
        if key is not None and value is not None
    }
    assert published <= values
    before = digest_by_section(database)
    topics.committed.clear()
    again = Workers(database, topics)
    run(again.run_all())
    assert digest_by_section(database) == before
    sent = [one.value or b"" for place, records in topics.records.items()
            if place.topic.startswith("touchpoints.") for one in records]  # fmt: skip
    emptied(database)
    alone = RetainingProcess(database)
    alone.ingest([(one, Intake.SERVER) for one in sent], 7)
    wanted = digest_by_section(database)
    assert before == wanted


STAGES = ("sent", "decoded", "stored", "derived")


@pytest.mark.parametrize("flight", always(("decoded", "stored"), STAGES))
def test_events_in_flight_expire_with_the_others(workers: Workers, flight: str) -> None:
    """Old events that were accepted and not yet processed, at each stage between the topic and the
    map, when the order is taken."""

    async def story() -> None:
        workers.publish(viewed("late", OLD, mail(1), cookie(1, "late")))
        batch = workers.decoded()
        await workers.send_all([identity_outgoing(record())])
        if flight == "stored":  # killed between the facts and what is derived from them
            workers.ingest._stage.store(batch.decoded, 0)
            workers.start_ingest()
        elif flight == "derived":
            await workers.store(batch)
        elif flight == "decoded":
            await workers.run_identity()
            await workers.store(batch)
        await workers.run_identity()
        await workers.closer.look()
        if flight in ("sent", "stored"):
            assert stage(workers.database) is RemovalStage.WAITING, "something may still land"
        await workers.store(workers.decoded())
        for _ in range(2):
            await workers.closer.look()
        await workers.run_all()

    run(story())
    assert stage(workers.database) is RemovalStage.REMOVED
    assert not workers.database.rows("SELECT event_id FROM touchpoints WHERE event_id = 'late'")
    assert_as_if_never_there(workers)


def test_a_link_under_way_speaks_for_those_that_were_not_sent(workers: Workers) -> None:
    """Ingest sends the best report of a pair only, within a batch and after it. If its event
    expires, is corrected or outvoted while the record is behind the order, the pair keeps its link
    all the time, and has the best of the events that stay at last."""

    def told(event_id: str, at: str, customer: int, name: str = "told", **more: Any) -> bytes:
        return viewed(event_id, at, mail(customer), cookie(customer, name), **more)

    def version(outcome: Accepted | Reject) -> int:
        assert isinstance(outcome, Accepted)
        return outcome.version

    def younger_wins(name: str) -> bool:
        """Whether of two bodies of one revision the one that happened later counts."""
        old, new = (
            version(core().process(told("corrected-5", at, 5, name), RECEIVED_AT, Intake.SERVER))
            for at in (OLD, NEW)
        )
        return old < new

    outvoting = next(name for name in map("told{}".format, range(50)) if younger_wins(name))
    batches = [
        [
            told("expired-1", OLD, 1), told("stays-1", NEW, 1),
            told("expired-2", OLD, 2),
            told("corrected-3", OLD, 3),
            told("corrected-4", OLD, 4), told("stays-4", NEW, 4),
            told("corrected-5", OLD, 5, outvoting),
        ],
        [
            told("stays-2", NEW, 2),
            told("corrected-3", NEW, 3, revision=1),
            told("corrected-4", NEW, 4, "right", revision=1),
            told("corrected-5", NEW, 5, outvoting),
        ],
    ]  # fmt: skip
    linked_sql = """SELECT DISTINCT value FROM node_values FINAL WHERE type = 'cookie' AND (
        node IN (SELECT a FROM edges) OR node IN (SELECT b FROM edges))"""
    cookies = {f"told-{customer}" for customer in (1, 2, 3, 4)} | {f"{outvoting}-5"}
    reports_sql = """SELECT event_id, toUnixTimestamp64Milli(first_seen) FROM edges FINAL
        WHERE match(event_id, '^(expired|stays|corrected)-')"""

    async def story() -> None:
        await workers.send_all([identity_outgoing(record())])
        for lines in batches:
            workers.publish(*lines)
            batch = workers.decoded()
            await workers.store(batch)
            workers.topics.done(batch.deliveries)
        await workers.run_identity()
        assert stage(workers.database) is RemovalStage.WAITING
        assert cookies <= {value for (value,) in workers.database.rows(linked_sql)}
        for _ in range(2):
            await workers.closer.look()
        await workers.run_all()

    run(story())
    assert stage(workers.database) is RemovalStage.REMOVED
    left = {"stays-1", "stays-2", "stays-4", "corrected-3", "corrected-4", "corrected-5"}
    at_ms = to_ms(datetime.fromisoformat(NEW))
    assert set(workers.database.rows(reports_sql)) == {(one, at_ms) for one in left}
    assert_as_if_never_there(workers)


@pytest.mark.parametrize("apart", [3, pytest.param(1, marks=LONG)])
def test_a_dead_worker_leaves_the_removal_to_the_next(workers: Workers, apart: int) -> None:
    """The identity worker is killed before and after each single call of its ports, or each third
    time of these, from the first record to the end; its successors bring it to the same end."""
    deaths = 0

    async def attempt(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Die one call later each time, until it goes through; what was not done comes again."""
        nonlocal deaths
        for last in range(1, 200, apart):
            workers.calls, workers.kill_at = 0, last
            try:
                await work()
            except Killed:
                deaths += 1
                workers.start_identity()
                continue
            finally:
                workers.kill_at = None
            return
        raise AssertionError("it never ends")

    async def story() -> None:
        await workers.send_all([identity_outgoing(record())])
        await attempt(workers.run_identity)
        for _ in range(2):
            await attempt(workers.closer.look)
        await attempt(workers.run_identity)
        await workers.run_all()

    run(story())
    assert deaths > 20 // apart
    assert stage(workers.database) is RemovalStage.REMOVED
    assert_as_if_never_there(workers)


@pytest.mark.parametrize("apart", [3, pytest.param(1, marks=LONG)])
def test_a_worker_dies_between_any_two_writes(
    workers: Workers, monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    """Several removals, of which each is cut off at another write, before it or after it; the
    successor reads all edges from the beginning before it goes on."""
    left, is_after, cut_off = [0], [False], 0

    def dying(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(database: Database, *given: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and is_after[0]:
                method(database, *given)
            if left[0] == 0:
                raise Retry("killed")
            return method(database, *given)

        return call

    async def story() -> None:
        nonlocal cut_off
        for number in range(1, 13, apart):
            before = datetime(2026, 11, 1, 8, 3 * number, tzinfo=UTC)
            await workers.send_all([identity_outgoing(record(before))])
            await workers.run_identity()
            for _ in range(2):
                await workers.closer.look()
            left[0], is_after[0] = 2 * number, number % 2 == 0
            with monkeypatch.context() as patch:
                for name in ("command", "insert_rows"):
                    patch.setattr(Database, name, dying(getattr(Database, name)))
                with suppress(Retry):
                    await workers.run_identity()
            cut_off += stage(workers.database) is not RemovalStage.REMOVED
            workers.start_identity()
            workers.topics.committed[EDGES] = 0
            await workers.run_all()
            assert stage(workers.database) is RemovalStage.REMOVED

    run(story())
    assert cut_off > 8 // apart
    assert_as_if_never_there(workers)


def test_what_comes_in_at_any_moment_stays(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each write of a removal new events of another customer are stored: corrections of
    events that expire, identifiers that nothing names any more. Nothing of it is lost."""
    moments, is_within = 0, False

    def busy(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(database: Database, *given: Any) -> Any:
            nonlocal moments, is_within
            if not is_within:
                is_within = True
                workers.publish(*arriving(moments))
                _driven(workers.store(workers.decoded()))
                moments, is_within = moments + 1, False
            return method(database, *given)

        return call

    async def story() -> None:
        await workers.send_all([identity_outgoing(record())])
        await workers.run_identity()
        await workers.store(workers.decoded())
        for _ in range(2):
            await workers.closer.look()
        with monkeypatch.context() as patch:
            for name in ("command", "insert_rows"):
                patch.setattr(Database, name, busy(getattr(Database, name)))
            await workers.identity.process(workers.topics.unread(EDGES)[:1])
        workers.topics.committed[EDGES] += 1
        await workers.run_all()

    run(story())
    assert moments > 20
    assert stage(workers.database) is RemovalStage.REMOVED
    came = range(moments)
    stored = {one for (one,) in workers.database.rows("SELECT event_id FROM touchpoints FINAL")}
    assert {f"{name}-{one}" for one in came for name in ("old", "again", "alone")} <= stored
    assert_as_if_never_there(workers)


def _driven(work: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing, within a loop that runs."""
    with pytest.raises(StopIteration):
        work.send(None)


def test_an_order_that_is_over_does_nothing(workers: Workers) -> None:
    """Records that come again, and ones that a later cut-off has overtaken, remove nothing and let
    nothing in."""

    async def expired(one: RetentionRecord) -> None:
        await workers.send_all([identity_outgoing(one)])
        await workers.run_identity()
        for _ in range(2):
            await workers.closer.look()
        await workers.run_all()

    async def story() -> None:
        await expired(record(datetime(2026, 11, 5, tzinfo=UTC)))
        await expired(record())
        cutoffs = EventCutoffs(workers.database).standing()
        for one in (record(datetime(2026, 11, 5, tzinfo=UTC)), record()):
            closes = one.model_copy(update={"closes": True})
            await workers.send_all([identity_outgoing(one), identity_outgoing(closes)])
        await workers.closer.look()
        await workers.run_all()
        assert EventCutoffs(workers.database).standing() == cutoffs
        assert not workers.waiting()

    run(story())
    assert_as_if_never_there(workers)


def test_settings_that_do_not_fit_stop_no_worker(workers: Workers) -> None:
    """A trust file that does not fit the rules in force, as one for ingest only, is reported: the
    map goes on, and the events expire once it fits."""
    faults = [ConfigurationError("C360_TRUST_RULES: no type 'club_no'")]

    def core_at_last(facts: ClickHouseFactStore) -> EventProcessor:
        if faults:
            raise faults[0]
        return core_of(facts)

    async def story() -> None:
        workers.identity._expiry = ServerExpiry(workers.database, core_at_last)
        await workers.send_all([identity_outgoing(record())])
        await workers.run_identity()
        for _ in range(2):
            await workers.closer.look()
        workers.publish(viewed("meanwhile", NEW, mail(0), cookie(0, "meanwhile")))
        await workers.run_all()
        assert stage(workers.database) is RemovalStage.NOTED
        faults.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(closing, "SEND_AGAIN_S", -1.0)
            await workers.closer.look()
        await workers.run_all()
        assert stage(workers.database) is RemovalStage.REMOVED

    run(story())
    assert_as_if_never_there(workers)


def test_rules_that_were_applied_since_the_start_stop_no_removal(
    database: Database, tmp_path: Path
) -> None:
    """A rules file of the settings is compared when a worker starts, and not again by a removal."""
    mine = tmp_path / "mine.toml"
    mine.write_text(rules_text(RULES_FILE).replace("version = ", "version = 'mine' # "))
    settings = Settings.model_validate({"identity_secret": "s" * 64, "identity_rules": mine})
    ClickHouseRules(database).put(first_rules("default", rules_text(RULES_FILE), 1))
    with pytest.raises(ConfigurationError, match="not the rules in force"):
        FollowedRules(settings, database)
    made = stored_events_core(settings, database, ClickHouseFactStore(database))
    event = made.process(viewed("1", NEW, mail(1)), RECEIVED_AT, Intake.SERVER)
    assert isinstance(event, Accepted)


def test_values_are_written_again_while_events_expire(database: Database) -> None:
    """What was written before may be removed at any moment, also what no stored event names, as of
    a body that another one outvoted; before and afterwards a known value is not written again."""
    facts, ledger, cutoffs = ClickHouseFactStore(database), Ledger(), EventCutoffs(database)
    known = LedgerOfStore(ledger, facts)
    seen = core().process(viewed("1", NEW, mail(1)), RECEIVED_AT, Intake.SERVER)
    assert isinstance(seen, Accepted)

    def is_written_again() -> bool:
        known.look()
        facts.write_values([seen], 0)
        database.command("TRUNCATE TABLE node_values")
        known.look()
        facts.write_values([seen], 0)
        return database.rows("SELECT count() FROM node_values") == [(1,)]

    known.look()
    assert not is_written_again()
    cutoff = Cutoff(REALM, "page.viewed", to_ms(CUTOFF), RemovalStage.WAITING)
    cutoffs.note([cutoff])
    assert is_written_again()
    cutoffs.reach([cutoff], RemovalStage.REMOVED)
    assert not is_written_again()

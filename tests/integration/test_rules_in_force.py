"""Rules in force on the real engine: a change that is cut off goes on at the next start, and what
comes in during it has its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from itertools import count, permutations
from multiprocessing import get_context
from pathlib import Path
from random import Random

import pytest

from schemas.instants import from_ms
from schemas.records import PersonRecord, RulesRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE
from services.api.digest import state_digest
from services.api.ports import Access
from services.api.queries.identity_rules import (
    IDENTITY_APPLY,
    IDENTITY_RULES,
    RULES_REPLACED,
    ApplyRequest,
    RulesRequest,
)
from services.api.read_store import ReadStore, StoreWrites
from services.api.server import open_reading, prepare_server
from services.embedded import engine as engine_module
from services.embedded.engine import Engine
from services.identity.rebuild import rebuilt_parts
from services.identity.verification import Verified
from services.ingest.lines import Line
from services.runtime.errors import ConfigurationError, InvalidState, Retry
from services.runtime.settings import Settings
from services.store.database import Database, open_server
from services.store.rules_in_force import (
    ClickHouseRules,
    FollowedRules,
    MemoryRules,
    RulesChange,
    ahead_of_its_record,
    change_of,
)
from tests.conftest import empty_tables
from tests.events import event, identifier, line
from tests.tiers import always

CARD = 'name = "loyalty_card"\nkind = "personal"'
PACKAGED = rules_text(RULES_FILE)
UNIQUE = PACKAGED.replace(CARD, f"{CARD}\nunique = true").replace("version = ", "version = 'u' # ")
MORE_PERSONAL = PACKAGED.replace('kind = "reference"', 'kind = "personal"', 1).replace(
    "version = ", "version = 'p' # "
)
DEFAULT = "default"
APPLYING = "services.api.queries.identity_rules"


def settings_of(data: Path, **others: object) -> Settings:
    """Those of a directory."""
    return Settings.model_validate({"data_dir": data, "identity_secret": "s" * 64, **others})


def some_lines(rng: Random, count: int) -> list[bytes]:
    """Logins with cards, addresses and devices of few people."""
    return [
        line(
            event(
                "identity.linked",
                event_id=f"e{rng.random()}",
                identifiers=[
                    identifier("loyalty_card", str(rng.randint(1, 30)), verified=True),
                    identifier("email", f"p{rng.randint(1, 12)}@example.com", verified=True),
                    identifier("device_id", f"d{rng.randint(1, 12)}"),
                ],
            )
        )
        for _ in range(count)
    ]


def take(engine: Engine, lines: list[bytes]) -> None:
    """Ingest lines."""
    engine.ingest([Line(one, len(one)) for one in lines], lambda _results: None)


NUMBERS = count(4_000_000_000_000)
"""Milliseconds, of changes decided after any directory was made."""


def change(text: str) -> RulesRecord:
    """The record of a change, later than those before."""
    decided_ms = next(NUMBERS)
    return RulesRecord(
        realm=DEFAULT, text=text, author="anna", reason="test", decided_ms=decided_ms
    )


def digest(engine: Engine) -> dict[str, str]:
    """The state of a directory; the rules' version stands with facts, so not these."""
    reads = ReadStore(engine.settings, engine.reading)
    wrong = list(reads.wrong_identities(DEFAULT, Verified()))
    assert wrong == []
    found = state_digest(engine.reading, reads.profiles)
    return {name: value for name, value in found.items() if name in ("edges", "map")}


def finish(engine: Engine) -> None:
    """Bring the map in line."""
    for _ in engine.finish_rules():
        pass


def test_a_change_that_the_store_took_with_an_error_is_in_force(tmp_path: Path) -> None:
    """It replaced another one, and the service went on without being told: no part of it is solved
    by the former rules."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        alone.submit(_taken_with_an_error, tmp_path).result()


def _taken_with_an_error(tmp_path: Path) -> None:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(engine_module, "rebuilt_parts", partial(rebuilt_parts, nodes_per_part=3))
    lines = some_lines(Random(3), 40)
    other = UNIQUE.replace("hub_above_personal = 10", "hub_above_personal = 2")
    with Engine.open(settings_of(tmp_path / "data")) as engine:
        take(engine, lines)
        engine.begin([change(UNIQUE)])
        next(engine.finish_rules())
        store, put = engine.rules.store, engine.rules.store.put

        def put_and_fail(one: RulesChange) -> None:
            put(one)
            raise Retry("the connection broke")

        with monkeypatch.context() as patch:
            patch.setattr(store, "put", put_and_fail)
            patch.setattr(engine.rules, "refresh", partial(_fail, "the store is away"))
            with pytest.raises(Retry):
                engine.begin([change(other)])
        finish(engine)
        found = digest(engine)
    (tmp_path / "other.toml").write_text(other)
    fresh = settings_of(tmp_path / "fresh", identity_rules=tmp_path / "other.toml")
    with Engine.open(fresh) as engine:
        take(engine, lines)
        assert digest(engine) == found


def _fail(text: str) -> bool:
    raise Retry(text)


@pytest.mark.parametrize("parts", always((1,), (0, 1, 4)))
def test_a_change_is_replaced(tmp_path: Path, parts: int) -> None:
    """In the middle, in the process that applies it or after it was killed, by the former rules and
    by others: the map is that of a directory that had these from the beginning."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        alone.submit(_replace, tmp_path, parts).result()


def _replace(tmp_path: Path, parts: int) -> None:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(engine_module, "rebuilt_parts", partial(rebuilt_parts, nodes_per_part=3))
    rng = Random(2)
    before, during = some_lines(rng, 40), some_lines(rng, 6)
    other = UNIQUE.replace("hub_above_personal = 10", "hub_above_personal = 2")
    with Engine.open(settings_of(tmp_path / "data")) as engine:
        take(engine, before)
        first = digest(engine)
        engine.begin([change(UNIQUE)])
        running = engine.finish_rules()
        for _ in range(parts):
            next(running)
        assert engine.begin([change(PACKAGED)]), "the former ones"
        take(engine, during[:1])
        for _ in running:  # goes on with those
            pass
        assert not engine.rules.unfinished()
        take(engine, during[1:2])
        assert digest(engine) != first
        engine.begin([change(UNIQUE)])
        running = engine.finish_rules()
        for _ in range(parts):
            next(running)
    with Engine.open(settings_of(tmp_path / "data")) as engine:
        take(engine, during[2:4])
        engine.act([change(other)])
        assert [one.is_done for one in engine.rules.store.history()][:2] == [True, False]
        assert all(part.is_right for part in engine.rebuild_identities(DEFAULT))
        take(engine, during[4:])
        found = digest(engine)
    (tmp_path / "other.toml").write_text(other)
    fresh = settings_of(tmp_path / "fresh", identity_rules=tmp_path / "other.toml")
    with Engine.open(fresh) as engine:
        take(engine, [*before, *during])
        assert digest(engine) == found


def test_only_when_asked_a_change_is_replaced(engine: Database) -> None:
    """On a server: then its row is there ahead of its record, which was sent."""
    empty_tables(engine)
    settings = Settings.model_validate({"identity_secret": "s" * 64})
    rules, sent = FollowedRules(settings, engine), list[PersonRecord]()
    rules.register([DEFAULT])
    [first] = rules.store.history()
    stuck = RulesChange(DEFAULT, 1 << 48, UNIQUE, "anna", "test", first.decided_ms + 10, parts=2)
    rules.store.put(stuck)
    reads = ReadStore(settings, engine)
    access = Access(reads, StoreWrites(engine, sent.extend, is_waited_for=True))
    asked = {"rules": PACKAGED, "by": "kim", "reason": "a mistake"}
    with pytest.raises(InvalidState, match="rules u are still being applied in realm default"):
        list(IDENTITY_APPLY.run(access, ApplyRequest(**asked)))
    assert sent == []
    [told] = IDENTITY_APPLY.run(access, ApplyRequest(**asked, instead=True))
    assert (told.former_rules, told.is_recorded, told.is_done) == ("u", True, False)
    [record] = sent
    assert isinstance(record, RulesRecord)
    [ahead] = rules.store.latest().values()
    assert (ahead.since > stuck.since, ahead.place, ahead.is_done) == (True, 0, False)
    assert (ahead.text, ahead.decided_ms) == (record.text, record.decided_ms)
    assert record.decided_ms > stuck.decided_ms
    assert rules.store.former(ahead) == stuck
    rules.store.put(ahead.done())
    [told] = IDENTITY_APPLY.run(access, ApplyRequest(**asked))
    assert not told.is_recorded, "they are in force"
    [told] = IDENTITY_APPLY.run(access, ApplyRequest(**asked, instead=True))
    assert told.is_recorded, "a record of others may wait in the log, unseen"
    empty_tables(engine)


@pytest.mark.parametrize("later_ms", [-5, 0, 5])
def test_who_replaces_rules_at_the_same_time_is_told_who_lost(
    engine: Database, monkeypatch: pytest.MonkeyPatch, later_ms: int
) -> None:
    """On a server, each with a clock of his own: the rows come in one order, the records in
    another, and all processes go by the same rules, those who looked in between, too."""
    empty_tables(engine)
    settings = Settings.model_validate({"identity_secret": "s" * 64})
    rules, sent = FollowedRules(settings, engine), list[PersonRecord]()
    rules.register([DEFAULT])
    [first] = rules.store.history()
    rules.store.put(RulesChange(DEFAULT, 7, UNIQUE, "anna", "test", first.decided_ms + 10, 2))
    looking, clock_ms = FollowedRules(settings, engine), first.decided_ms + 1_000
    told = dict[str, str]()

    def give(name: str, text: str, at_ms: int, meanwhile: Callable[[], None]) -> None:
        def send(records: Sequence[PersonRecord]) -> None:
            sent.extend(records)
            meanwhile()

        access = Access(ReadStore(settings, engine), StoreWrites(engine, send, is_waited_for=True))
        asked = ApplyRequest(rules=text, by=name, reason="mine", instead=True)
        with monkeypatch.context() as patch:
            patch.setattr(f"{APPLYING}.utc_now", lambda: from_ms(at_ms))
            try:
                list(IDENTITY_APPLY.run(access, asked))
                told[name] = ""
            except InvalidState as error:
                told[name] = error.reason
        looking.refresh()

    def bob() -> None:
        give("bob", MORE_PERSONAL, clock_ms + later_ms, lambda: None)

    give("kim", PACKAGED, clock_ms, bob)
    given = [change_of(one) for one in sent if isinstance(one, RulesRecord)]
    winner = max(given, key=lambda one: one.rank)
    lost = "" if winner.author == "kim" else RULES_REPLACED
    assert told == {"kim": lost, "bob": ""}, "of bob's nobody had a later one when he ended"
    if later_ms:  # of one moment either, but one
        assert winner.author == ("bob" if later_ms > 0 else "kim")
    assert looking.in_force[DEFAULT].is_of(winner)
    assert FollowedRules(settings, engine).in_force[DEFAULT].is_of(winner)
    empty_tables(engine)


def test_of_changes_the_store_knows_the_same_order_as_everybody(engine: Database) -> None:
    """Whatever the versions and the order of their rows; the first rules of a store come before
    what its log says, though it was set up later."""
    settings = Settings.model_validate({"identity_secret": "s" * 64})
    texts, first = (UNIQUE, MORE_PERSONAL), RulesChange(DEFAULT, 0, PACKAGED, "c360", "first", 99)
    made = [
        RulesChange(DEFAULT, since, text, "kim", "test", decided_ms, since)
        for since, decided_ms in ((3, 7), (5, 6), (4, 8))
        for text in texts
    ]
    made = [one._replace(since=one.since + 10 * number) for number, one in enumerate(made)]
    for order in list(permutations(made))[::90]:
        empty_tables(engine)
        stored, memory = ClickHouseRules(engine), MemoryRules()
        for one in (first, *order):
            stored.put(one)
            memory.put(one)
            assert stored.latest() == memory.latest()
            assert FollowedRules(settings, engine).of(DEFAULT) == memory.latest()[DEFAULT].rules
        for one in (first, *made):
            assert stored.former(one) == memory.former(one)
        assert stored.latest()[DEFAULT].decided_ms == 8
        assert stored.history()[-1] == first
    empty_tables(engine)


def test_a_change_is_listed_once_however_many_rows_it_has(engine: Database) -> None:
    """The worker took its record before the command that replaced others wrote a row of its own."""
    empty_tables(engine)
    settings = Settings.model_validate({"identity_secret": "s" * 64})
    rules = FollowedRules(settings, engine)
    rules.register([DEFAULT])
    [first] = rules.store.history()
    record = change(UNIQUE)
    ahead, taken = ahead_of_its_record(record, first), change_of(record, since=1 << 48)
    for one, is_done in ((taken, False), (taken.done(), True)):
        rules.store.put(one)
        rules.store.put(ahead)
        access = Access(ReadStore(settings, engine), StoreWrites(engine, lambda _records: None))
        listed = list(IDENTITY_RULES.run(access, RulesRequest(history=True)))
        assert [(row.in_force, row.is_done) for row in listed] == [(True, is_done), (False, True)]
        assert rules.store.former(one) == first
    empty_tables(engine)


def test_an_engine_keeps_the_rules_that_were_decided_last(tmp_path: Path) -> None:
    """Two were asked for at once, and the writing thread got the later ones first."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        alone.submit(_decided_last, tmp_path).result()


def _decided_last(tmp_path: Path) -> None:
    with Engine.open(settings_of(tmp_path / "data")) as engine:
        earlier, later = change(MORE_PERSONAL), change(UNIQUE)
        engine.act([later])
        engine.act([earlier])
        assert engine.rules.in_force[DEFAULT].text == UNIQUE
        [now] = (one for one in engine.rules.store.history() if one.since)
        assert now.is_done


def test_a_process_starts_while_the_server_s_rules_are_being_applied(
    server_settings: Settings,
) -> None:
    """Also before the worker has registered what they call personal; when they are applied, realms
    that were registered by others are refused."""
    prepare_server(server_settings)
    with closing(open_server(server_settings)) as server:
        store = ClickHouseRules(server)
        [first] = store.history()
        ahead = RulesChange(DEFAULT, 1, MORE_PERSONAL, "kim", "test", first.decided_ms + 1)
        try:
            store.put(ahead)
            with open_reading(server_settings) as reading:
                assert reading.rules.of(DEFAULT) == ahead.rules
            store.put(ahead.done())
            with (
                pytest.raises(ConfigurationError, match="realm 'default' is not what"),
                open_reading(server_settings),
            ):
                pass
        finally:
            server.command("DELETE FROM identity_rules WHERE since = 1")


def test_a_change_that_is_cut_off_goes_on(tmp_path: Path) -> None:
    """Killed twice in the middle of a change, with events between the parts: the map is that of a
    directory that had these rules from the beginning."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:  # one engine in a process
        alone.submit(_cut_off_and_go_on, tmp_path).result()


def _cut_off_and_go_on(tmp_path: Path) -> None:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(engine_module, "rebuilt_parts", partial(rebuilt_parts, nodes_per_part=3))
    rng = Random(1)
    before, during, after = some_lines(rng, 40), some_lines(rng, 20), some_lines(rng, 10)
    settings = settings_of(tmp_path / "data")
    with Engine.open(settings) as engine:
        take(engine, before)
        assert engine.begin([change(UNIQUE)])
        parts = engine.finish_rules()
        for one in during[:5]:
            next(parts)
            take(engine, [one])
        assert engine.rules.unfinished()
        [unfinished] = engine.rules.store.latest().values()
        assert (unfinished.parts, unfinished.is_done) == (5, False)

    def cut(*given: object, **named: object) -> object:
        parts = rebuilt_parts(*given, nodes_per_part=3, **named)  # type: ignore[arg-type,misc]
        yield next(parts)
        raise Retry("killed")

    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "rebuilt_parts", cut)
        with Engine.open(settings) as engine, pytest.raises(Retry):
            finish(engine)
    with Engine.open(settings) as engine:
        assert engine.rules.unfinished(), "whoever only reads need not wait"
        take(engine, during[5:8])
        finish(engine)
        assert not engine.rules.unfinished()
        take(engine, [*during[8:], *after])
        found = digest(engine)
    (tmp_path / "unique.toml").write_text(UNIQUE)
    fresh = settings_of(tmp_path / "fresh", identity_rules=tmp_path / "unique.toml")
    with Engine.open(fresh) as engine:
        take(engine, [*before, *during, *after])
        assert digest(engine) == found
    with Engine.open(settings_of(tmp_path / "data", identity_rules=tmp_path / "unique.toml")):
        pass
    (tmp_path / "other.toml").write_text(PACKAGED)
    with pytest.raises(ConfigurationError, match="not the rules in force in realm default"):
        Engine.open(settings_of(tmp_path / "data", identity_rules=tmp_path / "other.toml"))

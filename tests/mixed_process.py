"""Everything that can happen to a data directory, drawn at random: traffic, decisions, other rules,
erasures, expiry, faults of the store and kills at any write.

A history is played with faults, and then again without any, each operation in its order: both must
give one state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from schemas.instants import to_ms
from schemas.records import ErasureRecord, RulesRecord
from services.embedded.engine import Engine
from services.erasure.adapters.eraser import erasure_id_of
from services.erasure.adapters.runs import ErasureRuns
from services.identity.rebuild import RebuiltPart
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.runtime.errors import Fatal, Retry
from services.runtime.settings import Settings
from services.runtime.settings.retention import LIMITED_TYPES
from services.store.database import Database
from services.store.locks import DirectoryLock
from tests.events import SECRET, event, identifier, line
from tests.mixed_history import REALM, RULES, drawn_decision, drawn_erasure, drawn_event

START = datetime(2026, 11, 1, tzinfo=UTC)
LEDGER_SQL = """SELECT count() FROM erasures WHERE node IN {nodes:Array(UUID)}
AND toUnixTimestamp64Milli(erased_at) >= {at:Int64}"""
TAKEN, LOST = 1, 2
"""Seeds of which the first number is below and above a half."""


class Killed(BaseException):
    """The process is gone. No handler of errors sees it."""


class Faults:
    """Of all writes to the store, some fail: from one on, for so many. Half of those that fail have
    taken effect."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._first = self._last = -1
        self._error: type[BaseException] = Killed
        self._rng = Random(0)
        self.writes = 0
        self.struck = 0
        self._depth = 0
        for name in ("command", "insert_rows", "insert"):
            patch.setattr(Database, name, self._wrapped(getattr(Database, name)))

    def plan(self, rng: Random, first: int, lasts: int, error: type[BaseException]) -> None:
        """From the write of this number on."""
        self._first, self._last, self._error, self._rng = first, first + lasts, error, rng
        self.writes = 0

    def fail(self, first: int, error: type[BaseException], *, takes_effect: bool = True) -> None:
        """All from the write of this number on; that one may take effect."""
        self.plan(Random(TAKEN if takes_effect else LOST), first, 10**9, error)

    def end(self) -> None:
        """No more."""
        self._first = self._last = -1

    def _wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(database: Database, *given: Any, **named: Any) -> Any:
            if self._depth:
                return method(database, *given, **named)
            self.writes += 1
            strikes = self._first <= self.writes - 1 < self._last
            if strikes:
                self.struck += 1
                is_written = self.writes - 1 == self._first and self._rng.random() < 0.5
                if not is_written:
                    raise self._error("on purpose")
            self._depth += 1
            try:
                done = method(database, *given, **named)
            finally:
                self._depth -= 1
            if strikes:
                raise self._error("on purpose")
            return done

        return call


class Operation(NamedTuple):
    """One entry of a history."""

    kind: str
    what: Any
    received_at: datetime


class Process:
    """One process after another on the tables of a test."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database = database
        self._settings = Settings.model_validate(
            {"data_dir": directory, "identity_secret": SECRET.decode()}
        )
        self.now = START
        self.parts: Iterator[RebuiltPart] | None = None
        self.start()

    def start(self) -> None:
        """A new process, which completes what the one before left."""
        self.parts = None
        lock = DirectoryLock(self._settings.data_dir)
        engine = Engine(self._settings, self.database, self.database, lock)
        engine.pipeline._clock = lambda: self.now
        engine.pipeline._sleep = lambda _seconds: None
        engine.recover()
        self.engine = engine
        if engine.rules.unfinished():
            self.parts = engine.finish_rules()

    def carry_out(self, one: Operation) -> None:
        """Do it, as the service does; may be called again after a fault."""
        self.now = one.received_at
        engine = self.engine
        if one.kind == "events":
            lines, intake = one.what
            self.take(engine.pipeline.decode([Line(each, len(each)) for each in lines], intake))
            with suppress(Retry):  # the next one makes up for it
                engine.pipeline.tick()
        elif one.kind == "decision":
            engine.act([one.what])
        elif one.kind == "rules":
            if engine.begin([one.what]) and self.parts is None:
                self.parts = engine.finish_rules()
        elif one.kind == "erasure":
            engine.erase(one.what)
        elif one.kind == "expiry":
            engine.expire(one.what)
        else:
            raise AssertionError(one.kind)

    def take(self, decoded: Any) -> list[Any]:
        """Finish a batch, again and again: nothing else comes before it is durable."""
        in_doubt = False
        while True:
            try:
                return self.engine.pipeline.finish(decoded, in_doubt=in_doubt)
            except Retry:
                in_doubt = True

    def next_part(self) -> None:
        """One more part of rules that are being applied, if there is any."""
        if self.parts is not None:
            try:
                if next(self.parts, None) is None:
                    self.parts = None
            except Retry:
                self.parts = self.engine.finish_rules()

    def finish_rules(self) -> None:
        """All of them."""
        while self.parts is not None:
            self.next_part()


class Mixed:
    """A history as it is made up, with faults."""

    def __init__(self, database: Database, directory: Path, rng: Random, faults: Faults) -> None:
        self.rng, self.faults, self.database = rng, faults, database
        self.process = Process(database, directory)
        self.history: list[Operation] = []
        self.now = START + timedelta(days=1)
        self.trace: list[str] = []
        self._number = 0
        self._given_up: list[Operation] = []

    def run(self, steps: int) -> None:
        """Make up so many operations, and carry them out."""
        rng = self.rng
        for _ in range(steps):
            self.now += timedelta(hours=rng.choice((0, 1, 6, 12)))
            drawn = rng.choices(
                (self._events, self._decision, self._rules, self._erasure, self._expiry,
                 self._again, self._restart),
                (10, 4, 1.5, 3, 1.2, 1, 1),
            )[0]  # fmt: skip
            made = drawn()
            self._tell(f"{getattr(made, 'kind', drawn.__name__)} {_short(made)}")
            if made is not None:
                self.attempt(made)
            if rng.random() < 0.6:
                self.process.next_part()
        self.process.finish_rules()
        self.attempt(self._end_of_time(), is_safe=True)

    def attempt(self, one: Operation, *, is_safe: bool = False) -> None:
        """Carry out an operation, whatever comes between."""
        rng, faults = self.rng, self.faults
        if not is_safe and (how := rng.random()) < 0.55:
            first = rng.randrange(rng.choice((4, 12, 40, 80)))
            if how < 0.35:
                faults.plan(rng, first, 10**9, Killed)
            else:
                faults.plan(rng, first, rng.choice((1, 2, 7, 9)), Retry)
        self.history.append(one)
        is_first = True
        while True:
            try:
                if is_first or one.kind != "erasure" or not self._is_erased(one.what):
                    self.process.carry_out(one)
                break
            except Retry:
                self._tell("  failed")
                if one.kind == "decision" and rng.random() < 0.5:
                    self._given_up.append(one)
                    break
            except (Killed, Fatal) as error:
                self._tell(f"  {type(error).__name__}")
                self._start_again()
            is_first = False
        faults.end()

    def _start_again(self) -> None:
        rng, faults = self.rng, self.faults
        faults.end()
        if rng.random() < 0.3:
            faults.plan(rng, rng.randrange(rng.choice((4, 20))), 10**9, Killed)
        while True:
            try:
                self.process.start()
                faults.end()
                break
            except (Killed, Fatal, Retry):
                self._tell("  killed at the start")
                faults.end()
        for one in self._given_up:
            self.process.carry_out(one)
        self._given_up.clear()

    def _is_erased(self, record: ErasureRecord) -> bool:
        """Whether a start has completed it; if not, nothing of it is begun."""
        run = ErasureRuns(self.database).run(REALM, erasure_id_of(record))
        if run is not None:
            assert run.is_removed
            return True
        asked = {"nodes": [str(one) for one in record.nodes], "at": record.erased_ms}
        assert self.database.rows(LEDGER_SQL, asked) == [(0,)], "a ledger without its erasure"
        return False

    def _tell(self, text: str) -> None:
        self.trace.append(text)

    def _events(self) -> Operation:
        rng = self.rng
        intake = Intake.PUBLIC if rng.random() < 0.1 else Intake.SERVER
        count = rng.choice((1, 2, 4, 8))
        return Operation("events", ([self._event(intake) for _ in range(count)], intake), self.now)

    def _event(self, intake: Intake) -> bytes:
        public = intake is Intake.PUBLIC
        self._number += 1
        # With a public key nothing is ahead: it comes back after an erasure (docs/erasure.md).
        hours = int((self.now - START) / timedelta(hours=1)) + (0 if public else 12)
        return drawn_event(self.rng, self._number, START, hours, public=public)

    def _decision(self) -> Operation:
        return Operation("decision", drawn_decision(self.rng, self._number, self.now), self.now)

    def _rules(self) -> Operation:
        record = RulesRecord(
            realm=REALM, text=self.rng.choice(RULES), author="kim", reason="a try",
            decided_ms=to_ms(self.now) + self._number,
        )  # fmt: skip
        self._number += 1
        return Operation("rules", record, self.now)

    def _erasure(self) -> Operation | None:
        record = drawn_erasure(self.rng, self.database, self.now)
        return None if record is None else Operation("erasure", record, self.now)

    def _expiry(self) -> Operation:
        rng = self.rng
        some = rng.sample(LIMITED_TYPES, rng.randrange(1, len(LIMITED_TYPES) + 1))
        days = max(1, (self.now - START).days)
        before = {name: START + timedelta(days=rng.randrange(days + 1)) for name in some}
        return Operation("expiry", before, self.now)

    def _again(self) -> None:
        """What was sent comes again; its sender was not told."""
        sent = [one for one in self.history if one.kind == "events"]
        if sent:
            self.process.carry_out(sent[-1]._replace(received_at=self.now))

    def send_all_again(self) -> None:
        """Everything that was ever sent, at once; nothing of it is new."""
        for intake in (Intake.SERVER, Intake.PUBLIC):
            lines = [
                each
                for one in self.history
                if one.kind == "events" and one.what[1] is intake
                for each in one.what[0]
            ]
            self.process.carry_out(Operation("events", (lines, intake), self.now))

    def _restart(self) -> None:
        self._start_again()

    def _end_of_time(self) -> Operation:
        """On every channel, whatever expires: incidents are judged up to it."""
        lines = [
            line(event("identity.linked", event_id=f"z-{one}", body={}, channel=one,
                       occurred_at=self.now.isoformat(), identifiers=[identifier("cookie", "end")]))
            for one in ("shop", "email")
        ]  # fmt: skip
        return Operation("events", (lines, Intake.SERVER), self.now)


def _short(made: Operation | None) -> str:
    if made is None:
        return ""
    what = made.what
    if made.kind == "events":
        return " ".join(one.decode() for one in what[0]) + str(what[1])
    if isinstance(what, RulesRecord):
        return what.text.partition("\nversion = ")[2].partition("\n")[0]
    return str(what)

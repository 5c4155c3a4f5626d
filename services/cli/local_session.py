"""A command's session on the engine of its own process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from schemas.records import ErasureRecord
from services.api.operation import In, Operation, Out
from services.api.read_store import access_to
from services.embedded.engine import DefinedSegments, Engine
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.settings import Settings


class LocalSession:
    """Implements services.cli.session.Session on an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._access = access_to(
            engine.settings,
            engine.reading,
            engine.act,
            self._erase,
            self._expire,
            engine.suppress,
            segments=DefinedSegments(engine.pipeline, lambda work: work()),
        )

    def _erase(self, record: ErasureRecord) -> None:
        self._engine.erase(record)
        self._go_on()

    def _expire(self, before: Mapping[str, datetime], _within_s: float) -> None:
        self._engine.expire(before)
        self._engine.pipeline.tick()
        self._go_on()

    def _go_on(self) -> None:
        """A change of rules that was cut off goes on when what was asked for is done."""
        for _ in self._engine.finish_rules():
            pass

    def run(self, operation: Operation[In, Out], request: In) -> Iterator[Out]:
        """See Session."""
        self._access.reads.follow_rules(at_once=True)
        return operation.run(self._access, request)

    def ingest(
        self,
        lines: Iterable[Line],
        report: Callable[[list[Result]], None],
        intake: Intake = Intake.FILE,
    ) -> None:
        """See Session."""
        self._engine.ingest(lines, report, intake)
        self._go_on()


@contextmanager
def opened(settings: Settings) -> Iterator[LocalSession]:
    """A session on the data directory of the settings. Raises as Engine.open does."""
    with Engine.open(settings) as engine:
        yield LocalSession(engine)

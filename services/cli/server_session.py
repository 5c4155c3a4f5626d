"""A command's session on the ClickHouse server of the settings, whose writers are the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from services.api.actions import kafka_erasures, kafka_sink
from services.api.expiry_on_server import kafka_expiry
from services.api.operation import In, Operation, Out
from services.api.ports import Access
from services.api.read_store import ReadStore, StoreWrites
from services.api.server import open_reading
from services.embedded.refusal import not_on_a_server
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.ingest.stage import Result
from services.runtime.settings import Settings


class ServerSession:
    """Implements services.cli.session.Session on a server."""

    def __init__(self, reading: ReadStore) -> None:
        settings = reading.settings
        writes = StoreWrites(
            reading.reading,
            kafka_sink(settings),
            kafka_erasures(settings),
            kafka_expiry(settings, reading.reading),
            is_waited_for=True,
        )
        self._access = Access(reading, writes)

    def run(self, operation: Operation[In, Out], request: In) -> Iterator[Out]:
        """See Session."""
        return operation.run(self._access, request)

    def ingest(
        self,
        lines: Iterable[Line],
        report: Callable[[list[Result]], None],
        intake: Intake = Intake.FILE,
    ) -> None:
        """See Session. Raises ConfigurationError always: one writer beside the workers is wrong."""
        raise not_on_a_server()


@contextmanager
def reading(settings: Settings) -> Iterator[ServerSession]:
    """A session on the server of the settings. Raises as open_reading does."""
    with open_reading(settings) as store:
        yield ServerSession(store)

"""Where a command runs: on the ClickHouse server that is set, else on the data directory.

The data directory is opened in this process, or asked through the `c360 up` that holds it: it
leaves its address and a token there, so nothing fails because the engine is in use. Each way has a
module of its own, which is loaded when a command goes that way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from services.embedded.refusal import not_on_a_server
from services.embedded.running_instance import RunningInstance, read_running_instance
from services.runtime.errors import StoreUnavailable
from services.runtime.settings import Settings
from services.store.directory import has_engine, require_embedded_engine
from services.store.locks import DirectoryLock

if TYPE_CHECKING:
    from services.api.operation import In, Operation, Out
    from services.ingest.core.outcome import Intake
    from services.ingest.lines import Line
    from services.ingest.stage import Result


class Session(Protocol):
    """The two things a command asks for."""

    def run(self, operation: Operation[In, Out], request: In) -> Iterator[Out]:
        """Rows of an operation (services/api/queries/)."""
        ...

    def ingest(
        self,
        lines: Iterable[Line],
        report: Callable[[list[Result]], None],
        intake: Intake = ...,
    ) -> None:
        """Process lines as those of an import, or of a public key; `report` is called with results
        that are durable."""
        ...


def find_running(settings: Settings) -> RunningInstance | None:
    """The `c360 up` that holds the data directory; None when there is none (any more)."""
    presence = read_running_instance(settings.data_dir)
    if presence is None or not DirectoryLock(settings.data_dir).is_held():
        return None
    return presence


def require_data(data_dir: Path) -> None:
    """Raises StoreUnavailable, with the names that were perhaps meant, if it holds no data."""
    if has_engine(data_dir):
        return
    near = [""]
    with suppress(OSError):
        beside = sorted(one.name for one in data_dir.parent.iterdir() if has_engine(one))
        near = get_close_matches(data_dir.name, beside, 1, cutoff=0) or [""]
    hint = f" Did you mean {data_dir.parent / near[0]}?" if near[0] else ""
    raise StoreUnavailable(
        f"there is no data in {data_dir}, and reading creates none.{hint} Choose the directory "
        "with --data-dir or C360_DATA_DIR; 'c360 ingest FILE' begins a new one."
    )


@contextmanager
def open_session(settings: Settings, *, create: bool = False) -> Iterator[Session]:
    """A session on the server of the settings, else on their data directory, held or not.

    Args:
        create: a data directory that is not there yet is made; otherwise a mistyped name would
            give an empty store instead of an answer.

    Raises:
        C360Error: as open_reading and Engine.open do; StoreUnavailable when there is no data;
            Retry when `c360 up` vanished in between.
    """
    if settings.clickhouse_url is not None:
        if create:  # whoever would write need not wait for the server
            raise not_on_a_server()
        from services.cli.server_session import reading

        with reading(settings) as session:
            yield session
        return
    presence = find_running(settings)
    if presence is not None:
        from services.cli.remote_session import connected

        with connected(presence) as session:
            yield session
        return
    if not create:
        require_embedded_engine()
        settings.secret()
        require_data(settings.data_dir)
    from services.cli.local_session import opened

    with opened(settings) as session:
        yield session

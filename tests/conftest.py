"""Fixtures that all tests share: the real engine, in process or as a server, and a real broker.

The engine serves one directory per process, so there is one for the whole session; a test that
asks for `database` finds every table empty.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import cache

import httpx
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from services.ingest.adapters.projections import DETACHED_SQL
from services.runtime.settings import load_settings
from services.store.database import Database, open_embedded
from services.store.locks import DirectoryLock
from services.store.migrations import migrate
from tests.clickhouse_endpoint import clickhouse_endpoint as clickhouse_endpoint
from tests.clickhouse_endpoint import no_fault_left as no_fault_left
from tests.stores import IN_PROCESS, STORES
from tests.stores import server as server
from tests.stores import server_settings as server_settings
from tests.tiers import LONG, always, is_shown_by_another


def pytest_configure(config: pytest.Config) -> None:
    """Make our marker known, and give the processes that tests start the usual Ctrl-C.

    A run in the background (`make test &` in a script) inherits that SIGINT is ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "any_store(always): in process and on a server (tests/stores)"
    )
    config.addinivalue_line("markers", "long: by `make test-long` only (tests/tiers)")


LONG_AND_LATE = "tests/simulation/"


class ByServices(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of a file run in one process, and so do the files that share running services."""

    SHARING = "tests/contract/api"

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return self.SHARING if file.startswith(self.SHARING) else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that others show, too, are long. The longest file of the last directories comes first:
    at the end all processes have work."""
    for one in items:
        if is_shown_by_another(one.nodeid):
            one.add_marker(LONG)
    items.sort(key=lambda one: not one.nodeid.startswith(LONG_AND_LATE))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByServices:
    """Services start once for all tests that use them."""
    return ByServices(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test marked `any_store` every store there is; if not `always`, all but the engine in
    process are for long runs."""
    marked = metafunc.definition.get_closest_marker("any_store")
    if marked and "database" in metafunc.fixturenames:
        stores = always(STORES if marked.kwargs.get("always") else {IN_PROCESS}, STORES)
        metafunc.parametrize("database", stores, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _authorities_read_once() -> Iterator[None]:
    """Each client of httpx reads the certificates of all public authorities, for 50 ms of CPU:
    tests that poll a page of this machine would do little else."""
    with pytest.MonkeyPatch.context() as patch:
        made = cache(httpx.create_ssl_context)
        patch.setattr("httpx._transports.default.create_ssl_context", made)
        yield


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The engine on a directory of its own, with the schema up to date."""
    directory = tmp_path_factory.mktemp("engine")
    lock = DirectoryLock(directory)
    lock.acquire()
    opened = open_embedded(directory)
    migrate(opened)
    yield opened
    opened.close()
    lock.release()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    """The engine, or the server, with every table empty."""
    in_process = getattr(request, "param", IN_PROCESS) == IN_PROCESS
    store: Database = request.getfixturevalue("engine" if in_process else "server")
    for (view,) in store.rows(DETACHED_SQL):  # a test before wrote few events as the only writer
        store.command(f"ATTACH TABLE {view}")
    empty_tables(store)
    return store


def empty_tables(database: Database) -> None:
    """Empty every table of ours; the record of applied migrations stays."""
    named = database.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() "
        "AND engine LIKE '%MergeTree' AND name NOT IN ('db_migrations', 'schema_versions') "
        "AND total_rows > 0 AND NOT startsWith(name, '.inner')"
    )
    for (name,) in named:
        database.command(f"TRUNCATE TABLE `{name}`")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers: of C360_KAFKA_BOOTSTRAP_SERVERS, or of one broker for all tests.

    Tests share its topics: make your own with `tests.kafka.make_topic`, or have the catalogue's
    empty with `tests.kafka.renew_catalogue`. Whoever stops brokers starts a `Cluster` of its own.
    """
    outside = load_settings().kafka_bootstrap_servers
    if outside:
        yield outside
        return
    from devtools.kafka import Cluster

    with Cluster() as cluster:
        yield cluster.bootstrap_servers

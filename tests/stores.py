"""The server half of the store tests: an outside ClickHouse server, or the development endpoint.

A test marked `any_store` that takes `database` runs on the engine in process and on a server. Which
server: the one that `C360_CLICKHOUSE_URL` names, with all the settings that go with it (a cluster,
a quorum, TLS), else `c360 dev clickhouse`. Everything happens in a database of its own, which is
dropped at the end.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from services.api.server import prepare_server
from services.runtime.settings import Settings, load_settings
from services.store.database import Database, open_server
from services.store.migrations import SYSTEM
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.events import SECRET

IN_PROCESS, ON_A_SERVER = "in-process", "server"
STORES = (IN_PROCESS, ON_A_SERVER)


@pytest.fixture(scope="session")
def server_settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of a server on which a database of our own is ready."""
    name = f"c360_test_{secrets.token_hex(6)}"
    own: dict[str, Any] = {"clickhouse_database": name, "identity_secret": SECRET.decode()}
    if os.environ.get("C360_CLICKHOUSE_URL"):
        settings = load_settings(**own)
    else:
        endpoint: ClickHouseEndpoint = request.getfixturevalue("clickhouse_endpoint")
        settings = load_settings(clickhouse_url=endpoint.url, **own)
    prepare_server(settings)
    yield settings
    drop_database(settings)


def drop_database(settings: Settings) -> None:
    """Drop the database of the settings, if it is there, on all servers."""
    cluster = settings.clickhouse_cluster
    on_cluster = f" ON CLUSTER `{cluster}`" if cluster else ""
    with closing(open_server(settings, database=SYSTEM, timeout_s=300)) as system:
        system.command(f"DROP DATABASE IF EXISTS {settings.clickhouse_database}{on_cluster} SYNC")


@pytest.fixture(scope="session")
def server(server_settings: Settings) -> Iterator[Database]:
    """A connection to that server, as every command and worker makes it."""
    with closing(open_server(server_settings)) as opened:
        yield opened

"""The error of what works on a data directory when a server is set.

It stands alone so that commands on a server can raise it without loading the embedded engine.
"""

from __future__ import annotations

from services.runtime.errors import ConfigurationError

NOT_ON_A_SERVER = "not_on_a_server"
"""Reason of a ConfigurationError: a server is set, which takes events in another way."""


def not_on_a_server() -> ConfigurationError:
    """For what works on a data directory only, when a server is set."""
    return ConfigurationError(
        "this works on a data directory, but C360_CLICKHOUSE_URL names a ClickHouse server, where "
        "events come in through Kafka",
        reason=NOT_ON_A_SERVER,
    )

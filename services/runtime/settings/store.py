"""Where facts are stored: the data directory, or a ClickHouse server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from services.runtime.settings.part import Part


class DirectorySettings(Part):
    """The data directory."""

    data_dir: Path = Path("c360-data")
    """Directory of the embedded engine. Only one process at a time can hold it."""

    @field_validator("data_dir")
    @classmethod
    def _has_a_name_for_the_engine(cls, value: Path) -> Path:
        """The engine takes what follows a question mark for options, and opens another one."""
        path = str(value.absolute())
        if "?" in path or (not path.isascii() and any("\ud800" <= one <= "\udfff" for one in path)):
            raise ValueError(f"{path!r}: the path may have no '?' and must be UTF-8")
        return value


class StoreSettings(Part):
    """The ClickHouse server."""

    clickhouse_url: str | None = Field(default=None, pattern=r"^https?://[^/]+/?$")
    """URL of a ClickHouse server to use instead of the embedded engine: `https://host:8443`."""
    clickhouse_user: str = "default"
    """User on the server."""
    clickhouse_password: SecretStr = SecretStr("")
    """Password on the server."""
    clickhouse_database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "c360"
    """Database on the server; `c360 migrate` creates it."""
    clickhouse_ca_file: Path | None = None
    """CA certificates to verify the server's certificate; empty for the system's."""
    clickhouse_cluster: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    """Name of the cluster: tables are created ON CLUSTER with replicated engines. Empty for one
    server."""
    clickhouse_insert_quorum: Annotated[str, Field(pattern=r"^(auto|[0-9]{1,2})?$")] = ""
    """Replicas that must hold an insert before it is acknowledged: `auto` is the majority. Empty
    for one server."""
    clickhouse_timeout_s: Annotated[int, Field(ge=1, le=600)] = 30
    """Seconds after which a statement times out and is retried. For four times as long, a
    consistency worker expects that writes that were given up may still land."""

    @property
    def clickhouse_reads_may_lag(self) -> bool:
        """Whether a replica may answer without rows that were acknowledged. ClickHouse takes a
        quorum of less than two for none."""
        quorum = self.clickhouse_insert_quorum
        return bool(self.clickhouse_cluster) and quorum != "auto" and int(quorum or 0) < 2

"""What can be said of a data directory without loading the engine that works on it.

It opens nothing and locks nothing: services/store/locks.py does the latter,
services/store/database.py opens the engine.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from services.runtime.errors import ConfigurationError

ENGINE_DIRECTORY = "engine"


def has_engine(data_dir: Path) -> bool:
    """Whether a data directory was ever opened."""
    return (data_dir / ENGINE_DIRECTORY).is_dir()


def require_embedded_engine() -> None:
    """Raises ConfigurationError in an installation without the embedded engine."""
    if find_spec("chdb") is None:
        raise ConfigurationError(
            "the embedded engine is not installed. Run pip install 'customer360[embedded]', or set "
            "C360_CLICKHOUSE_URL to work on a ClickHouse server."
        )

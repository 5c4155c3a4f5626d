"""The driver and the engine, without the libraries for tables of numbers that they could use.

chDB loads PyArrow, and the driver pandas and NumPy at its first insert, if they are installed: for
arguments and answers of kinds that nobody here uses. Loading them takes longer than opening a
store. Both say that they work without; the worker's image does not even have them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver import options

TABLE_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
DRIVER_NAMES = ("np", "pd", "pl", "arrow")
"""What the driver looks for by itself, once, when it is asked for one of these."""


@contextmanager
def absent(names: tuple[str, ...]) -> Iterator[None]:
    """Packages that an import within the block does not find, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def load_engine() -> None:
    """Load chDB, which takes a while the first time. Raises ImportError where it is missing."""
    with absent(TABLE_LIBRARIES):
        import chdb.state  # noqa: F401


with absent(TABLE_LIBRARIES):
    for _name in DRIVER_NAMES:
        getattr(options, _name)

"""All operations by name: what the modules of services/api/queries/ export as `OPERATIONS`.

Importing this loads every one of them. A command that runs one operation imports that one's module
instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from services.api import queries
from services.api.operation import Operation
from services.runtime.errors import NotFound


def _discovered() -> dict[str, Operation[Any, Any]]:
    found: dict[str, Operation[Any, Any]] = {}
    for one in iter_modules(queries.__path__):
        for operation in import_module(f"{queries.__name__}.{one.name}").OPERATIONS:
            assert operation.name not in found, f"two operations are named {operation.name}"
            found[operation.name] = operation
    return found


OPERATIONS: Mapping[str, Operation[Any, Any]] = _discovered()
"""All operations by name."""


def operation_named(name: str) -> Operation[Any, Any]:
    """An operation by its name. Raises NotFound for an unknown one."""
    found = OPERATIONS.get(name)
    if found is None:
        raise NotFound(f"no such operation: {name}")
    return found

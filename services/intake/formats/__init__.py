"""The formats: one module each, discovered automatically, exporting `FORMAT`.

A new format is a new module here; nothing else in the service names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from services.intake.format import Format


def _discovered() -> dict[str, Format]:
    modules = (import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
    found = {module.FORMAT.name: module.FORMAT for module in modules}
    return {name: found[name] for name in sorted(found)}


FORMATS: Mapping[str, Format] = _discovered()
"""All formats by name, in the order of their names."""

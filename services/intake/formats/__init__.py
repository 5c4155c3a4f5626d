"""The formats: one module each, discovered automatically, exporting `FORMAT`.

A new format is a new module here; nothing else in the service names it. Those of payloads are taken
over HTTP, too; those of whole files only from files.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from services.intake.format import FileFormat, Format


def _discovered() -> dict[str, Format | FileFormat]:
    modules = (import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
    found = {module.FORMAT.name: module.FORMAT for module in modules}
    return {name: found[name] for name in sorted(found)}


ALL: Mapping[str, Format | FileFormat] = _discovered()
"""All formats by name, in the order of their names."""
FORMATS: Mapping[str, Format] = {name: one for name, one in ALL.items() if isinstance(one, Format)}
"""Those of payloads."""
FILE_FORMATS: Mapping[str, FileFormat] = {
    name: one for name, one in ALL.items() if isinstance(one, FileFormat)
}
"""Those of whole files."""

"""The kinds of incidents: one module each, discovered automatically, exporting `KIND`.

A new kind is a new module here; nothing else in the service names it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from services.consistency.core.kind import Kinds

KINDS = Kinds(import_module(f"{__name__}.{module.name}").KIND for module in iter_modules(__path__))
"""All kinds of the product."""

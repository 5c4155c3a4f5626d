"""The measures: one module each, with its statement beside it, exporting `MEASURE`; discovered.

A new measure is a new module and its `.sql` file here; nothing else in the service names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from services.measures.core.measure import AnyMeasure

FOLDER = Path(__file__).parent


def _discovered() -> dict[str, AnyMeasure]:
    found: dict[str, AnyMeasure] = {}
    for one in iter_modules(__path__):
        measure: AnyMeasure = import_module(f"{__name__}.{one.name}").MEASURE
        assert measure.name == one.name, f"measure {measure.name} stands in {one.name}.py"
        found[measure.name] = measure
    return {name: found[name] for name in sorted(found)}


MEASURES: Mapping[str, AnyMeasure] = _discovered()
"""All measures by name, in the order of their names."""

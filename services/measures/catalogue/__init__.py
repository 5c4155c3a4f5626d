"""The measures: one module each, with its statement beside it, exporting `MEASURE`; discovered.

A new measure is a new module and its `.sql` file here; nothing else in the service names it. A
module is loaded when its measure is asked for: a process that answers other questions needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from services.measures.core.measure import AnyMeasure

FOLDER = Path(__file__).parent


class MeasureCatalogue(Mapping[str, AnyMeasure]):
    """The measures by name, in the order of their names."""

    def __init__(self) -> None:
        self._loaded: dict[str, AnyMeasure | None] = dict.fromkeys(
            sorted(one.name for one in iter_modules(__path__))
        )

    def __getitem__(self, name: str) -> AnyMeasure:
        found = self._loaded[name]
        if found is not None:
            return found
        measure: AnyMeasure = import_module(f"{__name__}.{name}").MEASURE
        assert measure.name == name, f"measure {measure.name} stands in {name}.py"
        self._loaded[name] = measure
        return measure

    def __contains__(self, name: object) -> bool:
        return name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


MEASURES: Mapping[str, AnyMeasure] = MeasureCatalogue()
"""All measures."""

"""The kinds of incidents: one module each, discovered automatically, exporting `KIND`.

A new kind is a new module here; nothing else in the service names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter

from schemas.incident import AnyIncident
from services.consistency.core.kind import Kind


def _discovered() -> dict[str, Kind]:
    modules = (import_module(f"{__name__}.{one.name}") for one in iter_modules(__path__))
    found = {module.KIND.name: module.KIND for module in modules}
    return {name: found[name] for name in sorted(found)}


KINDS: Mapping[str, Kind] = _discovered()
"""All kinds by name, in the order of their names."""
_any_incident: Any = Union[tuple(kind.incident for kind in KINDS.values())]  # noqa: UP007
if len(KINDS) > 1:
    _any_incident = Annotated[_any_incident, Field(discriminator="kind")]
IncidentAdapter: TypeAdapter[AnyIncident] = TypeAdapter(_any_incident)
"""An incident of any kind, from and to its JSON form."""

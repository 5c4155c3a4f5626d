"""Maps that ship with the package, and those of a retailer: TOML files read into their model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.import_map import MAP_BYTES_MAX, ImportMap
from services.intake.tables.layout import CheckedMap, WrongMap, checked_map
from services.runtime.errors import ConfigurationError

FOLDER = resources.files("services.intake.tables").joinpath("maps")
READY = tuple(
    sorted(one.name.removesuffix(".toml") for one in FOLDER.iterdir() if one.name.endswith(".toml"))
)
"""Names of the maps that ship."""
OPTIONS = frozenset(ImportMap.model_fields) - {"columns", "constants", "version"}
WHOLE_NUMBERS = frozenset({"revision", "two_digit_years_from"})
FAULTS_SHOWN = 5


def map_text(name: str) -> str:
    """The text of a map that ships, by its name. Raises ConfigurationError."""
    if name not in READY:
        raise ConfigurationError(f"there is no map {name!r}; there are {', '.join(READY)}")
    return FOLDER.joinpath(f"{name}.toml").read_text("utf-8")


def read_map(name: str, settings: Mapping[str, str] | None = None) -> CheckedMap:
    """The map of that name, or of that file; `settings` are options and constants that differ.

    Raises ConfigurationError.
    """
    try:
        plain = tomllib.loads(_text(name))
        return checked_map(_model({**plain, **_settled(plain, settings or {})}))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"map {name}: {error}") from error


def _text(name: str) -> str:
    if name in READY:
        return map_text(name)
    path = Path(name)
    try:
        if path.stat().st_size > MAP_BYTES_MAX:
            raise ValueError(f"is larger than {MAP_BYTES_MAX} bytes")
        return path.read_text("utf-8-sig")
    except OSError as error:
        ready = "" if path.suffix else f"; maps that ship are {', '.join(READY)}"
        raise ConfigurationError(f"cannot read map {name}: {error.strerror}{ready}") from error


def _model(plain: Any) -> ImportMap:
    try:
        return ImportMap.model_validate(plain)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise WrongMap(
            "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}"
                for one in faults[:FAULTS_SHOWN]
            )
        ) from error


def _settled(plain: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Options and constants of the command line in the place of those of the file."""
    constants = dict(plain.get("constants") or {})
    found: dict[str, Any] = {}
    for name, text in settings.items():
        if name in OPTIONS:
            found[name] = _scalar(name, text)
        else:
            constants[name] = _scalar(name, text)
    if constants:
        found["constants"] = constants
    if "type" in found:
        found["columns"] = {k: v for k, v in plain.get("columns", {}).items() if k != "type"}
    return found


def _scalar(name: str, text: str) -> Any:
    """`true` and `false` as such. Digits stay text, as those of a customer number must, but where
    a number is asked for."""
    if name in WHOLE_NUMBERS and text.isdecimal():
        return int(text)
    return {"true": True, "false": False}.get(text, text)

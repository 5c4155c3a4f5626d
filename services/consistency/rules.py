"""The consistency rules of all kinds: from a file, or each kind's own defaults.

A file is TOML: `version`, `[zones]` for all kinds, a table of rules per kind, and `[routing]`,
which judges nothing. The rules of `price_mismatch` may also be at the top level, as in earlier
versions. `[realms.NAME]` holds what is different for one realm, in the same form.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.claim import PRICE_MISMATCH
from schemas.rules.consistency import DEFAULT_ROW, KindRules
from schemas.rules.routing import RoutingRules
from services.consistency.core.kind import Kinds
from services.consistency.kinds import KINDS

PACKAGED = "packaged"
SHARED = ("version", "zones", "routing")
REALMS = "realms"


class ConsistencyRules(NamedTuple):
    """The effective rules. `given` are the configured ones in normal form: one table per kind."""

    version: str
    by_kind: Mapping[str, KindRules]
    given: Mapping[str, Any]
    kinds: Kinds = KINDS
    """The kinds that are judged by these rules."""
    routing: RoutingRules = RoutingRules()
    """How incidents reach people."""
    by_realm: Mapping[str, ConsistencyRules] = {}
    """The rules of the realms that have some of their own."""

    @classmethod
    def of(cls, values: Mapping[str, Any], kinds: Kinds = KINDS) -> ConsistencyRules:
        """The rules made from these values.

        Raises:
            ValueError: a value is wrong or unknown; the text names each field at fault.
        """
        common = {name: value for name, value in values.items() if name != REALMS}
        whole = cls._of(_normal(common, kinds), kinds)
        realms = values.get(REALMS, {})
        if not isinstance(realms, Mapping):
            raise ValueError("realms: must be a table of realms, as [realms.NAME]")
        by_realm: dict[str, ConsistencyRules] = {}
        for realm, own in realms.items():
            try:
                by_realm[realm] = cls._of(_of_realm(whole.given, own, kinds), kinds)
            except ValueError as error:
                raise ValueError(f"realms.{realm}: {error}") from error
        given = {**whole.given, REALMS: realms} if realms else whole.given
        return whole._replace(given=given, by_realm=by_realm)

    def of_realm(self, realm: str) -> ConsistencyRules:
        """The rules that a realm is judged by: those of all, unless it has rules of its own."""
        return self.by_realm.get(realm, self)

    @classmethod
    def _of(cls, given: dict[str, Any], kinds: Kinds) -> ConsistencyRules:
        """The rules without those of single realms."""
        zones = given.get("zones", {})
        faults: list[str] = []
        by_kind: dict[str, KindRules] = {}
        for name, kind in kinds.items():
            if kind.judged_with:
                if given.get(name):
                    faults.append(f"{name}: the rules are those of {kind.judged_with}")
                continue
            try:
                by_kind[name] = kind.rules.model_validate({**given.get(name, {}), "zones": zones})
            except ValidationError as error:
                faults += _faults(error, name, kind.rules.tables_with_default())
        routing = RoutingRules()
        try:
            routing = RoutingRules.model_validate(given.get("routing", {}))
        except ValidationError as error:
            faults += _faults(error, "routing")
        faults += _unknown_names(routing, kinds, zones)
        if faults:
            raise ValueError("; ".join(dict.fromkeys(faults)))
        by_kind = {name: by_kind[kinds.base(name)] for name in kinds}
        return cls(str(given.get("version", PACKAGED)), by_kind, given, kinds, routing)

    def overridden(self, values: Mapping[str, Any]) -> ConsistencyRules:
        """These rules with some values replaced, tables row by row. Raises ValueError."""
        own = (name for name in self.kinds if self.kinds.base(name) == name)
        base = {**self.given, **{name: self._table(name) for name in own}}
        over = _normal({k: v for k, v in values.items() if k != REALMS}, self.kinds)
        over |= {REALMS: values[REALMS]} if REALMS in values else {}
        return ConsistencyRules.of(_merged(base, over), self.kinds)

    def _table(self, kind: str) -> dict[str, Any]:
        return self.by_kind[kind].model_dump(exclude={"zones"})


@lru_cache(maxsize=8)
def consistency_rules(path: Path | None = None) -> ConsistencyRules:
    """The rules of a file, or the defaults of every kind.

    Raises:
        ValueError: the file cannot be read, is not TOML, or breaks the rules' contract.
    """
    if path is None:
        return ConsistencyRules.of({})
    try:
        return ConsistencyRules.of(tomllib.loads(path.read_text("utf-8-sig")))
    except OSError as error:
        raise ValueError(f"rules file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"rules file {path}: {error}") from error


def _normal(values: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
    """Rules at the top become those of `price_mismatch`. Raises ValueError for unknown names."""
    given: dict[str, Any] = {}
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name in SHARED or name in kinds:
            given[name] = value
        elif name in kinds[PRICE_MISMATCH].rules.model_fields:
            flat[name] = value
        else:
            raise ValueError(f"{name}: neither a kind ({', '.join(kinds)}) nor a rule of one")
    for name in (*kinds, "routing"):
        if not isinstance(given.get(name, {}), Mapping):
            raise ValueError(f"{name}: must be a table of rules, as [{name}]")
    if flat:
        given[PRICE_MISMATCH] = {**flat, **given.get(PRICE_MISMATCH, {})}
    return given


def _of_realm(common: Mapping[str, Any], own: Any, kinds: Kinds) -> dict[str, Any]:
    """The rules of all with those of a realm, each of which replaces the other whole."""
    if not isinstance(own, Mapping):
        raise ValueError("must be a table of rules")
    for name in ("version", REALMS):
        if name in own:
            raise ValueError(f"{name}: belongs to the whole file")
    given = dict(common)
    for name, value in _normal(own, kinds).items():
        given[name] = value if name == "zones" else {**common.get(name, {}), **value}
    return given


def _unknown_names(routing: RoutingRules, kinds: Kinds, zones: Any) -> Iterator[str]:
    """Names in routing rules that no incident can have, so that the rule would never fit."""
    causes = {cause for one in kinds.values() for cause in one.causes}
    known = {"kind": kinds.keys(), "cause": causes, "zone": zones}
    for number, rule in enumerate(routing.rule):
        for field, names in known.items():
            for name in getattr(rule, field):
                if name not in names:
                    listed = ", ".join(sorted(map(str, names))) or "none"
                    yield f"routing.rule.{number}.{field}: no {field} {name!r}; there are: {listed}"


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(known, value)
        else:
            merged[name] = value
    return merged


def _faults(error: ValidationError, kind: str, with_default: Collection[str] = ()) -> list[str]:
    return [
        f"{_path(kind, fault['loc'])}: {_message(fault, with_default)}"
        for fault in error.errors(include_url=False, include_context=False)
    ]


def _message(fault: ErrorDetails, with_default: Collection[str]) -> str:
    """What is wrong, in the words of the file; `with_default` are tables with a row for all."""
    given, (name, *_) = fault["input"], fault["loc"] or ("",)
    if fault["type"] != "dict_type":
        return fault["msg"].removeprefix("Value error, ")
    if name not in with_default or not isinstance(given, int | float | str):
        return "must be a table"
    return f"must be a table, as {{ {DEFAULT_ROW} = {json.dumps(given)} }}"


def _path(kind: str, location: tuple[int | str, ...]) -> str:
    path = ".".join(map(str, location))
    if not path or path.startswith("zones"):
        return path or kind
    return f"{kind}.{path}"

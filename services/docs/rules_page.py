"""docs/reference/consistency-rules.md: every rule of every kind with its default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from schemas.descriptions import descriptions
from schemas.rules.routing import PRODUCT_RULES, QuietHours, RoutingRule, RoutingRules
from services.consistency.kinds import KINDS
from services.docs.json_schema import reflow
from services.docs.markdown import code, page, table

INTRODUCTION = """
Rules are written as TOML. `C360_CONSISTENCY_RULES` names the file; `[rules]` of a scenario
overrides it. `[zones]` is at the top level and applies to all kinds; every kind has its own
table. `[routing]` says how incidents reach people. Rules that are not set keep the default
below. In a rules file a table replaces the default table; in a scenario its rows are merged.
`[realms.NAME]` has, in the same form, what is different for one realm.
How the rules work together: [consistency](../consistency.md).
""".strip()


def rules_page() -> str:
    """The whole page."""
    blocks: list[str] = []
    for name, kind in KINDS.items():
        if kind.judged_with:
            blocks += [f"## `{name}`", f"It is judged by the rules of `[{kind.judged_with}]`."]
            continue
        rows = _rows(kind.rules())
        blocks += [f"## `[{name}]`", table(("Rule", "Default", "Description"), rows)]
    return page("Consistency rules", INTRODUCTION, *blocks, *_routing())


def _routing() -> list[str]:
    """How incidents reach people: tables of the file that judge nothing."""
    head = ("Rule", "Default", "Description")
    defaults = [
        (", ".join(_condition(one)) or "everything else", code(one.route)) for one in PRODUCT_RULES
    ]
    return [
        "## `[routing]`",
        "Which incidents page people, and when: [routing](../incident-routing.md).",
        table(head, _rows(RoutingRules())),
        "## `[[routing.quiet]]`",
        table(head, _fields(QuietHours)),
        "## `[[routing.rule]]`",
        table(head, _fields(RoutingRule)),
        "Behind the rules of the file stand those of the product:",
        table(("Incidents", "Route"), defaults),
    ]


def _fields(model: type[BaseModel]) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    texts = descriptions(model)
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _default(field.default)
        rows.append((code(name), default, reflow(texts.get(name, ""))))
    return rows


def _condition(rule: RoutingRule) -> Iterator[str]:
    for name in ("kind", "cause"):
        if getattr(rule, name):
            yield f"{name} " + " or ".join(map(code, getattr(rule, name)))
    if rule.severity:
        yield f"severity {code(rule.severity)} or higher"


def _rows(rules: BaseModel, prefix: str = "") -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    texts = descriptions(type(rules))
    for name in type(rules).model_fields:
        value = getattr(rules, name)
        if isinstance(value, BaseModel):
            rows += _rows(value, f"{prefix}{name}.")
        elif name != "zones":
            rows.append((code(prefix + name), _default(value), reflow(texts.get(name, ""))))
    return rows


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(code(f"{name} = {_plain(one)}") for name, one in value.items())
    if value is None:
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, list):
        return code("[" + ", ".join(f'"{one}"' for one in value) + "]")
    return code(f'"{value}"' if isinstance(value, str) else f"{value}")


def _plain(value: float | str) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"

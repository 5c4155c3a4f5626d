"""docs/reference/imports.md: which package imports which, drawn from the source itself.

Dependencies that a longer path implies are not drawn. tests/unit/test_tidy.py holds the
floors; a cycle has no floors and is refused here, too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from services.docs.markdown import code, codes, page, table

ROOT = Path(__file__).resolve().parents[2]
TOPS = ("schemas", "services", "devtools")
WHOLE = "schemas"
PURE = ("services.consistency.core", "services.consistency.kinds")
"""Packages of their own within a service: others import them, for they need no port."""
INTRODUCTION = """
An arrow leads from a package to one that it imports. Arrows that a longer path implies are not
drawn; the table lists every import. There is no cycle, and no arrow points upward.
""".strip()
Graph = dict[str, set[str]]


def imports_page() -> str:
    """The whole page. Raises graphlib.CycleError if packages import each other."""
    graph = import_graph(ROOT)
    levels = levels_of(graph)
    rows = [
        (str(levels[name]), code(name), codes(sorted(graph[name])))
        for name in sorted(graph, key=lambda one: (-levels[one], one))
    ]
    return page(
        "Imports",
        INTRODUCTION,
        _drawing(reduced(graph), levels),
        table(("Level", "Package", "Imports"), rows),
    )


def import_graph(root: Path) -> Graph:
    """Packages of the product and the development tools, each with the packages it imports."""
    graph: Graph = {}
    for file in (file for top in TOPS for file in (root / top).rglob("*.py")):
        name = package_of(".".join(file.relative_to(root).with_suffix("").parts), root)
        found = {package_of(module, root) for module in _modules(file) if _is_ours(module)}
        graph[name] = graph.get(name, set()) | (found - {name})
    return {name: found for name, found in graph.items() if name != "services"}


def package_of(module: str, root: Path) -> str:
    """`services.identity.core.model` → `services.identity`; `schemas.claim` → `schemas`."""
    pure = [one for one in PURE if module == one or module.startswith(f"{one}.")]
    if pure:
        return pure[0]
    parts = module.split(".")
    is_split = parts[0] != WHOLE and root.joinpath(*parts[:2]).is_dir()
    return ".".join(parts[:2]) if is_split else parts[0]


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in TOPS


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def levels_of(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """One more than the highest level that a package imports; 0 for those that import nobody."""
    levels: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        levels[name] = 1 + max((levels[one] for one in graph.get(name, ())), default=-1)
    return levels


def reduced(graph: Mapping[str, set[str]]) -> Graph:
    """The graph without arrows that a longer path implies (transitive reduction)."""
    reach: dict[str, set[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        direct = graph.get(name, set())
        reach[name] = direct.union(*(reach[one] for one in direct))
    return {
        name: {one for one in direct if not any(one in reach[other] for other in direct)}
        for name, direct in graph.items()
    }


def _drawing(arrows: Graph, levels: Mapping[str, int]) -> str:
    lines = ["```mermaid", "flowchart TD"]
    for level in sorted(set(levels.values()), reverse=True):
        names = sorted(name for name in arrows if levels[name] == level)
        lines += [f'    {_id(name)}["{name}"]' for name in names]
    for name in sorted(arrows):
        lines += [f"    {_id(name)} --> {_id(one)}" for one in sorted(arrows[name])]
    return "\n".join([*lines, "```"])


def _id(name: str) -> str:
    return name.replace(".", "_")

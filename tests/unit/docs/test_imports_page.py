"""The drawing of the imports: complete, reduced, and without a cycle."""

from __future__ import annotations

from graphlib import CycleError

import pytest

from services.docs.imports_page import ROOT, import_graph, levels_of, package_of, reduced
from tests.unit.test_tidy import FLOORS

GRAPH = {"top": {"middle", "bottom"}, "middle": {"bottom"}, "bottom": set[str]()}


def test_implied_arrows_are_not_drawn() -> None:
    """An arrow that a longer path implies disappears; nothing else does."""
    assert reduced(GRAPH) == {"top": {"middle"}, "middle": {"bottom"}, "bottom": set()}


def test_levels_rise_with_imports() -> None:
    """A package is one level above the highest one that it imports."""
    assert levels_of(GRAPH) == {"top": 2, "middle": 1, "bottom": 0}


def test_a_cycle_is_refused() -> None:
    """Packages that import each other have no level."""
    with pytest.raises(CycleError):
        levels_of({"a": {"b"}, "b": {"a"}})


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("schemas.rules.identity", "schemas"),  # the contracts are one package
        ("services.identity.core.model", "services.identity"),
        ("devtools.sample.builder", "devtools.sample"),
        ("devtools.kafka", "devtools"),  # a module, not a package
    ],
)
def test_modules_belong_to_packages(module: str, package: str) -> None:
    """Services and development tools are split by directory."""
    assert package_of(module, ROOT) == package


def test_every_package_has_a_floor() -> None:
    """The floors name every package that is drawn, and nothing outside of them."""
    graph = import_graph(ROOT)
    unlisted = {name for name in graph if name not in FLOORS and name.split(".")[0] not in FLOORS}
    assert not unlisted
    assert {package_of(name, ROOT) for name in FLOORS} <= set(graph)

"""The house rules that no linter knows: sizes, names, and which way dependencies point."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "services", "devtools", "bench", "tests")
FILES = sorted(file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))
FILE_LINES_MAX, FUNCTION_LINES_MAX = 600, 70
BANNED_NAMES = {"helpers", "common", "misc", "utils", "util"}
IMPURE = ("clickhouse_connect", "chdb", "aiokafka", "faust", "fastapi", "time", "socket", "os")
FLOORS = {
    # a package may import packages of a lower floor, and itself
    "schemas": 0,
    "services.runtime": 1,
    "devtools.sample": 1,
    "services.store": 2,
    "services.stream": 3,
    "services.profiles.core": 3,
    "services.consistency.core": 4,
    "services.consistency.kinds": 5,
    "services.ingest": 6,
    "services.identity": 6,
    "services.consistency": 6,
    "services.consistency.scenario": 8,
    "services.consistency.scenario_events": 7,
    "services.profiles": 6,
    "services.matching": 6,
    "services.measures": 6,
    "services.segments": 6,
    "services.erasure": 6,
    "services.erasure.on_server": 7,
    "services.erasure.sales": 7,
    "services.retention": 7,
    "services.retention.main": 8,
    "services.probe": 6,
    "services.notify": 7,
    "services.api": 7,
    "services.console": 8,
    "services.embedded": 8,
    "services.intake": 9,
    "services.docs": 10,
    "devtools": 10,
    "services.cli": 11,
}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


@cache
def imports(file: Path) -> tuple[str, ...]:
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    sources = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return (*plain, *sources)


def package_of(module: str) -> str | None:
    inside = [one for one in FLOORS if module == one or module.startswith(one + ".")]
    return max(inside, key=len, default=None)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_sizes_and_names(file: Path) -> None:
    """Files, functions and module names stay within the limits of the style guide."""
    text = file.read_text("utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    assert not BANNED_NAMES & set(file.relative_to(ROOT).with_suffix("").parts)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name
            if node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{node.name} does not say what it tests"
    assert not text or ast.get_docstring(tree), "a module says what it owns"


CORES = [file for file in FILES if "core" in file.parts and "services" in file.parts]


@pytest.mark.parametrize("file", CORES, ids=name_of)
def test_cores_are_pure(file: Path) -> None:
    """A core imports no store, no broker, no clock, no adapter."""
    for module in imports(file):
        assert module.split(".")[0] not in IMPURE, module
        assert ".adapters" not in module, module
        assert not module.startswith("services.runtime"), module


@pytest.mark.parametrize(
    "file",
    [f for f in FILES if f.parts[len(ROOT.parts)] in ("schemas", "services", "devtools")],
    ids=name_of,
)
def test_dependencies_point_one_way(file: Path) -> None:
    """cli → intake → embedded → api → services → stream → store → runtime → schemas."""
    mine = package_of(name_of(file))
    if mine is None:
        return
    for module in imports(file):
        other = package_of(module)
        if other is not None and other != mine:
            assert FLOORS[other] < FLOORS[mine], f"{name_of(file)} imports {module}"


def test_a_class_name_stands_for_one_thing() -> None:
    """Only `Cause` has several definitions: each kind of incident names its own causes."""
    shipped = (file for file in FILES if name_of(file).startswith(("schemas", "services", "dev")))
    names = Counter(
        node.name
        for file in shipped
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == ["Cause"]


def test_the_sample_knows_no_core() -> None:
    """The sample builder must not use the code that computes the answers."""
    for file in (ROOT / "devtools" / "sample").glob("*.py"):
        assert not [module for module in imports(file) if ".core" in module], file


SERVICES = [file for file in FILES if name_of(file).startswith("services.")]


@pytest.mark.parametrize("file", SERVICES, ids=name_of)
def test_statements_that_read_are_in_sql_files(file: Path) -> None:
    """A module takes its SELECTs by name from the `.sql` file beside it."""
    for text in texts(file):
        assert not re.search(r"\bSELECT\b", text), text


def test_the_profile_map_has_one_reader() -> None:
    """Which profile holds a node, and which nodes it holds, is read in one way."""
    for file in (ROOT / "services").rglob("*.sql"):
        if file.name not in ("profile_map.sql", "changes.sql"):  # the latter: that it changed
            assert not re.search(r"FROM members\b|argMax\(profile\b", file.read_text("utf-8")), (
                f"{file} reads the map; use services/store/profile_map.py"
            )


PRINTS = ROOT / "services" / "cli" / "output.py"


@pytest.mark.parametrize("file", SERVICES, ids=name_of)
def test_no_text_is_read_as_markup(file: Path) -> None:
    """Values come from anybody: brackets in one must neither colour nor hide what is printed.

    One module prints, on consoles that read no markup; what stands out is made by `bold`.
    """
    if file == PRINTS:
        calls = [one for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.Call)]
        consoles = [one for one in calls if getattr(one.func, "id", "").endswith("Console")]
        readers = [one for one in calls if getattr(one.func, "id", "") == "TextColumn"]
        assert consoles
        assert readers
        for one in (*consoles, *readers):
            given = {word.arg: getattr(word.value, "value", None) for word in one.keywords}
            assert given.get("markup") is False, f"line {one.lineno} of {file.name}"
    else:
        assert not [name for name in imports(file) if name.split(".")[0] == "rich"], file
    assert not re.search(r"from_markup|markup=True|Text\.from_ansi", file.read_text("utf-8")), file


OPERATED = ("runtime", "store", "stream", "cli", "docs")
"""Their texts are for those who operate processes; those of all others may reach API clients."""


@pytest.mark.parametrize(
    "file", [f for f in SERVICES if name_of(f).split(".")[1] not in OPERATED], ids=name_of
)
def test_what_an_api_client_may_see_names_no_command(file: Path) -> None:
    """Only the command line says which command helps, by an error's reason."""
    for text in texts(file):
        assert not re.search(r"\bc360 [a-z]", text), text


@cache
def texts(file: Path) -> list[str]:
    """The literals of a module that are no docstrings."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    described = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    literals = [node for node in nodes if isinstance(node, ast.Constant)]
    return [str(node.value) for node in literals if id(node) not in described]


def test_files_of_tests_outside_packages_have_names_of_their_own() -> None:
    """pytest imports them by that name alone, and refuses the second one only in a whole run."""
    alone = [one for one in (ROOT / "tests").rglob("test_*.py") if not _is_in_package(one)]
    counted = Counter(one.name for one in alone)
    assert not [name for name, times in counted.items() if times > 1]


def _is_in_package(file: Path) -> bool:
    return (file.parent / "__init__.py").is_file()

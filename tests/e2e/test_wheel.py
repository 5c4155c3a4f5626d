"""The wheel alone, without checkout and embedded engine: what works, and what the rest says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.e2e.runs import environment

ROOT = Path(__file__).parents[2]
HIDDEN = ("chdb", "openpyxl", "pyarrow", "customer360", "_editable", "__editable__", "_virtualenv")
DEADLINE_S = 120


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=DEADLINE_S)
    [built] = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its dependencies, but neither engine nor checkout."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=False)
    [site] = directory.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(HIDDEN):
            (site / entry.name).symlink_to(entry)
    with ZipFile(wheel) as packed:  # no entry points: a pure wheel is installed by unpacking it
        packed.extractall(site)
    return directory / "bin" / "python"


def run(python: Path, cwd: Path, *arguments: str, code: int) -> str:
    """Output of a command in that environment, with its exit code checked."""
    done = subprocess.run(
        [python, "-c", "from services.cli import main; main()", *arguments],
        cwd=cwd,
        env={name: value for name, value in environment().items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_a_wheel_built_again_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """Elsewhere, by another umask, from files of another age."""
    built = []
    for name, umask, age_s in (("one", 0o022, 0), ("another/place", 0o077, 10**8)):
        tree = tmp_path / name
        for part in ("services", "schemas"):
            shutil.copytree(
                ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"),
                copy_function=shutil.copyfile,
            )  # fmt: skip
        for part in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copyfile(ROOT / part, tree / part)
        for path in tree.rglob("*"):
            os.chmod(path, (0o777 if path.is_dir() else 0o666) & ~umask)
            os.utime(path, (path.stat().st_mtime - age_s,) * 2)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tree / "dist")],
            cwd=tree, env=environment(SOURCE_DATE_EPOCH="1577836800"), umask=umask, check=True,
            capture_output=True, timeout=DEADLINE_S,
        )  # fmt: skip
        [wheel] = (tree / "dist").glob("*.whl")
        built.append(wheel.read_bytes())
    assert built[0] == built[1]


def test_the_wheel_holds_the_product_alone(wheel: Path) -> None:
    """No development tool, no test; the embedded engine and the sample's data are extras."""
    with ZipFile(wheel) as packed:
        names = packed.namelist()
        [metadata] = [name for name in names if name.endswith("METADATA")]
        written = message_from_string(packed.read(metadata).decode())
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "services", "schemas", "customer360"
    }  # fmt: skip
    required = [one for one in written.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert required
    assert not [one for one in required if one.startswith(("chdb", "pandas", "pyarrow"))]
    assert set(written.get_all("Provides-Extra", [])) == {
        "embedded",
        "dev",
        "files",
        "insights",
        "oidc",
        "otel",
        "suggest",
    }


@pytest.mark.parametrize(
    "arguments", [("--help",), ("config",), ("migrate", "--render"), ("version",)]
)
def test_what_needs_no_engine_works(
    python: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Help, settings and the SQL of the schema."""
    assert run(python, tmp_path, *arguments, code=0)


def test_help_lists_no_command_of_a_checkout(python: Path, tmp_path: Path) -> None:
    """What cannot work is not offered."""
    commands = run(python, tmp_path, "--help", code=0).split("Commands", 1)[1]
    names = {line.strip("│ ").split(" ")[0] for line in commands.splitlines()}
    assert {"ingest", "up", "worker"} <= names
    assert not {"demo", "sample", "dev"} & names


@pytest.mark.parametrize(
    "arguments", [("ingest", "-"), ("profile", "list"), ("up", "--port", "0"), ("migrate",)]
)
def test_what_needs_the_engine_says_how_to_get_it(
    python: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A configuration error with both ways out."""
    told = run(python, tmp_path, *arguments, code=78)
    assert "pip install 'customer360[embedded]'" in told
    assert "C360_CLICKHOUSE_URL" in told


@pytest.mark.parametrize("kind", ["Excel", "Parquet"])
def test_what_needs_a_library_for_files_says_how_to_get_it(
    python: Path, tmp_path: Path, kind: str
) -> None:
    """A workbook and a Parquet file; CSV is read without one."""
    table = tmp_path / "table"
    if kind == "Excel":
        with ZipFile(table, "w") as archive:
            archive.writestr("xl/workbook.xml", "<workbook/>")
    else:
        table.write_bytes(b"PAR1 and more PAR1")
    told = run(python, tmp_path, "import", "table", "--map", "customers", "--dry-run", code=78)
    assert kind in told
    assert "pip install 'customer360[files]'" in told
    table.write_text("Kundennummer,Vorname,geändert am\n1,Anna,2026-03-02\n", "utf-8")
    assert run(python, tmp_path, "import", "table", "--map", "customers", "--dry-run", code=0)


@pytest.mark.parametrize("arguments", [("demo",), ("sample", "build"), ("dev", "kafka")])
def test_development_tools_need_a_checkout(
    python: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """They say where they are, and leave nothing behind."""
    assert "checkout" in run(python, tmp_path, *arguments, code=78)
    assert not list(tmp_path.iterdir())

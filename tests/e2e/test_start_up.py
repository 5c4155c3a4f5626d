"""A command loads what it needs: what each must not load is named here, and looked up in a process.

What a command loads costs every call of it, and a module that imports too much is noticed nowhere
else. Nothing is timed; `python -m bench startup` measures.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.runs import DEADLINE_S, environment

PROGRAM = """
import atexit, pathlib, sys
file = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: file.write_text("\\n".join(sys.modules)))
from services.cli import main
main()
"""
WEB = {"fastapi", "starlette", "uvicorn"}
KAFKA = {"aiokafka", "faust"}
SERVERS = WEB | KAFKA | {"aiohttp", "httpx"}
STORE = {"chdb", "clickhouse_connect", "clickhouse_migrations"}
TABLES = {"pyarrow", "pandas", "numpy"}
"""Which the embedded engine would load for forms of answers that nobody asks it for."""
EVENT = (
    '{"event_id":"e-1","occurred_at":"2026-03-02T10:00:00Z","channel":"shop","type":"page.viewed",'
    '"identifiers":[{"type":"email","value":"anna@example.com"}],"body":{}}\n'
)
KAFKA_UNSET, USAGE = 78, 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a file of one event, which is no store yet."""
    directory = tmp_path_factory.mktemp("start-up")
    (directory / "event.jsonl").write_text(EVENT, "utf-8")
    return directory


def start(place: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """A process of the command line that writes down its modules when it ends."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "modules", "--data-dir", "store", *arguments],
        cwd=place,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def loaded(place: Path, process: subprocess.Popen[str], code: int) -> set[str]:
    """Every module of the process, and every package above one, once it has ended."""
    told = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, told
    return set((place / "modules").read_text("utf-8").splitlines())


@pytest.mark.parametrize(
    ("arguments", "code", "never"),
    [
        ("--help", 0, SERVERS | STORE | TABLES | {"pydantic", "schemas", "structlog"}),
        ("version", 0, SERVERS | TABLES | {"chdb", "schemas.touchpoint"}),
        ("config --json", 0, SERVERS | STORE | TABLES | {"schemas.touchpoint"}),
        ("publish event.jsonl", KAFKA_UNSET, WEB | STORE | TABLES | {"faust", "httpx"}),
        ("worker ingest", KAFKA_UNSET, WEB | TABLES | {"chdb", "services.embedded.engine"}),
        ("ingest event.jsonl", 0, SERVERS | TABLES | {"services.api.operations"}),
        ("profile get anna@example.com", 0, SERVERS | TABLES | {"services.api.operations"}),
    ],
)
def test_what_a_command_does_not_load(
    place: Path, arguments: str, code: int, never: set[str]
) -> None:
    """Neither a server it does not run, nor a client or an engine it does not use."""
    assert loaded(place, start(place, *arguments.split()), code) & never == set()


def test_what_the_api_does_not_load(place: Path) -> None:
    """It serves over HTTP, and has neither an engine of its own nor a worker's framework."""
    process = start(place, "api", "--port", "0", C360_CLICKHOUSE_URL="http://127.0.0.1:9")
    assert process.stderr is not None
    assert any("is at http" in line for line in process.stderr)
    process.send_signal(signal.SIGTERM)
    found = loaded(place, process, 0)
    assert found & WEB == WEB
    assert found & (TABLES | {"chdb", "faust", "services.embedded.engine"}) == set()

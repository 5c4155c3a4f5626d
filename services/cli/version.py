"""`c360 version`: what is installed here, for reports and for a look into an image.

It reads no settings and reaches nothing: it answers in a broken installation, too.
"""

from __future__ import annotations

import platform
from importlib import metadata, resources
from typing import Any

from services.cli.output import out, print_json
from services.cli.state import AsJson
from services.store.migrations import latest_migration

LIBRARIES = (
    "aiokafka", "clickhouse-connect", "fastapi", "faust-streaming", "orjson", "pydantic", "uvicorn",
)  # fmt: skip
"""Those whose version decides how we behave on the network and in the store."""
COMMIT_FILE = "commit.txt"
"""Written into the package while an image is built (deploy/Dockerfile); nowhere else."""


def version(as_json: AsJson = False) -> None:
    """Print the version, the commit if it is known, the schema and the main libraries."""
    found = installed()
    if as_json:
        print_json(found)
        return
    out.print(f"c360 {found['release']}")
    for name in ("commit", "python", "schema", "embedded_engine"):
        out.print(f"  {name.replace('_', ' '):<20}{found[name] or '-'}", soft_wrap=True)
    for name, number in found["libraries"].items():
        out.print(f"  {name:<20}{number or '-'}", soft_wrap=True)


def installed() -> dict[str, Any]:
    """What is installed, as `--json` prints it."""
    return {
        "version": 1,
        "release": _release("customer360"),
        "commit": _commit(),
        "python": platform.python_version(),
        "schema": latest_migration(),
        "embedded_engine": _release("chdb"),
        "libraries": {name: _release(name) for name in LIBRARIES},
    }


def _release(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    written = resources.files("services").joinpath(COMMIT_FILE)
    return (written.read_text("utf-8").strip() or None) if written.is_file() else None

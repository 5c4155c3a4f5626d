"""`python -m devtools.dashboards`: write the dashboards into deploy/grafana/dashboards/.

With `--check` nothing is written; files that differ are listed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools.dashboards import BOARDS

DIRECTORY = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"


def texts() -> dict[str, str]:
    """Name and text of every file of the directory."""
    return {board.file: board.text() for board in BOARDS}


def stale(directory: Path) -> list[str]:
    """Files that are missing, differ, or belong to no dashboard."""
    wanted = texts()
    found = {file.name: file.read_text("utf-8") for file in directory.glob("*.json")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devtools.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, list what differs")
    check = parser.parse_args(arguments).check
    outdated = stale(DIRECTORY)
    for name in outdated:
        sys.stdout.write(f"{'outdated' if check else 'written'}: {name}\n")
        if not check and name in texts():
            (DIRECTORY / name).write_text(texts()[name], "utf-8")
        elif not check:
            (DIRECTORY / name).unlink()
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())

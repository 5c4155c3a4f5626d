"""Applies each patch of this directory to a copy of the tree and demands that a test fails.

The first lines of a patch say what it breaks (`# breaks:`) and who must notice (`# killed by:`):
`simulation`, or the arguments of pytest. Exit code 1 if a mutant survives or does not apply.
Names of patches, or parts of them, may be given; without any, all are tried.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
COPIED = ("schemas", "services", "devtools", "tests", "k8s", "pyproject.toml", "README.md")
SEEDS_MAX = 200
TIMEOUT_S = 900
SIMULATION = "simulation"


class Verdict(NamedTuple):
    """What became of one mutant."""

    is_killed: bool
    told: str


def header(patch: Path, name: str) -> str:
    """One line of a patch's head."""
    found = re.search(rf"^# {name}: (.+)$", patch.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(f"{patch.name} does not say '# {name}: …'")
    return found[1]


def copy_tree(to: Path) -> None:
    """The tree as it is now, changes included."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / name)


def command(killer: str) -> list[str]:
    """What runs the killer in a copy of the tree."""
    if killer == SIMULATION:
        return [sys.executable, "-m", "tests.simulation", "--runs", str(SEEDS_MAX)]
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *killer.split()]


def hunt(patch: Path, tree: Path) -> Verdict:
    """Apply one mutant, run its killer, take the mutant out again."""
    apply = ["patch", "--strip", "1", "--fuzz", "0", "--force", "--silent", "--input", str(patch)]
    # A hunk that fails would leave the others behind, in the tree of every later mutant.
    applies = subprocess.run(
        [*apply, "--dry-run"], cwd=tree, capture_output=True, text=True, check=False
    )
    if applies.returncode:
        return Verdict(False, f"does not apply: {applies.stdout.strip()}")
    subprocess.run(apply, cwd=tree, capture_output=True, check=True)
    try:
        run = subprocess.run(
            command(header(patch, "killed by")), cwd=tree, capture_output=True, text=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    finally:
        subprocess.run([*apply, "--reverse"], cwd=tree, capture_output=True, check=True)
    lines = [line for line in run.stdout.splitlines() if re.search("^seed .* fails|^FAILED", line)]
    if run.returncode != 1 or not lines:
        return Verdict(False, f"SURVIVES: {run.stdout[-300:].strip()} {run.stderr[-500:].strip()}")
    return Verdict(True, lines[0][:150])


def main(names: list[str]) -> int:
    """Hunt the mutants; the exit code."""
    patches = [
        patch
        for patch in sorted(HERE.glob("*.patch"))
        if not names or any(name in patch.name for name in names)
    ]
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="c360-mutants-") as directory:
        tree = Path(directory)
        copy_tree(tree)
        for patch in patches:
            began_s = time.monotonic()
            verdict = hunt(patch, tree)
            survivors += not verdict.is_killed
            took_s = time.monotonic() - began_s
            sys.stdout.write(
                f"{patch.stem}: {header(patch, 'breaks')}\n"
                f"    {'killed' if verdict.is_killed else 'NOT KILLED'} in {took_s:.0f} s: "
                f"{verdict.told}\n"
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(patches) - survivors} of {len(patches)} mutants killed\n")
    return 1 if survivors or not patches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

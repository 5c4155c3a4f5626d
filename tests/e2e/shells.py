"""Shells as a person opens them in a checkout, and what is pasted into them.

A machine has a loopback of its own where the system can give it one (Linux), because pages name
fixed ports; elsewhere it is this machine's. Everything that was started ends with it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.e2e.pages import ROOT
from tests.e2e.runs import wait_for

IN_A_CHECKOUT = (
    *("Makefile", "README.md", "pyproject.toml", "requirements.lock"),
    *("bench", "clients", "deploy", "devtools", "docs", "schemas", "services", "tests"),
)
NOT_OURS = ("C360_", "COLUMNS", "HOUSEHOLDS", "MAKE", "MFLAGS", "PYTEST", "SIM_", "VIRTUAL_ENV")
"""Beginnings of variables that the shell of a stranger does not have."""
OWN_LOOPBACK = ("unshare", "--user", "--map-root-user", "--net")
HOLD_IT = 'ip link set lo up && echo up && exec sleep "$1"'
PASTE_DEADLINE_S, READY_S = 600, 60


def make_checkout(directory: Path) -> Path:
    """A checkout with its environment, as `make setup` leaves it; returns the directory."""
    directory.mkdir()
    for name in IN_A_CHECKOUT:
        (directory / name).symlink_to(ROOT / name)
    environment = directory / ".venv"
    environment.mkdir()
    for one in Path(sys.prefix).iterdir():
        (environment / one.name).symlink_to(one)
    installed = environment / "installed"
    installed.unlink(missing_ok=True)
    installed.touch()  # newer than the pinned requirements: there is nothing to install
    assert (environment / "bin" / "c360").is_file(), "the tests run in the project's environment"
    return directory


class Pasted(NamedTuple):
    """How a command ended: its exit code, and all that a terminal would show."""

    code: int
    output: str


class Shell:
    """A fresh bash in a checkout, without any setting of ours."""

    def __init__(self, inside: tuple[str, ...], checkout: Path, notes: Path, activated: bool):
        self._notes = notes
        self._numbers = itertools.count()
        notes.mkdir(parents=True)
        temporary = notes.with_name("tmp")
        temporary.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(NOT_OURS)}
        folders = [
            one for one in kept["PATH"].split(os.pathsep) if not (Path(one) / "c360").exists()
        ]
        if activated:
            folders.insert(0, str(checkout / ".venv" / "bin"))
        with (notes / "shell.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*inside, "bash", "--norc", "--noprofile"],
                cwd=checkout,
                env={
                    **kept,
                    "PATH": os.pathsep.join(folders),
                    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")]),
                    "TMPDIR": str(temporary),
                },
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._say("set -o pipefail")

    def paste(self, command: str) -> Pasted:
        """Run a command to its end."""
        number = self._begin(command)
        code = self._notes / f"{number}.code"
        wait_for(lambda: code.exists() or self._process.poll() is not None, PASTE_DEADLINE_S)
        assert code.exists(), f"{command}\nended the shell\n{self._output(number)}"
        return Pasted(int(code.read_text("utf-8")), self._output(number))

    def serve(self, command: str, is_up: Callable[[str], bool]) -> None:
        """Start a server that keeps the shell, until what it prints says that it is up."""
        number = self._begin(command)
        code = self._notes / f"{number}.code"
        with suppress(AssertionError):
            wait_for(lambda: code.exists() or is_up(self._output(number)), READY_S)
        output = self._output(number)
        assert not code.exists(), f"{command}\nended\n{output}"
        assert is_up(output), f"{command}\nis not up\n{output}"

    def close(self) -> None:
        """End the shell and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _begin(self, command: str) -> int:
        number = next(self._numbers)
        (self._notes / f"{number}.sh").write_text(f"{command}\n", "utf-8")
        here = self._notes / str(number)
        self._say(
            f". {here}.sh < /dev/null > {here}.out 2>&1; "
            f"echo $? > {here}.new; mv {here}.new {here}.code"
        )
        return number

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _output(self, number: int) -> str:
        file = self._notes / f"{number}.out"
        return file.read_text("utf-8", "replace") if file.exists() else ""


class Machine:
    """Where the shells of one page are opened; see `machine`."""

    def __init__(self, inside: tuple[str, ...], checkout: Path, notes: Path) -> None:
        self.checkout = checkout
        self._inside = inside
        self._notes = notes
        self._shells: list[Shell] = []

    def open_shell(self, activated: bool) -> Shell:
        """A fresh shell; `activated` has `c360` on its path."""
        notes = self._notes / str(len(self._shells))
        self._shells.append(Shell(self._inside, self.checkout, notes, activated))
        return self._shells[-1]

    def close(self) -> None:
        """End all shells."""
        for shell in self._shells:
            shell.close()


@contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """A machine with a new checkout, below the directory."""
    checkout = make_checkout(directory / "checkout")
    with _loopback() as inside:
        opened = Machine(inside, checkout, directory / "notes")
        try:
            yield opened
        finally:
            opened.close()
            shutil.rmtree(checkout, ignore_errors=True)  # copies of data that would pile up


@contextmanager
def _loopback() -> Iterator[tuple[str, ...]]:
    """A loopback of its own, as the beginning of a command inside; empty if there can be none."""
    if any(shutil.which(one) is None for one in ("unshare", "nsenter", "ip")):
        yield ()
        return
    holder = subprocess.Popen(
        [*OWN_LOOPBACK, "sh", "-c", HOLD_IT, "sh", "3600"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        is_up = holder.stdout.readline() == "up\n"
        target = ("--preserve-credentials", "--user", "--net", "--target", str(holder.pid))
        yield ("nsenter", *target) if is_up else ()
    finally:
        holder.kill()
        holder.communicate()

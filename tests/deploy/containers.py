"""A container of the image, as far as one can be had without a container engine.

The image's own command runs as its user, as the first process of a namespace, with its file system
read-only and no privilege; only its volumes may be written. It shares the network of the tests.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from devtools.child import LAUNCHER
from devtools.image.tree import Image

DEADLINE_S = 120


class Container:
    """One container: its volumes, its settings and its process.

    Args:
        directory: for its volumes and its log.
        env: what an operator sets, besides what the image sets.
    """

    def __init__(self, image: Image, directory: Path, env: Mapping[str, str]) -> None:
        self.image = image
        self.state = directory / "volumes"
        self.log = directory / "log"
        self.state.mkdir(parents=True)
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, code: int = 0) -> str:
        """The output of a command of the entry point, once it has ended with the code."""
        return self.execute(*self.image.entrypoint, *arguments, code=code)

    def execute(self, *command: str, code: int = 0) -> str:
        """The output of any program, as `docker exec` gives it."""
        words, env = self.image.command(self.state, command, self._env)
        done = subprocess.run(
            words, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def start(self, *arguments: str) -> None:
        """Start a command of the entry point; it dies with the test."""
        words, env = self.image.command(self.state, [*self.image.entrypoint, *arguments], self._env)
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid())]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, "/usr/bin/env", *words], env=env, stdout=log, stderr=log
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """What holds the namespace; the container's first process is its child."""
        assert self._process is not None, "not started"
        return self._process

    def first_process(self) -> int | None:
        """The id, as this machine numbers it, of the container's first process; None before it has
        become the program of the entry point."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
        return int(children[0]) if children else None

    def terminate(self) -> int:
        """SIGTERM to the first process, as an engine sends it; the container's exit code."""
        first = self.first_process()
        assert first is not None
        os.kill(first, signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        """End it, however it is."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        """What it has written."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def is_healthy(self) -> bool:
        """Whether the image's health check passes now."""
        words, env = self.image.command(self.state, self.image.health, self._env)
        done = subprocess.run(words, env=env, timeout=DEADLINE_S, check=False, capture_output=True)
        assert done.returncode in (0, 1), done.stderr.decode()
        return done.returncode == 0


def tree_of(root: Path) -> Iterator[tuple[str, int, int, int]]:
    """Every file below a directory, with its size, mode and the time of its last change."""
    for path in sorted(root.rglob("*")):
        seen = path.lstat()
        yield str(path.relative_to(root)), seen.st_size, seen.st_mode, seen.st_mtime_ns

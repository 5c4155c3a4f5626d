"""A file system that can be filled without harm: a tmpfs in a mount namespace of its own.

A process that sleeps keeps the namespace; whatever is to live on the disk is started inside it.
Needs the right to mount (root, as in CI).
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self

SLEEP = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo mounted && exec sleep infinity'
FILLER = "filler"


class SmallDisk:
    """A context: inside it the disk is mounted at `path`, for processes started by `launcher`."""

    def __init__(self, path: Path, size_mib: int) -> None:
        self.path = path
        self._size_mib = size_mib
        self._holder: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        self._holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-ec", SLEEP, "sh", f"{self._size_mib}m", str(self.path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        told = self._holder.stdout.readline()
        assert told == "mounted\n", "mounting a tmpfs needs root"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._holder is not None
        assert self._holder.stdout is not None
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()

    @property
    def launcher(self) -> tuple[str, ...]:
        """Put before a command, it runs where the disk is."""
        assert self._holder is not None
        return ("nsenter", "--target", str(self._holder.pid), "--mount", "--")

    def fill(self) -> None:
        """Leave no room at all."""
        file = str(self.path / FILLER)
        done = subprocess.run(
            [*self.launcher, "dd", "if=/dev/zero", f"of={file}", "bs=64k", "oflag=append",
             "conv=notrunc"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "No space left" in done.stderr, done.stderr

    def free(self) -> None:
        """Room again."""
        subprocess.run([*self.launcher, "rm", "-f", str(self.path / FILLER)], check=True)

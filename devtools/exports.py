"""Where a development server leaves what other shells have to export, for `--export` to find.

One file per server and user, in a directory that only this user may read. It names the process, so
one that a killed server left behind is not believed.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_S = 0.1


class NotUp(Exception):
    """No such server came up in time."""


def _file(server: str) -> Path:
    directory = Path(tempfile.gettempdir()) / f"c360-dev-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    if directory.stat().st_uid != os.getuid() or directory.stat().st_mode & 0o077:
        raise NotUp(f"{directory} is not this user's alone; remove it")
    return directory / f"{server}.env"


@contextmanager
def left_for_others(server: str, lines: list[str]) -> Iterator[None]:
    """Leave these lines for as long as the server runs."""
    file = _file(server)
    file.write_text("\n".join([f"# {os.getpid()}", *lines, ""]), "utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def wait_for_exports(server: str, deadline_s: float) -> str:
    """The lines of a running server, waiting until it is up. Raises NotUp."""
    end = time.monotonic() + deadline_s
    while True:
        if (lines := _lines(_file(server))) is not None:
            return lines
        if time.monotonic() > end:
            raise NotUp(f"no 'c360 dev {server}' of this user came up within {deadline_s:.0f} s")
        time.sleep(POLL_S)


def _lines(file: Path) -> str | None:
    with suppress(OSError, ValueError):
        head, _, lines = file.read_text("utf-8").partition("\n")
        os.kill(int(head.removeprefix("# ")), 0)
        return lines
    return None

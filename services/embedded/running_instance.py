"""The file that `c360 up` writes to its data directory: its address and a token."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

PRESENCE_FILE = "up.json"


class RunningInstance(NamedTuple):
    """A running `c360 up`."""

    pid: int
    url: str
    token: str
    certificate: str = ""
    """Its certificate in PEM, if it speaks TLS."""


def write_running_instance(data_dir: Path, url: str, certificate: str = "") -> RunningInstance:
    """Write the file of this process; readable by the owner only.

    Raises NoRoom or StoreUnavailable when it cannot be written.
    """
    from services.store.errors import translated  # the driver; who only reads needs none

    presence = RunningInstance(os.getpid(), url, secrets.token_urlsafe(32), certificate)
    path = data_dir / PRESENCE_FILE
    temporary = path.with_suffix(".tmp")
    with translated(None):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(presence._asdict()))
        temporary.replace(path)
    return presence


def read_running_instance(data_dir: Path) -> RunningInstance | None:
    """The running `c360 up` of a directory; None if there is none (any more)."""
    try:
        presence = RunningInstance(**orjson.loads((data_dir / PRESENCE_FILE).read_bytes()))
        os.kill(presence.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return presence


def remove_running_instance(data_dir: Path) -> None:
    """Remove the file; one left by a killed process is recognised by its pid."""
    with suppress(OSError):
        (data_dir / PRESENCE_FILE).unlink()

"""The line of an event as ingest takes it, and the errors of inputs that hold lines.

Reading files is the intake's part (services/intake/files.py); here nothing is opened.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.faults import Fault
from services.ingest.core.decode import fits
from services.runtime.errors import C360Error

KEPT_BYTES_MAX = 64 * 1024


class Line(NamedTuple):
    """One line without its line break. `size` is its length as sent; `content` may be truncated."""

    content: bytes
    size: int
    fault: Fault | None = None
    """Why the intake could not read it; the line is then rejected as it is."""
    place: str = ""
    """File and number of the line, for the message of a reject; empty if it came from no file."""
    realm: str = ""
    """The only realm of which its sender may send events; empty for any."""
    named: bytes = b""
    """Of a line that the intake could not read: whom it names, as the fields of a touchpoint that
    say so, if the intake could read that much. Empty: the content says so itself."""

    @property
    def is_whole(self) -> bool:
        """Whether the line fits the limit of an event."""
        return fits(self.content, self.size)


class InputError(C360Error):
    """The input cannot be read (further)."""

    exit_code = 65


class InputMissing(InputError):
    """There is no such file."""

    exit_code = 66

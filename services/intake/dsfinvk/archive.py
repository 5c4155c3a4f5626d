"""The files of an export: members of a ZIP archive, or of a directory.

They are opened by name and read as streams; nothing is ever unpacked to a path. What unpacks to
more than an export can be, is encrypted, or holds one name twice is refused.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from services.intake.format import UnreadableFile

MEMBERS_MAX = 1_000
UNPACKED_BYTES_MAX = 16 * 1024**3
RATIO_MAX, RATIO_BYTES_MIN = 400, 16 * 1024**2
"""Tables shrink to a tenth or a hundredth; what shrinks more was made to fill a disk."""
ARCHIVE_BYTES_MAX = 4 * 1024**3
"""Of an archive that comes through a pipe: it is kept in a temporary file until it is read."""
COPIED_BYTES = 1024**2
INDEX = "index.xml"
INDEX_BYTES_MAX = 4 * 1024**2
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1
NO_INDEX = f"is no export of DSFinV-K: it holds no {INDEX}"


class ExportFiles(Protocol):
    """The files of one export."""

    is_checked: bool
    """Whether a file that was cut off is known by its check sum."""

    def size(self, name: str) -> int | None:
        """Bytes of a file, unpacked; None if there is none of this name."""

    def open(self, name: str) -> BinaryIO:
        """A file that is there."""


class UnpackedFiles:
    """Those of a directory."""

    is_checked = False

    def __init__(self, directory: Path) -> None:
        """Raises UnreadableFile."""
        self._files = {
            one.name.lower(): one
            for one in directory.iterdir()
            if one.is_file() and not one.is_symlink()
        }
        if INDEX not in self._files:
            raise UnreadableFile(NO_INDEX)

    def size(self, name: str) -> int | None:
        """See ExportFiles."""
        found = self._files.get(name.lower())
        return found.stat().st_size if found else None

    def open(self, name: str) -> BinaryIO:
        """See ExportFiles."""
        return self._files[name.lower()].open("rb")


class PackedFiles:
    """Those of an archive, beside its index."""

    is_checked = True

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Raises UnreadableFile."""
        self._archive = archive
        members = [one for one in archive.infolist() if not one.is_dir()]
        _require_sound(members)
        indices = [
            one.filename for one in members if one.filename.rpartition("/")[2].lower() == INDEX
        ]
        if not indices:
            raise UnreadableFile(NO_INDEX)
        if len(indices) > 1:
            raise UnreadableFile("holds several exports: read them one by one")
        place = indices[0][: -len(INDEX)]
        self._members: dict[str, zipfile.ZipInfo] = {}
        for one in members:
            if not one.filename.startswith(place):
                continue
            name = one.filename[len(place) :].lower()
            if name in self._members:
                raise UnreadableFile("holds a name twice: nobody knows which file is meant")
            self._members[name] = one

    def size(self, name: str) -> int | None:
        """See ExportFiles."""
        found = self._members.get(name.lower())
        return found.file_size if found else None

    def open(self, name: str) -> BinaryIO:
        """See ExportFiles."""
        member = self._archive.open(self._members[name.lower()])
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, member)))


def _require_sound(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MEMBERS_MAX:
        raise UnreadableFile(f"holds more than {MEMBERS_MAX:,} files")
    if sum(one.file_size for one in members) > UNPACKED_BYTES_MAX:
        raise UnreadableFile(f"unpacks to more than {UNPACKED_BYTES_MAX // 1024**3} GiB")
    for one in members:
        if one.flag_bits & ENCRYPTED:
            raise UnreadableFile(
                "is encrypted: unpack it with its password, and read the directory"
            )
        if one.compress_type not in METHODS:
            raise UnreadableFile(
                "is packed in a way that few read: unpack it, and read the directory"
            )
        if one.file_size > RATIO_BYTES_MIN and one.file_size > RATIO_MAX * one.compress_size:
            raise UnreadableFile(f"unpacks to more than {RATIO_MAX} times its size")


@contextmanager
def packed(stream: BinaryIO) -> Iterator[ExportFiles]:
    """The files of an archive. Raises UnreadableFile, also for damage that reading meets."""
    with tempfile.TemporaryFile() as kept:
        whole = stream
        if not stream.seekable():
            _copy(stream, kept)
            whole = cast(BinaryIO, kept)
        try:
            with zipfile.ZipFile(whole) as archive:
                yield PackedFiles(archive)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise UnreadableFile(f"is no ZIP archive, or a damaged one ({error})") from error


def _copy(stream: BinaryIO, to: BinaryIO) -> None:
    """Raises UnreadableFile before it fills the disk."""
    left = ARCHIVE_BYTES_MAX
    while part := stream.read(COPIED_BYTES):
        left -= len(part)
        if left < 0:
            raise UnreadableFile(f"is larger than {ARCHIVE_BYTES_MAX // 1024**3} GiB")
        to.write(part)
    to.seek(0)

"""What every format of whole files keeps to, found by itself: a new one passes without being named.

The examples of a format are in `tests/contract/file_formats/<name>/`: files, or directories of what
an export holds, and beside each `<file>.jsonl`, what becomes of it in order: touchpoints, and of
what is refused `{"refused": [place, reason, field]}`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.touchpoint import TouchpointAdapter
from services.ingest.lines import KEPT_BYTES_MAX, InputError, Line
from services.intake.files import read_lines, require_files
from services.intake.format import FileFormat, Ignored
from services.intake.formats import FILE_FORMATS, FORMATS
from services.intake.tills.table import LINE_CHARS_MAX

EXAMPLES = Path(__file__).parent / "file_formats"
PAGES = Path(__file__).parents[2] / "docs" / "formats"
CUTS, MUTATIONS = 40, 60
MIB = 1024 * 1024
OF_NO_END = {"receipts"}
"""A table does not say where it ends: of one that is cut between two lines, the last receipt may
lack lines, as the page of the format says."""


def samples(layout: FileFormat) -> list[Path]:
    """The examples of a format: each a file or a directory."""
    return sorted(one for one in (EXAMPLES / layout.name).iterdir() if one.suffix != ".jsonl")


EACH = pytest.mark.parametrize("layout", FILE_FORMATS.values(), ids=lambda one: one.name)
EVERY = pytest.mark.parametrize(
    ("layout", "sample"),
    [(layout, one) for layout in FILE_FORMATS.values() for one in samples(layout)],
    ids=lambda one: one.name,
)


def zipped(directory: Path, to: Path) -> Path:
    """A directory as one archive."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(directory.iterdir()):
            archive.write(one, one.name)
    return to


def as_file(sample: Path, to: Path) -> Path:
    """An example as one file."""
    return zipped(sample, to / "export.zip") if sample.is_dir() else sample


def shown(line: Line, name: str) -> object:
    """A line as the examples write it."""
    if line.fault is None:
        return json.loads(line.content)
    place = line.place.removeprefix(f"{name}, ")
    return {"refused": [place, line.fault.reason, line.fault.path]}


def read(path: Path, layout: FileFormat) -> list[object]:
    """What becomes of a file."""
    return [shown(one, str(path)) for one in read_lines(str(path), layout)]


def is_touchpoint(line: bytes) -> bool:
    """Whether ingest can read it."""
    try:
        TouchpointAdapter.validate_json(line)
    except ValidationError:
        return False
    return True


def survived(path: Path, layout: FileFormat) -> dict[str, bytes]:
    """The touchpoints that a damaged file still gives, by their ids."""
    found: dict[str, bytes] = {}
    with suppress(InputError):
        for line in read_lines(str(path), layout):
            assert len(line.content) <= KEPT_BYTES_MAX
            assert b"\n" not in line.content or line.fault
            if line.fault is None and is_touchpoint(line.content):
                found[json.loads(line.content)["event_id"]] = line.content
    return found


@EACH
def test_each_has_examples_and_a_page(layout: FileFormat) -> None:
    """A stranger finds what a file looks like, and what becomes of it; no name stands twice."""
    assert samples(layout)
    page = (PAGES / f"{layout.name}.md").read_text("utf-8")
    assert page.startswith(f"# Format `{layout.name}`")
    for part in ("## In three minutes", "## What arrives as what", "## What is not taken"):
        assert part in page
    assert layout.name not in FORMATS


@EVERY
def test_files_become_their_touchpoints(layout: FileFormat, sample: Path) -> None:
    """All of them, in order, each valid, and the same ones whenever the file is read again."""
    golden = sample.with_name(f"{sample.name}.jsonl")
    if os.environ.get("WRITE_EXAMPLES"):  # anew, to be read before they are kept
        texts = [json.dumps(one, ensure_ascii=False) + "\n" for one in read(sample, layout)]
        golden.write_text("".join(texts), "utf-8")
    expected = [json.loads(line) for line in golden.read_text("utf-8").splitlines()]
    for _ in range(2):
        assert read(sample, layout) == expected
    lines = [one for one in read_lines(str(sample), layout) if one.fault is None]
    assert lines
    assert all(is_touchpoint(one.content) for one in lines)
    ids = [json.loads(one.content)["event_id"] for one in lines]
    assert len(set(ids)) == len(ids)


@EVERY
def test_the_way_in_makes_no_difference(layout: FileFormat, sample: Path, tmp_path: Path) -> None:
    """A file, the same packed by gzip, and through a pipe; a directory and its archive."""
    expected = read(sample, layout)
    file = as_file(sample, tmp_path)
    assert read(file, layout) == expected
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read(packed, layout) == expected
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
    writer.start()
    assert read(pipe, layout) == expected
    writer.join()
    require_files([str(sample), str(file)], layout)


@EVERY
def test_refused_parts_are_kept_with_whom_they_name(layout: FileFormat, sample: Path) -> None:
    """With their bytes as the file has them and a reason that quotes nothing of them; where nobody
    can tell whom they name, without the bytes."""
    refused = [one for one in read_lines(str(sample), layout) if one.fault is not None]
    for one in refused:
        assert one.fault is not None
        assert one.fault.message
        assert bool(one.content) == bool(one.named)
        if one.named:
            assert json.loads(one.named)["source"]["system"] == layout.name
    assert any(one.content for one in refused) or not refused


@EVERY
def test_a_cut_file_is_never_read_in_part(layout: FileFormat, sample: Path, tmp_path: Path) -> None:
    """Of a file that ends too early, every touchpoint that comes out is one of the whole file."""
    file = as_file(sample, tmp_path)
    whole, content = survived(file, layout), file.read_bytes()
    assert whole
    rng = random.Random(f"{layout.name}/{sample.name}")
    cut = tmp_path / "cut"
    for end in [0, 1, len(content) - 1, *(rng.randrange(len(content)) for _ in range(CUTS))]:
        cut.write_bytes(content[:end])
        found = survived(cut, layout)
        if layout.name in OF_NO_END and found:
            found.popitem()
        assert found.items() <= whole.items()


@EVERY
def test_damaged_files_are_read_alike(layout: FileFormat, sample: Path, tmp_path: Path) -> None:
    """Whatever the bytes are, they give lines or one error that names the file, and the same each
    time."""
    file = as_file(sample, tmp_path)
    content = file.read_bytes()
    rng = random.Random(f"{layout.name}:{sample.name}")
    damaged = tmp_path / "damaged"
    for _ in range(MUTATIONS):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        damaged.write_bytes(changed)
        assert survived(damaged, layout) == survived(damaged, layout)


def garbage() -> Iterator[bytes]:
    """Files that are none of any format."""
    yield b""
    yield b"\n\n\n"
    yield b"\x00" * 1000
    yield b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(1000)
    yield b'{"event_id": "1"}\n' * 3
    yield b"a,b,c\n1,2,3\n"
    yield b"<html><body>not found</body></html>"
    yield b"PK\x05\x06" + bytes(18)
    yield random.Random(7).randbytes(50_000)


@EACH
def test_garbage_is_refused_as_a_whole(layout: FileFormat, tmp_path: Path) -> None:
    """By one error that names the file and says what is wrong; nothing of it is read."""
    file = tmp_path / "garbage"
    for content in garbage():
        file.write_bytes(content)
        with pytest.raises(InputError, match="garbage"):
            list(read_lines(str(file), layout))


@EACH
def test_an_endless_line_takes_no_memory(layout: FileFormat, tmp_path: Path) -> None:
    """It is refused once it is longer than any that a till writes."""
    sample = next(one for one in samples(layout))
    file = tmp_path / "endless"
    begin = b"" if sample.is_dir() else sample.read_bytes()[:400]
    file.write_bytes(begin + b'"' + b"x" * (40 * MIB))
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            list(read_lines(str(file), layout))
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB + 20 * LINE_CHARS_MAX
    finally:
        tracemalloc.stop()


@EVERY
def test_other_encodings_change_nothing(layout: FileFormat, sample: Path, tmp_path: Path) -> None:
    """A text in another encoding gives the same touchpoints, or is refused; never other ones."""
    if sample.is_dir():
        return  # an export says the encoding of its tables itself
    text = sample.read_text("utf-8")
    whole, file = survived(sample, layout), tmp_path / "encoded"
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "latin-1", "cp037"):
        try:
            content = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        file.write_bytes(content)
        found = survived(file, layout)
        assert not found or found == whole, encoding


def test_a_stream_that_cannot_be_wound_back_is_read() -> None:
    """The formats of files are read from any stream, as the intake gives it."""
    for layout in FILE_FORMATS.values():
        for sample in samples(layout):
            if sample.is_file():
                stream = io.BufferedReader(io.BytesIO(sample.read_bytes()))
                parts = [one.found for one in layout.read(stream)]
                found = [one for one in parts if not isinstance(one, Ignored)]
                assert len(found) == len(read(sample, layout))

"""Lines and lists far larger than memory should ever hold."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from services.ingest.lines import KEPT_BYTES_MAX
from services.intake.files import read_lines


def test_huge_line_is_never_held(tmp_path: Path) -> None:
    """A 100 MB line costs little memory; its size is known and the next line is read."""
    file = tmp_path / "huge"
    with file.open("wb") as out:
        out.write(b'{"x":"')
        for _ in range(100):
            out.write(b"y" * 1_000_000)
        out.write(b'"}\n{"next":1}\n')
    tracemalloc.start()
    huge, following = read_lines(str(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert huge.size > 100_000_000
    assert len(huge.content) == KEPT_BYTES_MAX
    assert not huge.is_whole
    assert following.content == b'{"next":1}'
    assert peak < 8_000_000


def test_a_huge_list_needs_little_memory(tmp_path: Path) -> None:
    """Neither many elements nor one of 30 MB are held."""
    file = tmp_path / "huge.json"
    with file.open("wb") as out:
        out.write(b'[\n  {"x": "')
        out.writelines(b"y" * 1_000_000 for _ in range(30))
        out.write(b'"}')
        out.writelines(b',\n  {"n": %d}' % n for n in range(50_000))
        out.write(b"\n]")
    tracemalloc.start()
    count, largest = 0, 0
    for line in read_lines(str(file)):
        count, largest = count + 1, max(largest, line.size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, largest > 30_000_000) == (50_001, True)
    assert peak < 8_000_000

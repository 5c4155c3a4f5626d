"""Reading files: plain, gzip, damaged, binary, with lines of any length."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from services.ingest.lines import KEPT_BYTES_MAX, InputError, InputMissing
from services.intake.files import read_lines


def test_plain_and_gzip_give_the_same_lines(tmp_path: Path) -> None:
    """Compression is recognised by content, not by name; blank lines are passed over."""
    content = b'{"a":1}\n\n{"b":2}\r\n{"c":3}'
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content))
    for name in ("plain", "packed"):
        lines = [line.content for line in read_lines(str(tmp_path / name))]
        assert lines == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


def test_byte_order_mark_costs_no_line(tmp_path: Path) -> None:
    """A mark that an editor left at the beginning of the file is passed over."""
    (tmp_path / "marked").write_bytes(b"\xef\xbb\xbf" + b'{"a":1}\n{"b":2}\n')
    lines = [line.content for line in read_lines(str(tmp_path / "marked"))]
    assert lines == [b'{"a":1}', b'{"b":2}']


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


def test_truncated_gzip_gives_what_it_holds_first(tmp_path: Path) -> None:
    """The lines before the damage come out, then a clear error."""
    packed = gzip.compress(b"".join(b'{"n":%d}\n' % n for n in range(100_000)))
    file = tmp_path / "cut.gz"
    file.write_bytes(packed[: len(packed) // 2])
    lines: list[bytes] = []
    with pytest.raises(InputError, match=r"damaged or truncated gzip.*again"):  # noqa: PT012
        for line in read_lines(str(file)):
            lines.append(line.content)
    assert len(lines) > 1000


def test_binary_file_is_refused(tmp_path: Path) -> None:
    """A file with NUL bytes is no stream of events."""
    file = tmp_path / "image.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    with pytest.raises(InputError, match="no text"):
        list(read_lines(str(file)))


def test_missing_file_says_so(tmp_path: Path) -> None:
    """The name and the reason stand in the message."""
    with pytest.raises(InputMissing, match=r"nowhere\.jsonl: No such file"):
        list(read_lines(str(tmp_path / "nowhere.jsonl")))

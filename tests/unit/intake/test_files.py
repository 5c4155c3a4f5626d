"""Reading files: plain, gzip, damaged, binary, with lines of any length."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.lines import InputError, InputMissing
from services.intake.documents import Splitter
from services.intake.files import read_lines, require_files
from services.intake.format import Format


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


@pytest.mark.parametrize("text", ["7;in.\n8;out.\n", "[a]\n{b}\n", "<x/>\n", "---\n- 1\n"])
def test_lines_of_other_texts_are_payloads_too(text: str, tmp_path: Path) -> None:
    """A format that is no JSON has every line of a file; archives are still refused."""
    layout = Format("door", 100, lambda payload: [payload], is_json=False)
    lines = [one.content for one in read_lines(write(tmp_path, "door.csv", text), layout)]
    assert lines == text.encode().splitlines()
    packed = tmp_path / "door.zip"
    packed.write_bytes(b"PK\x03\x04" + text.encode())
    with pytest.raises(InputError, match="ZIP archive"):
        list(read_lines(str(packed), layout))


def test_missing_file_says_so(tmp_path: Path) -> None:
    """The name and the reason stand in the message."""
    with pytest.raises(InputMissing, match=r"nowhere\.jsonl: No such file"):
        list(read_lines(str(tmp_path / "nowhere.jsonl")))


def test_a_named_pipe_is_opened_once(tmp_path: Path) -> None:
    """Its writer is not sent away by a look whether the file is there."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write_once() -> None:
        with pipe.open("wb") as stream:
            stream.write(b'{"a":1}\n')

    writer = Thread(target=write_once)
    writer.start()
    require_files([str(pipe)])
    assert [line.content for line in read_lines(str(pipe))] == [b'{"a":1}']
    writer.join()


@pytest.mark.parametrize("name", ["a\nb.jsonl", "👩.jsonl", "\udcff.jsonl", "a\tb", "\u202egnp"])
def test_a_file_may_have_any_name(name: str, tmp_path: Path) -> None:
    """Messages stay on one line and can be written as UTF-8."""
    (tmp_path / name).write_bytes(b'{"a":1}\n')
    [line] = read_lines(str(tmp_path / name))
    assert line.place.encode().isascii() or "👩" in line.place
    assert line.place.isprintable()
    with pytest.raises(InputMissing) as missing:
        require_files([str(tmp_path / f"{name}.gone")])
    assert str(missing.value).isprintable()


EVENTS = [
    {"event_id": f"e-{n}", "body": {"text": f'a "b" [{{\\ ü {n}', "n": [n, {}]}} for n in range(9)
]


def write(directory: Path, name: str, content: bytes | str) -> str:
    """A file; returns its path as the command line has it."""
    file = directory / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def indented(value: object) -> str:
    """As an exporter for people writes it."""
    return json.dumps(value, indent=4, ensure_ascii=False)


SHAPES = {
    "a list on one line": json.dumps(EVENTS),
    "a list over many lines": indented(EVENTS),
    "a list with carriage returns": indented(EVENTS).replace("\n", "\r\n"),
    "a list behind a mark and blanks": "\ufeff\n\n  " + indented(EVENTS),
    "a request body": json.dumps({"batch": EVENTS}),
    "a request body over many lines, with more fields": indented(
        {"sent_at": "x", "batch": EVENTS, "context": {"batch": [1, {"a": "]"}]}}
    ),
    "request bodies, one a line": "\n".join(json.dumps({"batch": [one]}) for one in EVENTS),
    "objects over many lines": "\n".join(map(indented, EVENTS)),
    "objects beside each other": "".join(map(json.dumps, EVENTS)),
    "lines that end in commas": ",\n".join(map(json.dumps, EVENTS)),
    "lists behind each other": indented(EVENTS[:4]) + "\n" + json.dumps(EVENTS[4:]),
    "lines, each with a mark": "".join("\ufeff" + json.dumps(one) + "\n" for one in EVENTS),
    "lines": "\n\n".join(map(json.dumps, EVENTS)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_events(shape: str, tmp_path: Path) -> None:
    """Whatever an exporter writes around them, plain or packed, in order, one line each."""
    for content in (SHAPES[shape].encode(), gzip.compress(SHAPES[shape].encode())):
        lines = list(read_lines(write(tmp_path, "events", content)))
        assert [json.loads(line.content) for line in lines] == EVENTS
        assert not any(b"\n" in line.content for line in lines)
        assert all(line.size == len(line.content) for line in lines)


@given(st.lists(st.recursive(st.text() | st.integers(), st.lists, max_leaves=4)), st.integers(1, 9))
def test_a_list_is_split_wherever_its_parts_end(texts: list[object], size: int) -> None:
    """Chunks of any size, within strings and escapes, too, give the same elements."""
    elements = [{"x": one} for one in texts]
    content = json.dumps(elements, indent=1).encode()
    splitter = Splitter(10_000, lists=True)
    found, rest = [], b""
    for start in range(0, len(content), size):
        chunk = rest + content[start : start + size]
        rest = b"\\" if chunk.endswith(b"\\") else b""
        found += list(splitter.feed(chunk.removesuffix(b"\\") if rest else chunk))
    found += list(splitter.finish())
    assert [json.loads(one.content) for one in found] == elements


def test_lines_are_named_by_file_and_number(tmp_path: Path) -> None:
    """Blank lines count; an element of a list is named by the line where it begins."""
    content = '\n\n{"a": 1}\nno json\n'
    places = [line.place for line in read_lines(write(tmp_path, "a.jsonl", content))]
    assert [one.removeprefix(str(tmp_path)) for one in places] == [
        "/a.jsonl, line 3",
        "/a.jsonl, line 4",
    ]
    found = read_lines(write(tmp_path, "b.json", indented([{"a": 1, "b": 2}, {"c": 3}])))
    assert [line.place[-6:] for line in found] == ["line 2", "line 6"]


def test_a_fault_in_a_list_costs_no_other_event(tmp_path: Path) -> None:
    """What is no JSON comes out as it is; a string without end damages its own element only."""
    content = '[\n{"a": 1},\n{"b": nonsense},\n{"c": "no end\n},\n{"d": 4}]'
    lines = [line.content for line in read_lines(write(tmp_path, "x.json", content))]
    assert lines == [b'{"a": 1}', b'{"b": nonsense}', b'{"c": "no end }', b'{"d": 4}']


def test_a_list_that_ends_too_early_gives_what_it_held(tmp_path: Path) -> None:
    """The whole elements, the rest as one broken line, and an error with the place."""
    name = write(tmp_path, "cut.json", '[{"a": 1},\n{"b": 2},\n{"c"')
    lines: list[bytes] = []
    with pytest.raises(InputError, match=r"cut\.json is cut off: it ends at line 3"):
        lines.extend(line.content for line in read_lines(name))
    assert lines == [b'{"a": 1}', b'{"b": 2}', b'{"c"']


TEXT = '{"event_id": "ü"}\n{"event_id": "2"}\n'
REFUSED = {
    "nothing": (b"", "is empty"),
    "blanks": (b" \n\n\t\n", "is empty"),
    "UTF-16 with a mark": (TEXT.encode("utf-16"), "is UTF-16LE text.*iconv -f UTF-16LE"),
    "UTF-16 without one": (TEXT.encode("utf-16-be"), "is UTF-16BE text"),
    "UTF-32": (TEXT.encode("utf-32"), "is UTF-32LE text"),
    "an archive": (b"PK\x03\x04\x14\x00" + bytes(40), "ZIP archive"),
    "gzip in gzip": (gzip.compress(TEXT.encode()), "packed twice"),
    "Zstandard": (b"\x28\xb5\x2f\xfd\x04\x00", "zstd -dc"),
    "a tar archive": (bytes([65]) * 257 + b"ustar\x0000", "tar -xf"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no text"),
    "a table": (b"event_id;type;sku\n1;2;3\n", r"a table \(CSV\)"),
    "a table of two columns": (b"event_id;type\n1;2\n", r"a table \(CSV\)"),
    "a table of one line": (b"event_id,type,sku\n", r"a table \(CSV\)"),
    "a text sequence": (b"\x1e" + TEXT.encode().replace(b"\n{", b"\n\x1e{"), r"tr -d '\\036'"),
    "a message": (b"curl: (22) Not found, try again\n", "some other text"),
    "a page": (b"<!doctype html>\n<p>Gone", "XML or HTML"),
    "an object with capitals": (b'{"Count": 1, "Records": [{"a": 1}]}', r"jq -c .Records"),
    "another object": (
        b'{"count": 1, "events": [{"a": 1}]}',
        r"list under 'events'.*jq -c .events",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_files_without_events_are_refused_whole(kind: str, tmp_path: Path) -> None:
    """One message with the name of the file and what to do, also where gzip packs it."""
    content, expected = REFUSED[kind]
    with pytest.raises(InputError, match=rf"export .*{expected}"):
        list(read_lines(write(tmp_path, "export", gzip.compress(content))))
    if kind != "gzip in gzip":
        with pytest.raises(InputError, match=rf"export .*{expected}"):
            list(read_lines(write(tmp_path, "export", content)))


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_damaged_line_with_nul_bytes_costs_no_other(at: int, tmp_path: Path) -> None:
    """It is a line like any other, wherever it stands; decoding rejects it alone."""
    lines = [b'{"a": 1}', b'{"b": 2}']
    lines.insert(at, b"\xff\xfe\xfa\x00x\x00")
    found = read_lines(write(tmp_path, "export", b"\n".join(lines) + b"\n"))
    assert [line.content for line in found] == lines

"""Bytes near valid ones: examples of all event types, changed by a seed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from zipfile import ZIP_DEFLATED, ZipFile

import orjson

from schemas.examples import EXAMPLES

EVENTS = [orjson.dumps(one) for one in EXAMPLES.values()]
_SEGMENT = Path(__file__).parents[1] / "contract/formats/segment/payloads.jsonl"
_BODIES = map(orjson.loads, _SEGMENT.read_bytes().splitlines())
MESSAGES = [orjson.dumps(one) for body in _BODIES for one in body.get("batch", [body])]
"""Of the Segment protocol."""
PAYLOADS = {
    file.parent.name: file.read_bytes().splitlines()
    for file in sorted(_SEGMENT.parents[1].glob("*/payloads.jsonl"))
}
"""Examples of all formats of payloads."""
EXPORTS = {
    directory.name: [one for one in sorted(directory.iterdir()) if one.suffix != ".jsonl"]
    for directory in sorted((_SEGMENT.parents[2] / "file_formats").iterdir())
}
"""Examples of all formats of whole files: a file, or a directory of files."""
NESTED = (1, 100, 198, 199, 200, 201, 255, 256, 979, 980, 1_019, 1_020, 1_021, 1_022, 1_023, 1_024,
          1_025, 5_000)  # fmt: skip
DIGITS = (1, 15, 16, 18, 19, 20, 21, 38, 39, 308, 309, 640, 4_299, 4_300, 4_301, 5_000)
TOKENS = (
    b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999", b"1E-999", b"0.1", b"{}", b"[]", b'""',
    b'"\\ud800"', b'"\\u0000"', b'"\\udfff\\ud800"', b'"\xe2\x80\xae"', b"\xff\xfe",
    b"\xef\xbb\xbf", b"\x00", b"\x1f\x8b", b"\r", b"\n", b"\t", b",", b":",
    b"{", b"}", b"[", b"]", b'"', b"\\",
    b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59.999999-23:59"', b'"2026-02-30T00:00:00Z"',
    b'"1970-01-01T00:00:00+25:00"', b"-1", b"1_000", b'"1_000"', b"[null]", b'{"":{"":0}}',
)  # fmt: skip


def value(rng: Random) -> bytes:
    """A JSON value, or nearly one."""
    match rng.randrange(6):
        case 0:
            depth = rng.choice(NESTED)
            return b"[" * depth + b"]" * depth
        case 1:
            depth = rng.choice(NESTED)
            return b'{"a":' * depth + b"1" + b"}" * depth
        case 2:
            return rng.choice((b"", b"-")) + b"9" * rng.choice(DIGITS)
        case 3:
            return b"0." + b"9" * rng.choice(DIGITS)
        case 4:
            return json.dumps(
                "".join(chr(_code_point(rng)) for _ in range(rng.randrange(40)))
            ).encode()
        case _:
            return rng.choice(TOKENS)


def _code_point(rng: Random) -> int:
    limit = rng.choice((0x20, 0x80, 0x800, 0x10000, 0x110000))
    return rng.randrange(limit)


def event(rng: Random, events: Sequence[bytes] = EVENTS) -> bytes:
    """An example event with some of its values replaced, and sometimes its bytes broken."""
    plain = orjson.loads(rng.choice(events))
    replaced: dict[bytes, bytes] = {}
    for _ in range(rng.randrange(4)):
        place = plain
        while True:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
                break
            place = inner
        mark = f"mark-{len(replaced)}"
        place[key if rng.random() < 0.8 or isinstance(place, list) else "unknown"] = mark
        replaced[b'"%b"' % mark.encode()] = value(rng)
    text = orjson.dumps(plain)
    for old, new in replaced.items():
        text = text.replace(old, new)
    return broken(text, rng) if rng.random() < 0.3 else text


def broken(text: bytes, rng: Random) -> bytes:
    """The text with a few bytes changed, dropped, repeated or put in."""
    found = bytearray(text)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(found) + 1)
        match rng.randrange(4):
            case 0:
                found[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del found[at : at + rng.choice((1, 1, 5, 1_000))]
            case 2:
                found[at:at] = found[at : at + rng.choice((1, 10, 200))]
            case _:
                found[at:at] = rng.choice(TOKENS)
    return bytes(found)


def damaged_export(sample: Path, to: Path, rng: Random) -> Path:
    """A copy of an export, some bytes or fields of which are changed."""
    if sample.is_file():
        to.write_bytes(_damaged_text(sample.read_bytes(), rng))
        return to
    to.mkdir()
    files = sorted(sample.iterdir())
    hit = rng.sample(files, k=rng.randint(0, 2))
    for one in files:
        content = one.read_bytes()
        (to / one.name).write_bytes(_damaged_text(content, rng) if one in hit else content)
    if rng.random() < 0.5:
        return to
    archive = to.with_suffix(".zip")
    with ZipFile(archive, "w", ZIP_DEFLATED) as packed:
        for one in files:
            packed.write(to / one.name, one.name)
    if rng.random() < 0.5:
        archive.write_bytes(broken(archive.read_bytes(), rng))
    return archive


def _damaged_text(text: bytes, rng: Random) -> bytes:
    """With a field, a line or a byte changed."""
    match rng.randrange(4):
        case 0:
            return broken(text, rng)
        case 1:
            lines = text.splitlines(keepends=True)
            rng.shuffle(lines)
            return b"".join(lines)
        case 2:
            lines = text.splitlines(keepends=True)
            place = rng.randrange(len(lines))
            lines[place : place + 1] = rng.choice(([], [lines[place]] * 2))
            return b"".join(lines)
        case _:
            separator = rng.choice((b";", b'"', b">", b"<", b","))
            parts = text.split(separator)
            value_ = value(rng) if rng.random() < 0.5 else rng.choice(TOKENS)
            parts[rng.randrange(len(parts))] = value_
            return separator.join(parts)

"""What every format of the intake keeps to, found by itself: a new one passes without being named.

The examples of a format are in `tests/contract/formats/<name>/`: `payloads.jsonl`, the
`touchpoints.jsonl` that they hold, and `unreadable.jsonl`, payloads that are none of this format.
`refused.jsonl` holds messages that are refused alone, each with its reason and field.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.faults import Fault
from schemas.reject import RejectReason
from schemas.touchpoint import EVENT_BYTES_MAX, TouchpointAdapter
from services.ingest.lines import KEPT_BYTES_MAX, Line
from services.intake.files import read_lines
from services.intake.format import Format, Refused, lines_of
from services.intake.formats import FORMATS

EXAMPLES = Path(__file__).parent / "formats"
PAGES = Path(__file__).parents[2] / "docs" / "formats"
MUTATIONS = 300
EACH = pytest.mark.parametrize("layout", FORMATS.values(), ids=lambda one: one.name)


def examples(layout: Format, name: str) -> list[bytes]:
    """Lines of a file of examples; none if there is no such file."""
    file = EXAMPLES / layout.name / name
    return file.read_bytes().splitlines() if file.is_file() else []


def is_touchpoint(line: bytes) -> bool:
    """Whether ingest can read it."""
    try:
        TouchpointAdapter.validate_json(line)
    except ValidationError:
        return False
    return True


def taken(layout: Format, payload: bytes) -> list[bytes]:
    """The touchpoints of a payload of which nothing is refused."""
    found = layout.touchpoints(payload)
    assert not isinstance(found, Fault), found
    lines = [one for one in found if not isinstance(one, Refused)]
    assert len(lines) == len(found), found
    return lines


@EACH
def test_each_has_examples_and_a_page(layout: Format) -> None:
    """A stranger finds what a payload looks like, and what becomes of it."""
    assert examples(layout, "payloads.jsonl")
    assert (PAGES / f"{layout.name}.md").read_text("utf-8").startswith("# ")
    assert layout.payload_bytes_max >= EVENT_BYTES_MAX


@EACH
def test_payloads_become_their_touchpoints(layout: Format) -> None:
    """All of them, in order, each valid, and the same ones whenever the payload is read again."""
    for _ in range(2):
        found: list[bytes] = []
        for payload in examples(layout, "payloads.jsonl"):
            found += taken(layout, payload)
        expected = [json.loads(line) for line in examples(layout, "touchpoints.jsonl")]
        assert [json.loads(line) for line in found] == expected
        assert all(map(is_touchpoint, found))
        ids = [one["event_id"] for one in expected]
        assert len(set(ids)) == len(ids)


@EACH
def test_unreadable_payloads_come_out_whole(layout: Format, tmp_path: Path) -> None:
    """As one line each, with a reason; with their bytes only where ingest finds whom they name."""
    payloads = examples(layout, "unreadable.jsonl")
    file = tmp_path / "payloads"
    file.write_bytes(b"\n".join(payloads))
    lines = list(read_lines(str(file), layout)) if payloads else []
    kept = payloads if layout.keeps_unread else [b""] * len(payloads)
    assert [line.content for line in lines] == kept
    assert [line.size for line in lines] == list(map(len, payloads))
    for line in lines:
        assert line.fault is not None
        assert isinstance(line.fault.reason, RejectReason)
        assert line.fault.message


@EACH
def test_an_oversized_payload_is_not_read(layout: Format, tmp_path: Path) -> None:
    """It is rejected by its size, a bounded part of it is kept at most, and the next is read."""
    file = tmp_path / "payloads"
    good = examples(layout, "payloads.jsonl")[0]
    file.write_bytes(b"x" * (layout.payload_bytes_max + 1) + b"\n" + good + b"\n")
    large, *others = read_lines(str(file), layout)
    assert large.fault is not None
    assert large.fault.reason is RejectReason.TOO_LARGE
    assert large.size > layout.payload_bytes_max
    assert len(large.content) <= (KEPT_BYTES_MAX if layout.keeps_unread else 0)
    place = f"{file}, line 2"
    assert others == [Line(one, len(one), None, place) for one in taken(layout, good)]


@EACH
def test_a_file_of_payloads_is_read(layout: Format) -> None:
    """Whatever its text looks like: what the format reads line by line, it reads from a file."""
    file = EXAMPLES / layout.name / "payloads.jsonl"
    wanted = [one for payload in examples(layout, file.name) for one in taken(layout, payload)]
    assert [line.content for line in read_lines(str(file), layout)] == wanted


@EACH
def test_a_cut_payload_is_never_read_in_part(layout: Format) -> None:
    """Of a payload that ends too early all touchpoints come out, or none that is valid."""
    for payload in examples(layout, "payloads.jsonl"):
        whole = layout.touchpoints(payload)
        for end in range(len(payload)):
            found = layout.touchpoints(payload[:end])
            lines = [] if isinstance(found, Fault) else list(lines_of(found))
            valid = [one for one in lines if one.fault is None and is_touchpoint(one.content)]
            assert found == whole or not valid


@EACH
def test_damaged_payloads_raise_nothing(layout: Format) -> None:
    """Whatever the bytes are, they give lines or a fault, and the same each time."""
    random.seed(layout.name)
    for payload in examples(layout, "payloads.jsonl"):
        for _ in range(MUTATIONS):
            damaged = bytearray(payload)
            for _ in range(random.randint(1, 4)):
                damaged[random.randrange(len(damaged))] = random.randrange(32, 256)
            found = layout.touchpoints(bytes(damaged))
            assert found == layout.touchpoints(bytes(damaged))
            if not isinstance(found, Fault):
                assert not any(b"\n" in line.content for line in lines_of(found))


@EACH
def test_refused_messages_are_kept_whole(layout: Format) -> None:
    """Each alone, with its bytes, the reason and the field; nothing of it is quoted."""
    for example in map(json.loads, examples(layout, "refused.jsonl")):
        payload = json.dumps(example["payload"]).encode()
        found = layout.touchpoints(payload)
        assert not isinstance(found, Fault), example
        [refused] = [one for one in found if isinstance(one, Refused)]
        assert [refused.fault.reason, refused.fault.path] == example["fault"]
        assert refused.fault.message
        message = example["payload"].get("batch", [example["payload"]])[-1]
        assert json.loads(refused.content) == message
        assert len(found) == len(example["payload"].get("batch", "1"))


@EACH
def test_other_encodings_are_refused(layout: Format) -> None:
    """UTF-16 and the like hold no touchpoint that could be taken for one."""
    for payload in examples(layout, "payloads.jsonl")[:5]:
        for encoding in ("utf-16", "utf-32", "utf-16-le", "cp037"):
            found = layout.touchpoints(payload.decode().encode(encoding))
            lines = [] if isinstance(found, Fault) else list(lines_of(found))
            assert not [one for one in lines if one.fault is None and is_touchpoint(one.content)]


@EACH
def test_many_messages_are_counted_before_they_are_kept(layout: Format) -> None:
    """A small body may hold a million of them, of which each costs many times its size."""
    found = layout.touchpoints(b"[" + b",".join([b"{}"] * 100_000) + b"]")
    assert isinstance(found, Fault) or len(found) <= 5_000


@EACH
def test_no_payload_takes_long(layout: Format) -> None:
    """Depth, width and strings without an end are read in time proportional to their size, which a
    second stands for: the suite ends a test that hangs."""
    size = layout.payload_bytes_max - 100
    for payload in (
        b'{"batch":' + b"[" * size,
        b"[" * (size // 2) + b"]" * (size // 2),
        b'{"batch":[' + b'{"type":"track"},' * (size // 20) + b'{"type":"track"}]}',
        b'{"a":"' + b"\\" * size,
        b'{"batch":[{"properties":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}]}",
    ):
        found = layout.touchpoints(payload)
        assert isinstance(found, Fault | list)

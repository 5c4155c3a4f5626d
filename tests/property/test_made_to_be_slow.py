"""Texts made to be slow to read: every reader takes time in proportion to what it reads.

One value with which a pattern tries ever more ways to match would stop the service for everybody:
the time of each reader is bounded on repetitions of whatever patterns look for, far longer than any
value that is accepted.
"""

from __future__ import annotations

import io
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from typing import Any

import pytest

from schemas.attributes import AttributeType, read_value
from schemas.events.messages import MessageReaction
from schemas.identifiers import normalise
from schemas.rules.identity import Normaliser, identity_rules
from services.ingest.core.encoding import not_utf8, wide_encoding
from services.ingest.core.permission import is_hard_bounce
from services.intake.documents import CutOff, documents
from services.intake.shape import NoEvents, shape_of

RULES = identity_rules()
CHARACTERS = 2_000
"""Four times what an identifier may have: a square would be 16 times as slow."""
FILE_BYTES = 128 * 1024
CPU_S = 0.1
FILE_CPU_S = 5.0
"""Ten times what the slowest takes: a square of as many lines would take minutes."""
BEGINNINGS = ["", "1", "a@"]
MOTIFS = [
    "12  ", "1 ", "12 (0)  ", "1\u00a0 \u00a0", "(0) ", " (", "(", " ", "-", "_", "0", "9", "1-",
    "tel: ", "null ", "undefined,", "f-", "<%", "{{", "%a", "a", "a.", "@", "a@", "\u0130",
    "1/", "\u00e4.", "\u0660", "\u0344", "\ufdfa", "\t", "\n", "550 ", "5.1.",
    "bot ", "\"", "'", "=", ";,",
]  # fmt: skip
ENDS = ["", "x", "@a.de"]
BYTES = [
    b"\n", b"\r\n", b" \n", b"\t", b"[", b"[\n", b"{", b'{"', b'"a":[],', b'{"a":[],',
    b'"batch":[],', b'"batch" ', b'"events": ', b'{"a":1,', b'"\\', b'"a",',
    b",", b"\x00", b"\x00{", b"\xff", b"}",
]  # fmt: skip


def _attributes(text: str) -> None:
    for type_ in AttributeType:
        read_value(type_, text, "DE")


def _identifier(normaliser: Normaliser) -> Callable[[str], Any]:
    [first, *_] = [row.name for row in RULES.type if row.normaliser is normaliser]
    return lambda text: normalise(first, text, RULES, "DE")


READERS: dict[str, Callable[[str], Any]] = {
    **{one.value: _identifier(one) for one in Normaliser},
    "attributes": _attributes,
    "reason of a bounce": lambda text: is_hard_bounce(MessageReaction.model_construct(reason=text)),
    "user agent": lambda text: MessageReaction.model_construct(user_agent=text).is_automated,
}


@contextmanager
def within(cpu_s: float) -> Iterator[None]:
    """Fails when the block takes more CPU time; interrupts what would never end."""

    def interrupt(*_: Any) -> None:
        raise AssertionError("it takes more time than its length explains")

    before = signal.signal(signal.SIGVTALRM, interrupt)
    signal.setitimer(signal.ITIMER_VIRTUAL, 10 * cpu_s)
    begun = time.process_time()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert time.process_time() - begun < cpu_s


def _fastest(read: Callable[[str], Any], text: str) -> None:
    """Read it; once more if something else took the time."""
    with suppress(AssertionError), within(CPU_S), suppress(ValueError):
        read(text)
        return
    with within(CPU_S), suppress(ValueError):
        read(text)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("motif", MOTIFS)
def test_a_value_is_read_in_linear_time(name: str, motif: str) -> None:
    """However often a part is repeated, and whatever stands before and behind it."""
    with suppress(ValueError):
        READERS[name]("Italy")  # tables are loaded when they are first asked
    for begin, end in product(BEGINNINGS, ENDS):
        text = (begin + motif * CHARACTERS)[: CHARACTERS - len(end)] + end
        _fastest(READERS[name], text)


@pytest.mark.parametrize("motif", BYTES)
@pytest.mark.parametrize("begin", [b"", b"{", b"[", b"{\n", b"\n\n["])
def test_a_file_is_split_in_linear_time(begin: bytes, motif: bytes) -> None:
    """Its shape is seen, and its documents are found, however many lines or brackets there are."""
    text = (begin + motif * FILE_BYTES)[:FILE_BYTES]
    with within(FILE_CPU_S):
        with suppress(NoEvents):
            shape_of(text[: 64 * 1024], False, lists=True)
        with suppress(CutOff):
            list(documents(io.BytesIO(text), 1_000, lists=True))
        wide_encoding(text)
        not_utf8(text)

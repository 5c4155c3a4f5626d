"""The events of a request body `{"batch": [event, …]}`, each as a line of its own.

A fault within one event (a number that no parser accepts, endless nesting, an unpaired surrogate)
must not affect the others. If the body as a whole cannot be parsed, it is split at the commas of
the list, which needs no value to be parsed.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice

import orjson

STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""One without an end goes to the end of the body: looking for one at each of its quotes again would
take the square of its length."""
LONG_NUMBER = re.compile(rb"[:,\[]\s*+-?[0-9][0-9.]{16}")
"""More digits than a float holds: parsing would change them, those of a card for example."""
LIST = re.compile(rb'"batch"\s*+:\s*+\[')
COMMA_OR_END = re.compile(rb"[,\]]")
QUOTE = ord('"')
STEPS = [0] * 256
"""How each byte outside strings changes the depth."""
for _bracket, _step in zip(b"[{]}", (1, 1, -1, -1), strict=True):
    STEPS[_bracket] = _step
LIST_DEPTH = 2
"""Within the object, within the list."""


class NoBatch(ValueError):
    """The body has no list of events; the text says why, without quoting it."""


def batch_lines(body: bytes, events_max: int | None = None) -> list[bytes]:
    """Each event of the body as JSON, or the bytes in its place. Raises NoBatch."""
    lines = parsed_lines(body, events_max)
    return cut_lines(body, events_max) if lines is None else lines


def parsed_lines(body: bytes, events_max: int | None = None) -> list[bytes] | None:
    """Each event of the body as JSON; None if only `cut_lines` can read it. Raises NoBatch."""
    try:
        events = orjson.loads(body)["batch"]
        if not isinstance(events, list):
            raise NoBatch("'batch' is no list")
        _check_number(len(events), events_max)
        if LONG_NUMBER.search(body) or len(list(islice(LIST.finditer(body), 2))) > 1:
            return None
        return [orjson.dumps(event) for event in events]
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    except (KeyError, TypeError) as error:
        raise NoBatch("there is no 'batch'") from error


def cut_lines(body: bytes, events_max: int | None = None) -> list[bytes]:
    """The bytes in the place of each event, whatever they are. Raises NoBatch.

    Takes up to a second for a body made to be slow.
    """
    lines: list[bytes] = []
    for line in _cut(body):
        lines.append(line)
        _check_number(len(lines), events_max)
    return lines


def _check_number(events: int, events_max: int | None) -> None:
    if events_max is not None and events > events_max:
        raise NoBatch(f"'batch' must be a list of up to {events_max}")


def _cut(body: bytes) -> Iterator[bytes]:
    """The elements of the list under `batch`, split at its own commas."""
    bare = STRING.sub(_blank, body)
    depths = array("i", accumulate(map(STEPS.__getitem__, bare)))
    start = _start_of_list(body, bare, depths)
    for found in COMMA_OR_END.finditer(bare, start):
        at, is_comma = found.start(), found[0] == b","
        if depths[at] != LIST_DEPTH - (not is_comma):
            continue
        element = body[start:at].strip()
        if is_comma:
            yield element
            start = at + 1
        else:
            _require_end(bare, depths, at)
            if element:
                yield element
            return
    raise NoBatch("it is no JSON, or has no list 'batch'")


def _start_of_list(body: bytes, bare: bytes, depths: Sequence[int]) -> int:
    starts = (
        found.end()
        for found in LIST.finditer(body)
        if bare[found.start()] == QUOTE and depths[found.start()] == LIST_DEPTH - 1
    )
    start = next(starts, None)
    if start is None:
        raise NoBatch("it is no JSON, or has no list 'batch'")
    if next(starts, None) is not None:
        raise NoBatch("it has more than one list 'batch'")
    return start


def _require_end(bare: bytes, depths: Sequence[int], at: int) -> None:
    """Raises NoBatch if another object follows: its events would have no result."""
    while (at := bare.find(b"{", at + 1)) >= 0:
        if depths[at] == 1:
            raise NoBatch("another object follows it")


def _blank(string: re.Match[bytes]) -> bytes:
    """As long as the string, with nothing in it but its first quote."""
    return b'"' + b" " * (len(string[0]) - 1)

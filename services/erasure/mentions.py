"""Whether a text names a person: by a whole JSON string, or by a value that stands alone in it.

A value inside a longer number, word or address is somebody else's. Escaped forms count as what they
stand for. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote

import orjson

ALONE_CHARS_MIN = 6
"""Shorter values also stand in texts about others: only a whole JSON string counts."""
BEFORE, AFTER = r"(?<![\w@])(?<!\w[-.+])", r"(?![\w@])(?![-.+]\w)"
"""What a value may not be part of: `5471` of `15471`, `ann@b.example` of `jo.ann@b.example`."""
UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
JSON_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Mentions:
    """The values of a person, to be looked for in texts."""

    def __init__(self, values: Collection[str]) -> None:
        self._whole = {value.casefold() for value in values}
        alone = [re.escape(one) for one in self._whole if len(one) >= ALONE_CHARS_MIN]
        self._alone = re.compile(f"{BEFORE}(?:{'|'.join(alone)}){AFTER}") if alone else None

    def stand_in(self, text: str) -> bool:
        """Whether one of the values stands in a text, which is JSON or was meant to be."""
        try:
            strings = list(_strings(orjson.loads(text)))
        except orjson.JSONDecodeError:
            read = UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
            strings = [text, read, *JSON_STRING.findall(unquote(read)), *JSON_STRING.findall(read)]
        return any(self._in_string(one) for one in strings)

    def _in_string(self, text: str) -> bool:
        forms = {text.casefold(), unquote(text).casefold()} if "%" in text else {text.casefold()}
        if not self._whole.isdisjoint(one.strip() for one in forms):
            return True
        alone = self._alone
        return alone is not None and any(alone.search(one) for one in forms)


def needles(values: Collection[str]) -> list[str]:
    """Texts of which one stands in every text that names one of the values, or in what it says once
    percent signs and ASCII escapes are read; a store looks for them."""
    found = set[str]()
    for value in values:
        for form in (value, json.dumps(value)[1:-1], value.replace("/", "\\/")):
            found.add(form if len(value) >= ALONE_CHARS_MIN else f'"{form}"')
    return sorted(found)


def _strings(document: Any) -> Iterator[str]:
    """Every string of a document, names of fields and numbers included; however deep it is."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, int | float):
            yield str(value)

"""Whether a text names a person: by a whole JSON string, or by a value that stands alone in it.

A value inside a longer number, word or address is somebody else's. Escaped forms count as what they
stand for, and telephone numbers and domains as the ones they are, however they are written. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote

import idna
import orjson
import phonenumbers

ALONE_CHARS_MIN = 6
"""Shorter values also stand in texts about others: only a whole JSON string counts."""
BEFORE, AFTER = r"(?<![\w@])(?<!\w[-.+])", r"(?![\w@])(?![-.+]\w)"
"""What a value may not be part of: `5471` of `15471`, `ann@b.example` of `jo.ann@b.example`."""
UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
BETWEEN = r"[\s()/.\-\u2010-\u2015]{0,6}"
"""What people write between the digits of a telephone number."""
LOOKED_AT_BEFORE = 12
DIGIT_BEFORE = re.compile(rf"[0-9]{BETWEEN}$")
COUNTRY_BEFORE = re.compile(rf"(\+|\b00){BETWEEN}[0-9]{{1,3}}{BETWEEN}$|[0-9][-.]$")
"""What makes a part of another number of digits without a trunk zero, and of any."""
ASCII_LABEL = "xn--"
"""Begins a label of a domain that has other letters than ASCII ones."""
JSON_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Mentions:
    """The values of a person, to be looked for in texts."""

    def __init__(self, values: Collection[str], *, alone_chars_min: int = ALONE_CHARS_MIN) -> None:
        """Values that are shorter than `alone_chars_min` count as a whole string only."""
        self._whole = {value.casefold() for value in values}
        alone = [re.escape(one) for one in self._whole if len(one) >= alone_chars_min]
        self._alone = re.compile(f"{BEFORE}(?:{'|'.join(alone)}){AFTER}") if alone else None
        dialled = [_dialled(*one) for one in sorted(_numbers(self._whole))]
        any_phone = rf"(?<![\w+])(?:{'|'.join(dialled)})(?!\w)(?![-.+]\d)"
        self._phones = re.compile(any_phone) if dialled else None

    def stand_in(self, text: str) -> bool:
        """Whether one of the values stands in a text, which is JSON or was meant to be."""
        try:
            strings = list(_strings(orjson.loads(text)))
        except orjson.JSONDecodeError:
            read = UNICODE_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
            strings = [text, read, *JSON_STRING.findall(unquote(read)), *JSON_STRING.findall(read)]
        return any(self.stand_in_string(one) for one in strings)

    def stand_in_string(self, text: str) -> bool:
        """The same of one string of a document."""
        forms = {text.casefold(), unquote(text).casefold()} if "%" in text else {text.casefold()}
        if not self._whole.isdisjoint(one.strip() for one in forms):
            return True
        alone = self._alone
        if alone is not None and any(alone.search(one) for one in forms):
            return True
        return any(self._dials(one) for one in forms)

    def _dials(self, text: str) -> bool:
        """Whether a telephone number stands in a text, and is no part of a longer one."""
        for found in self._phones.finditer(text) if self._phones else ():
            begins = found[0][0] in "+0(" and not found[0].startswith("(0)")
            before = text[max(0, found.start() - LOOKED_AT_BEFORE) : found.start()]
            if not (COUNTRY_BEFORE if begins else DIGIT_BEFORE).search(before):
                return True
        return False


def needles(values: Collection[str]) -> list[str]:
    """Texts of which one stands in every text that names one of the values, or in what it says once
    percent signs and ASCII escapes are read; a store looks for them."""
    found = set[str]()
    for value in values:
        for form in (value, json.dumps(value)[1:-1], value.replace("/", "\\/")):
            found.add(form if len(value) >= ALONE_CHARS_MIN else f'"{form}"')
    return sorted(found)


def digits_of_phones(values: Collection[str]) -> list[str]:
    """Digits of which one run stands in every text that names one of the telephone numbers among
    the values, once all other signs are left out; a store looks for them."""
    return sorted({number for _, number in _numbers(values)})


def forms_of(values: Collection[str]) -> list[str]:
    """The values, and addresses with the letters of their domains as people write them."""
    return sorted({*values, *map(_readable, values)})


def _readable(value: str) -> str:
    local, at, domain = value.rpartition("@")
    if not at or ASCII_LABEL not in domain:
        return value
    try:
        return f"{local}@{idna.decode(domain)}"
    except idna.IDNAError:
        return value


def _numbers(values: Collection[str]) -> set[tuple[str, str]]:
    """Country codes, and the rest without a trunk zero, of the telephone numbers among the values.

    A customer number may look like one: what nobody can dial, and what is too short to stand alone,
    is not among them.
    """
    found = set()
    for value in filter(E164.fullmatch, values):
        try:
            number = phonenumbers.parse(value)
        except phonenumbers.NumberParseException:
            continue
        rest = str(number.national_number)
        if len(rest) >= ALONE_CHARS_MIN and phonenumbers.is_possible_number(number):
            found.add((str(number.country_code), rest))
    return found


def _dialled(country: str, number: str) -> str:
    """A pattern of a number as it is dialled: with its country, a trunk zero, or neither.

    No text may make it try a sign in many ways: texts come from anybody.
    """
    digits = BETWEEN.join(number)
    abroad = BETWEEN.join(country)
    prefix = rf"(?:\+{BETWEEN}|00{BETWEEN}|\(?){abroad}{BETWEEN}"
    return rf"(?:{prefix})?\(?(?:0{BETWEEN}){{0,3}}+{digits}"


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

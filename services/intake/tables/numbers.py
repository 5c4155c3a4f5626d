"""Numbers as people and programs write them: what says which character stands before the decimals.

`1.234` is two numbers. It is read only where the file, or the map, says whether a decimal point or
a decimal comma is meant. Pure; no message quotes a value.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

GROUP_SIGNS = " '’\u00a0\u2009\u202f"
"""Between groups of three digits, beside point and comma."""
GROUPED = re.compile(rf"[0-9]{{1,3}}(?:[{GROUP_SIGNS}][0-9]{{3}})+(?=$|[.,])")
PLAIN = re.compile(r"[0-9]{1,18}")
ONE_SIGN = re.compile(r"([0-9]*)([.,])([0-9]+)")
SEVERAL = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})+")
BOTH = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*(?!\1)[.,][0-9]+")
MARK = re.compile(r"[A-Za-z]{3}|[€$£¥]")
MARKS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
EXPONENT = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
CHARACTERS_MAX = 60
WHOLE_AS_FLOAT = re.compile(r"[0-9]{1,18}[.,]0")
SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")
"""What a spreadsheet makes of a long number: its last digits are lost."""


class DecimalSign(StrEnum):
    """What a number says of the sign before its decimals."""

    POINT = "point"
    COMMA = "comma"
    EITHER = "either"
    """It may be both, and is another number then."""
    NONE = "none"
    """It has no such sign, or needs none."""


class NoNumber(ValueError):
    """The text is no number; what it is, is said without quoting it."""


class WrittenNumber(NamedTuple):
    """A number in the parts in which it is written."""

    digits: str
    """Without a sign, a mark and what groups digits by blanks."""
    sign: DecimalSign
    is_negative: bool
    mark: str
    """Its currency, if it names one."""
    is_percent: bool


@lru_cache(maxsize=4096)
def parts_of(text: str) -> WrittenNumber:
    """The parts of a number. Raises NoNumber."""
    if len(text) > CHARACTERS_MAX:
        raise NoNumber("is no number")
    if EXPONENT.fullmatch(text):
        raise NoNumber("is written with an exponent, so digits may be lost")
    bare, mark, is_percent = _without_mark(text.strip())
    bare, is_negative = _without_minus(bare)
    if not mark:
        bare, mark, more = _without_mark(bare)
        is_percent = is_percent or more
    grouped = GROUPED.match(bare)
    if grouped:
        whole = re.sub(f"[{GROUP_SIGNS}]", "", grouped[0])
        bare = whole + bare[grouped.end() :]
    return WrittenNumber(bare, _sign_of(bare, bool(grouped)), is_negative, mark, is_percent)


def _without_mark(text: str) -> tuple[str, str, bool]:
    if text.endswith("%"):
        return text[:-1].rstrip(), "", True
    for found in (MARK.match(text), MARK.search(text, max(0, len(text) - 3))):
        if found and (found.start() == 0 or found.end() == len(text)):
            rest = (text[: found.start()] + text[found.end() :]).strip(" \u00a0\u202f")
            return rest, MARKS.get(found[0], found[0].upper()), False
    if text.endswith(("€", "$", "£")):
        return text[:-1].strip(" \u00a0\u202f"), MARKS[text[-1]], False
    return text, "", False


def _without_minus(text: str) -> tuple[str, bool]:
    """Before the number, behind it, or as brackets around it."""
    if text[:1] in ("-", "\u2212", "\u2013"):
        return text[1:].lstrip(), True
    if text[:1] == "+":
        return text[1:].lstrip(), False
    if text[-1:] in ("-", "\u2212"):
        return text[:-1].rstrip(), True
    if text[:1] == "(" and text[-1:] == ")":
        return text[1:-1].strip(), True
    return text, False


def _sign_of(bare: str, is_grouped: bool) -> DecimalSign:
    if PLAIN.fullmatch(bare):
        return DecimalSign.NONE
    if both := BOTH.fullmatch(bare):
        return DecimalSign.COMMA if both[1] == "." else DecimalSign.POINT
    if several := SEVERAL.fullmatch(bare):
        return DecimalSign.COMMA if several[1] == "." else DecimalSign.POINT
    one = ONE_SIGN.fullmatch(bare)
    if one is None:
        raise NoNumber("is no number")
    whole, sign, decimals = one.groups()
    may_group = len(decimals) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
    if may_group and not is_grouped:
        return DecimalSign.EITHER
    return DecimalSign.COMMA if sign == "," else DecimalSign.POINT


def number_of(text: str, sign: DecimalSign) -> tuple[Decimal, WrittenNumber]:
    """The number, where `sign` (point or comma) stands before decimals. Raises NoNumber."""
    written = parts_of(text)
    if written.sign in (DecimalSign.POINT, DecimalSign.COMMA) and written.sign is not sign:
        raise NoNumber(f"has a decimal {written.sign}, where a decimal {sign} is expected")
    decimal, group = (",", ".") if sign is DecimalSign.COMMA else (".", ",")
    digits = written.digits.replace(group, "").replace(decimal, ".")
    number = Decimal(digits if digits[0] != "." else f"0{digits}")
    return -number if written.is_negative else number, written

"""Global trade item numbers in one form: 14 digits with a right check digit, or nothing."""

from __future__ import annotations

from functools import lru_cache

LENGTHS = frozenset({8, 12, 13, 14})
NOT_GLOBAL = ("2", "02", "04", "05", "98", "99")
"""Prefixes of EAN-13 that a retailer gives himself (weighed goods), and those of coupons."""
NOT_GLOBAL_8 = ("0", "2")


@lru_cache(maxsize=8192)
def gtin_of(text: str) -> str:
    """The number as 14 digits; empty if it is none, or no global one of a single item.

    EAN-8, UPC-A, EAN-13 and GTIN-14 are one number with zeros before it. A GTIN-14 that begins with
    another digit is that of a case.
    """
    digits = text.strip().replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in LENGTHS):
        return ""
    full = digits.zfill(14)
    weighted = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(full))
    if weighted % 10 or full[0] != "0" or not full.strip("0"):
        return ""
    is_short = full.startswith("000000")
    local = full[6:].startswith(NOT_GLOBAL_8) if is_short else full[1:].startswith(NOT_GLOBAL)
    return "" if local else full

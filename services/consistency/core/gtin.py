"""Global trade item numbers in one form, and the article number that an offer or a line names.

`gtin_of` proves that a text is a number of a single item; `article_of` is the key by which claims
are compared, `second_number` the other key of what has two numbers.
"""

from __future__ import annotations

from functools import lru_cache

from schemas.events.orders import OrderLine
from schemas.offer import Offer

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


def one_form(text: str) -> str:
    """The number as it is printed on packs in Europe: EAN-8, else 13 digits; any other text as it
    is.

    A number that a store gave itself, that of a case, and one with a wrong check digit stay as
    they are: nothing says that two spellings of them mean the same article.
    """
    full = gtin_of(text)
    if not full:
        return text
    return full[6:] if full.startswith("000000") else full[1:]


def second_number(named: Offer | OrderLine) -> str:
    """The GTIN, in one form, of what has an article number as well; empty if it has no other
    number, or none that is the same for everybody. A seller's article numbers are his own."""
    if not (named.gtin and named.sku) or named.seller or not gtin_of(named.gtin):
        return ""
    number = one_form(named.gtin)
    return "" if number == named.sku else number


def article_of(named: Offer | OrderLine) -> str:
    """The article number that it is compared by: the retailer's own, else the GTIN in one form."""
    return named.sku or one_form(named.gtin)

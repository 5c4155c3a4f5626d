"""Whether two written addresses or names mean the same: compared by words, however written."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

WORD = re.compile(r"\w+")
HOUSE_NUMBER = re.compile(r"(\d) ([a-z])\b")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@lru_cache(maxsize=4096)
def addresses_agree(one: str, other: str) -> bool:
    """Whether the shorter address has nothing that the longer one lacks.

    A word agrees with its abbreviation (Str., Pl.), a number only with itself. Case, signs, blanks
    (12 a, 12a) and umlauts that are written out make no difference.
    """
    fewer, more = sorted((words_of(one), words_of(other)), key=len)
    return all(any(_is_short_for(word, another) for another in more) for word in fewer)


def words_of(address: str) -> list[str]:
    """The words of a text without case, umlauts written out, a house number with its letter."""
    plain = unicodedata.normalize("NFKC", address).casefold()  # ß is ss
    return WORD.findall(HOUSE_NUMBER.sub(r"\1\2", plain.translate(UMLAUTS)))


def _is_short_for(word: str, other: str) -> bool:
    if word == other:
        return True
    return word.isalpha() and other.isalpha() and (word.startswith(other) or other.startswith(word))

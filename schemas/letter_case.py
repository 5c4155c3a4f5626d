"""Letter case set aside, and nothing else: the one rule by which two spellings are equal.

Lower-casing never turns one letter into another. Case folding (`str.casefold`) does: it makes
`strauß` and `strauss` one word, and the ligature of `ﬁona` two letters. Canonically equivalent
spellings (NFC) are one; compatible ones (NFKC: ligatures, full-width letters) stay apart.
"""

from __future__ import annotations

import unicodedata


def lower_case(text: str) -> str:
    """The text in NFC and lower case, part by part between full stops.

    A full stop ends a word, so that the Greek capitals of an address `first.last` get their final
    sigmas. Texts with equal results differ in letter case and composition alone.
    """
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFC", text)
    lower = ".".join(part.lower() for part in composed.split("."))
    return unicodedata.normalize("NFC", lower)

"""Which encoding bytes that are no UTF-8 are taken for; the guess is only ever said."""

from __future__ import annotations

import codecs

import pytest

from services.ingest.core.encoding import not_utf8, wide_encoding

TEXT = '{"city": "München"}\n'


def cyrillic(letters: int) -> bytes:
    """Twenty characters in UTF-16LE, so many pairs of them Cyrillic, at even and odd places."""
    return ("жж" * letters + "ab" * (10 - letters)).encode("utf-16-le")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (TEXT.encode("utf-16-le"), "UTF-16LE"),
        (TEXT.encode("utf-16-be"), "UTF-16BE"),
        (TEXT.encode("utf-32-le"), "UTF-32LE"),
        (TEXT.encode("utf-32-be"), "UTF-32BE"),
        (codecs.BOM_UTF16_LE + "жж".encode("utf-16-le"), "UTF-16LE"),
        (codecs.BOM_UTF16_BE + "жж".encode("utf-16-be"), "UTF-16BE"),
        (codecs.BOM_UTF32_LE, "UTF-32LE"),  # begins as UTF-16LE does
        (codecs.BOM_UTF32_BE, "UTF-32BE"),
        (cyrillic(3), "UTF-16LE"),
        (cyrillic(4), ""),  # too few NULs to tell
        (("Ā" + TEXT).encode("utf-16-le"), ""),  # a NUL where there should be none
        (b"\x00abc" * 9, ""),  # NULs where no encoding has them
        (TEXT.encode("cp1252"), ""),
        (b"", ""),
    ],
)
def test_wide_encodings_are_known_by_mark_or_nul(head: bytes, name: str) -> None:
    """A mark decides; without one, most characters are Latin and have NULs at the same places."""
    assert wide_encoding(head) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TEXT.encode("utf-16"), "UTF-16LE"),
        (TEXT.encode("cp1252"), "Windows-1252"),
        *[(b'{"city": "\xfc%c"}' % byte, "CP850") for byte in (0x1A, 0x81, 0x8D, 0x8F, 0x90, 0x9D)],
    ],
)
def test_what_is_no_utf8_comes_with_a_command(text: bytes, name: str) -> None:
    """Bytes that Windows-1252 does not assign, and the old end of a file, are of an old till."""
    assert f"It looks like {name}: convert it with 'iconv -f {name} -t UTF-8'" in not_utf8(text)


def test_utf8_is_nothing_to_speak_of() -> None:
    """Letters beyond ASCII are no fault."""
    assert not_utf8(TEXT.encode()) == ""

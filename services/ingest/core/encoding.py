"""Which encoding bytes seem to have that are no UTF-8 text, for messages that say what to do.

A guess never changes what is read: nothing is converted here.
"""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE

MARKS = (
    (BOM_UTF32_LE, "UTF-32LE"),
    (BOM_UTF32_BE, "UTF-32BE"),
    (BOM_UTF16_LE, "UTF-16LE"),
    (BOM_UTF16_BE, "UTF-16BE"),
)
"""Byte order marks; the longer ones first, because one begins another."""
SAMPLE_BYTES = 4096
SHARE_OF_NUL = 0.6
"""JSON in UTF-16 has a NUL in about every other byte, always at the same places."""
ENCODINGS = {"x0x0": "UTF-16LE", "0x0x": "UTF-16BE", "x000": "UTF-32LE", "000x": "UTF-32BE"}
"""By where the NULs are in every four bytes."""


def wide_encoding(head: bytes) -> str:
    """UTF-16 or UTF-32, by its mark or by its NUL bytes; empty for anything else."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    sample = head[:SAMPLE_BYTES]
    return ENCODINGS.get("".join(_pattern(sample[at::4]) for at in range(4)), "")


def _pattern(places: bytes) -> str:
    """0: mostly NUL; x: no NUL; ?: neither, as in no encoding."""
    if places.count(0) > SHARE_OF_NUL * len(places):
        return "0"
    return "?" if 0 in places else "x"


def not_utf8(line: bytes) -> str:
    """What is wrong with a line that is no UTF-8, and its likely encoding; empty if it is."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        name = wide_encoding(line) or _narrow_encoding(line)
        return (
            f"not UTF-8: byte 0x{line[error.start]:02X} at byte {error.start + 1}. It looks like "
            f"{name}: {conversion(name)}"
        )
    return ""


def conversion(name: str) -> str:
    """The command that converts a file of that encoding."""
    return f"convert it with 'iconv -f {name} -t UTF-8'"


def _narrow_encoding(line: bytes) -> str:
    """Windows-1252 assigns letters to 0x80-0x9F, where ISO 8859 has control characters."""
    if 0x1A in line or any(byte in line for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)):
        return "CP850"  # the code page of old tills: ü is 0x81
    return "Windows-1252"

"""Opening hours as channels write them, in one form: days of the week, and spans of a day.

Whatever cannot be read with certainty is None: hours are never guessed. Nothing here compares.
"""

from __future__ import annotations

import re

DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
"""The days of a week, in its order."""
DAY_NAMES = {
    name: number
    for number, names in enumerate(
        (
            "mo mon monday montag",
            "tu tue tues tuesday di dienstag",
            "we wed wednesday mi mittwoch",
            "th thu thur thurs thursday do donnerstag",
            "fr fri friday freitag",
            "sa sat saturday samstag sonnabend",
            "su sun sunday so sonntag",
        )
    )
    for name in names.split()
}
CLOSED_WORDS = frozenset({"closed", "geschlossen", "ruhetag", "zu"})
DAY_AND_NIGHT = frozenset({"24h", "24 h", "24 hours", "24 stunden", "00:00-24:00", "24/7"})
CLOSED = "closed"
DASH = re.compile(r"\s*(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\bbis\b|\bto\b|\buntil\b)\s*")
BETWEEN = re.compile(r"\s*(?:[,;+&/]|\bund\b|\band\b)\s*")
TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm|h|uhr)?")
HOUR_MINUTES, DAY_MINUTES, NOON = 60, 24 * 60, 12
Span = tuple[int, int]


def days_of(text: str) -> tuple[str, ...] | None:
    """The days that a text names: `Mo`, `Monday`, `Mo-Fr`, `Sa, So`; None if it names none."""
    days: list[str] = []
    for part in BETWEEN.split(text.strip().casefold()):
        ends = [DAY_NAMES.get(name.rstrip(".")) for name in DASH.split(part)]
        if None in ends or len(ends) not in (1, 2):
            return None
        first, last = ends[0], ends[-1]
        assert first is not None
        assert last is not None
        length = (last - first) % len(DAYS) + 1  # Sa-Mo goes over the end of the week
        days += (DAYS[(first + number) % len(DAYS)] for number in range(length))
    return tuple(dict.fromkeys(days))


def hours_of(text: str) -> str | None:
    """The spans of a day in one form: `09:00-13:00 14:00-20:00`, or `closed`.

    None for a text that cannot be read as a whole.
    """
    spans = spans_of(text)
    if spans is None:
        return None
    return " ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in spans) or CLOSED


def spans_of(text: str) -> list[Span] | None:
    """The spans of a day in minutes since its midnight, in order; none if it is closed.

    None for a text that cannot be read as a whole. A span that ends before it begins goes over
    midnight, so it ends after minute 1,440; spans that touch are one.
    """
    plain = " ".join(text.casefold().split())
    if plain in CLOSED_WORDS:
        return []
    if plain in DAY_AND_NIGHT:
        return [(0, DAY_MINUTES)]
    spans: list[Span] = []
    for part in BETWEEN.split(plain.removesuffix(" uhr")):
        ends = [_minutes(one) for one in DASH.split(part)]
        if None in ends or len(ends) != 2:
            return None
        opens, closes = ends
        assert opens is not None
        assert closes is not None
        spans.append((opens, closes if closes > opens else closes + DAY_MINUTES))
    return _merged(spans)


def _minutes(text: str) -> int | None:
    """Minutes since midnight; None if the text is no time of day."""
    found = TIME.fullmatch(text)
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half in ("am", "pm"):
        if not 1 <= hour <= NOON:
            return None
        hour = hour % NOON + (NOON if half == "pm" else 0)
    if minute >= HOUR_MINUTES or hour * HOUR_MINUTES + minute > DAY_MINUTES:
        return None
    return hour * HOUR_MINUTES + minute


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for opens, closes in sorted(spans):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return merged


def _clock(minutes: int) -> str:
    if minutes > DAY_MINUTES:
        minutes -= DAY_MINUTES
    return f"{minutes // HOUR_MINUTES:02}:{minutes % HOUR_MINUTES:02}"

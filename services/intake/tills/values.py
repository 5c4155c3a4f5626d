"""Amounts and times as tills and spreadsheets write them. Pure.

What is not clearly one is refused; nothing is guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from schemas.instants import written
from services.intake.amounts import PLACES_MAX
from services.intake.fields import CODE_CHARS_MAX, TITLE_CHARS_MAX, NotTaken

GERMANY = ZoneInfo("Europe/Berlin")
"""Of times without a zone: tills write those of the wall."""
_NUMBER = r"([+-]?)([0-9]{1,15}|[0-9]{1,3}(?:[%s'\u00a0 ][0-9]{3}){1,4})%s([0-9]{0,15})(-?)"
COMMA = re.compile(_NUMBER % (".", ","))
POINT = re.compile(_NUMBER % (",", r"\."))
WHOLE = re.compile(r"([+-]?)([0-9]{1,15})()(-?)")
_GROUPED = r"([+-]?)([0-9]{1,3}(?:[%s'\u00a0 ][0-9]{3}){1,4})()(-?)"
PATTERNS = {
    ",": (COMMA, WHOLE, re.compile(_GROUPED % ".")),
    ".": (POINT, WHOLE, re.compile(_GROUPED % ",")),
    "": (COMMA, POINT, WHOLE),
}
"""By the sign before the decimals; empty: it is not known."""
OF_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}-?")
"""What is a thousand times as much by the one sign as by the other."""
GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?")
ZONE = re.compile(r"(?:Z|z|[+-][0-9]{2}:?[0-9]{2})$")
STEP = Decimal(1).scaleb(-PLACES_MAX)


def number(text: str, path: str, decimal: str = "") -> Decimal:
    """A number with a decimal comma or point; `decimal` says which it is, if it is known. Raises
    NotTaken."""
    plain = text.strip()
    if not decimal and OF_EITHER.fullmatch(plain):
        raise NotTaken(
            path, "may be a thousand times as much: no number says which sign is decimal"
        )
    for pattern in PATTERNS[decimal]:
        if match := pattern.fullmatch(plain):
            sign, whole, decimals, behind = match.groups()
            if sign and behind:
                break
            digits = re.sub("[^0-9]", "", whole)
            minus = "-" if "-" in (sign, behind) else ""
            return Decimal(f"{minus}{digits}.{decimals}")
    raise NotTaken(path, "must be a number")


def money(text: str, path: str, decimal: str = "") -> Decimal:
    """An amount; digits that no amount of the contract has are rounded half to even. Tills write
    five decimals where they count the tax."""
    return rounded(number(text, path, decimal))


def rounded(amount: Decimal) -> Decimal:
    """The same of an amount that was counted."""
    return amount.quantize(STEP, ROUND_HALF_EVEN).normalize() + 0


def instant(text: str, path: str, clock: str = "") -> str:
    """A time, in Germany if it names no zone; `clock` is the time of a day where it stands apart.
    Raises NotTaken."""
    plain = f"{text.strip()} {clock.strip()}".strip().replace("T", " ", 1)
    day_text, _, rest = plain.partition(" ")
    rest = rest.strip()
    zone = ZONE.search(rest)
    clock_text = rest[: zone.start()].strip() if zone else rest
    day = DAY.fullmatch(day_text)
    numbers = day.groups() if day else None
    if german := GERMAN_DAY.fullmatch(day_text):
        numbers = tuple(reversed(german.groups()))
    hour = CLOCK.fullmatch(clock_text)
    if numbers is None or hour is None:
        raise NotTaken(path, "must be a day and a time, as 2026-03-02T17:24:00")
    try:
        fraction = (hour[4] or "").ljust(6, "0")[:6]
        at = time(int(hour[1]), int(hour[2]), int(hour[3] or 0), int(fraction or 0))
        local = datetime.combine(date(*map(int, numbers)), at)
        return written(_with_zone(local, zone[0] if zone else ""))
    except (ValueError, OverflowError) as error:
        raise NotTaken(path, "is no time that exists") from error


def _with_zone(local: datetime, zone: str) -> datetime:
    if not zone:
        at = local.replace(tzinfo=GERMANY)  # of an hour that clocks show twice the earlier one
        if at.astimezone(UTC).astimezone(GERMANY).replace(tzinfo=None) != local:
            raise ValueError("clocks skipped it")
        return at
    if zone in "Zz":
        return local.replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{local.isoformat()}{zone}")


def code(text: str, path: str) -> str:
    """A number or short name. Raises NotTaken if it is too long to be one."""
    plain = text.strip()
    if len(plain) > CODE_CHARS_MAX:
        raise NotTaken(path, f"at most {CODE_CHARS_MAX} characters")
    return plain


def label(text: str, chars_max: int = TITLE_CHARS_MAX) -> str:
    """Text that people read; a longer one is cut."""
    return " ".join(text.split())[:chars_max].strip()

"""Times on the command line: ISO 8601 with a zone, or a day of the realm's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import typer

from services.api.operation import YEARS

DAY_CHARS = len("2026-11-20")


def instant_of(text: str) -> datetime:
    """An instant with its zone, in UTC. Raises BadParameter for anything else."""
    instant = _parsed(text, "2026-03-08T04:00:00Z")
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone; append Z or an offset")
    return _bounded(text, instant)


def beginning_of(text: str, zone: tzinfo) -> datetime:
    """The midnight with which a day begins in the zone, or an instant with its own zone, in UTC.

    Raises BadParameter for anything else.
    """
    instant = _parsed(text, "2026-11-20 or 2026-11-20T10:00:00+01:00")
    if instant.tzinfo is None:
        if len(text) > DAY_CHARS:
            raise typer.BadParameter(f"{text!r} has no time zone; append Z or an offset")
        instant = instant.replace(tzinfo=zone)
    return _bounded(text, instant)


def _parsed(text: str, example: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a time; write {example}") from error


def _bounded(text: str, instant: datetime) -> datetime:
    if instant.year not in YEARS:
        years = f"{YEARS.start} to {YEARS.stop - 1}"
        raise typer.BadParameter(f"{text!r} is not within the years {years}")
    return instant.astimezone(UTC)

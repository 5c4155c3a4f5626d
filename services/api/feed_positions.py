"""Places in a feed of changes, and the ids of events that name them. Pure.

A feed has one or more parts, each in an order of its own; a position names the last entry read of
every part. The id of an event holds the whole position behind it, so whoever shows the id of the
last event goes on exactly there. Clients take it as it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from services.runtime.errors import InvalidInput

ID_CHARS_MAX = 2_000
ID_FORM = re.compile(
    r"([a-z])1\.([0-9a-f]{8})\.([0-9a-f]{1,12})((?:\.[0-9a-f]{1,16}(?:_[0-9a-f~-]{1,64})?)+)"
)
LAST_KEY = "~"
"""Above every key: behind all entries of a number."""
MINUTE_S = 60


class FeedMark(NamedTuple):
    """The place of an entry in its part: a number that never falls, and a key where several entries
    share one. Keys are of hexadecimal digits and hyphens."""

    number: int
    key: str = ""


Position = tuple[FeedMark, ...]
"""The mark of the last entry read, by part."""


class Entry(NamedTuple):
    """A change."""

    part: int
    mark: FeedMark
    realm: str
    event: str
    """Name of the event that tells it."""
    data: bytes
    """JSON in one line."""


class ResumeId(NamedTuple):
    """What the id of an event says."""

    feed: str
    """One letter for what is fed."""
    source: str
    """Which log or store: marks mean nothing in another one."""
    minute: int
    """When the event was sent, in minutes since 1970."""
    position: Position

    def written(self) -> str:
        """The id as clients get it."""
        head = f"{self.feed}1.{self.source}.{self.minute:x}"
        return ".".join([head, *(_written(mark) for mark in self.position)])


def _written(mark: FeedMark) -> str:
    return f"{mark.number:x}_{mark.key}" if mark.key else f"{mark.number:x}"


def read_id(text: str, feed: str) -> ResumeId:
    """What a client shows of the last event it got. Raises InvalidInput for anything else."""
    found = ID_FORM.fullmatch(text) if len(text) <= ID_CHARS_MAX else None
    if found is None or found[1] != feed:
        raise InvalidInput("Last-Event-ID: no id of an event of this stream")
    marks: list[FeedMark] = []
    for one in found[4][1:].split("."):
        number, _, key = one.partition("_")
        marks.append(FeedMark(int(number, 16), key))
    return ResumeId(found[1], found[2], int(found[3], 16), tuple(marks))


def behind(position: Position, entry: Entry) -> bool:
    """Whether an entry is still to come at a position."""
    return entry.mark > position[entry.part]


def after(position: Position, entry: Entry) -> Position:
    """The position once an entry is read."""
    return (*position[: entry.part], entry.mark, *position[entry.part + 1 :])


def reaches(position: Position, other: Position) -> bool:
    """Whether a position is in no part before another one."""
    return all(mine >= theirs for mine, theirs in zip(position, other, strict=True))

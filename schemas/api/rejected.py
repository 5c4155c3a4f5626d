"""Rejected events as the API and the command line give them.

On Kafka they are dead letters, which have more fields: where they came from, and when.
"""

from __future__ import annotations

from datetime import datetime

from schemas.base import Contract


class _RejectedHead(Contract):
    version: int
    """Version of this form."""
    reject_id: str
    """Its id; of a dead letter `<partition>:<offset>`."""
    reason: str
    """Why it was rejected; `unknown` for a record that no worker wrote."""
    path: str
    """The field at fault, as `body.lines.0.total`."""
    message: str
    """What is wrong with it; never quotes the value."""
    event_id: str
    """The event's own id, as far as it could be read."""
    received_at: datetime | None
    """When it was received; null for a record that no worker wrote."""
    raw_bytes: int
    """Size of the whole event."""


class RejectedItem(_RejectedHead):
    """A rejected event without its content."""

    advice: str
    """What to do about it."""


class ShownRejectedItem(_RejectedHead):
    """A rejected event, whole."""

    raw: str
    """The event as it was sent, truncated if it is too large."""
    advice: str
    """What to do about it."""


class RejectedLetterItem(RejectedItem):
    """A dead letter without its content."""

    rejected_at: datetime
    """When it was written."""
    source_topic: str
    """The topic it came from; empty for an event that came over HTTP."""
    source_partition: int
    """The partition of that topic; -1 for none."""
    source_offset: int
    """The offset in that partition; -1 for none."""
    is_whole: bool
    """Whether all of it was kept."""


class LetterHeader(Contract):
    """A header that a record had before it was rejected."""

    name: str
    """Its name."""
    value: str
    """Its value as text."""
    value_base64: str
    """Its bytes."""


class ShownRejectedLetter(RejectedLetterItem):
    """A dead letter, whole. Texts are for reading, Base64 gives the bytes."""

    raw: str
    """The event as text."""
    raw_base64: str
    """Its bytes."""
    key: str | None
    """The key of its record as text."""
    key_base64: str | None
    """The bytes of the key."""
    headers: dict[str, str]
    """The headers that say why it was rejected and where it came from."""
    original_headers: list[LetterHeader]
    """The headers it arrived with."""


class RejectedReason(Contract):
    """Rejected events of one reason."""

    reason: str
    """The reason."""
    count: int
    """How many there are."""


class RejectedCounts(Contract):
    """Rejected events by reason."""

    version: int = 1
    """Version of this form."""
    counts: list[RejectedReason]
    """By reason, in alphabetical order."""
    total: int
    """Of all reasons."""
    is_complete: bool
    """Whether all were counted; otherwise only the latest, as many as can be read in time."""

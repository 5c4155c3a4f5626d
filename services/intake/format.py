"""What a format is: how the payloads of one sender are translated to touchpoints.

A payload is one line of a file, or of JSON one object, also over several lines; tills are read from
whole files. What cannot be translated is rejected with its bytes and the reason: the payload as a
whole, or of one that holds several messages the single message. No message is ever read in part,
but for one whose parts have numbers of their own: a refund within an order is refused alone, with
the order's bytes. Bytes are kept only where somebody could read whom they name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from schemas.faults import Fault
from schemas.reject import RejectReason
from services.ingest.lines import KEPT_BYTES_MAX, Line

MESSAGES_MAX = 5_000
"""Of one payload, as of one request: each message that is refused is kept."""
TOO_MANY = Fault(RejectReason.TOO_LARGE, "", f"a payload may hold {MESSAGES_MAX} messages")


class Refused(NamedTuple):
    """A message that becomes no touchpoint, while others of its payload may."""

    content: bytes
    """The message."""
    fault: Fault
    """Why; it quotes nothing of the message."""
    named: bytes = b""
    """The ids, time and persons that the message names, as the fields of a touchpoint that say so:
    whether its bytes may be kept is decided by them. Empty if there are none to be read."""


class Delivered(NamedTuple):
    """A payload as a sender delivered it over HTTP, to check whether it is the sender's."""

    body: bytes
    headers: Mapping[str, str]
    """By their names in lower case."""
    url: str
    """The address that the sender was given."""
    received_at: datetime


Translated = Sequence[bytes | Refused]


@dataclass(frozen=True)
class Format:
    """One format. `touchpoints` is pure: the same payload always gives the same touchpoints.

    Whether a touchpoint is valid is not decided here; ingest rejects each one for itself.
    """

    name: str
    """Name in `c360 ingest --format NAME`."""
    payload_bytes_max: int
    """Larger payloads are rejected without being read."""
    touchpoints: Callable[[bytes], Translated | Fault]
    """The touchpoints of a payload, each as a JSON line, or why it cannot be read. Never raises;
    the fault quotes nothing of the payload."""
    lists: bool = False
    """A file may also be a list of payloads, or request bodies that hold them."""
    is_json: bool = True
    """A file that holds no JSON is refused as a whole; otherwise each of its lines is a payload."""
    keeps_unread: bool = False
    """Ingest finds by itself whom a payload names that cannot be read, so its bytes may be kept.
    Those of other formats are not: they may be of somebody of whom none may be."""
    enveloped: Callable[[Delivered], bytes] | None = None
    """The payload of a delivery, where its headers say what the body alone does not; None: the
    body. Never raises."""
    is_signed: Callable[[Delivered, str], bool] | None = None
    """Whether a delivery is signed with a secret (or the public key) that the sender shares with
    its receiver, and not too old to be one sent again by others; None if the sender signs nothing.
    Pure, and never raises."""


class UnreadableFile(ValueError):
    """A file of which nothing, or nothing more, can be read. The message follows its name, and says
    what is wrong and what to do."""


class Ignored(NamedTuple):
    """Something that is understood and says nothing of customers: it is counted by its name."""

    name: str


class FilePart(NamedTuple):
    """What was read at one place of a file."""

    place: str
    """Where, as people look for it: `line 12`, `receipt 3/17/1001`."""
    found: bytes | Refused | Ignored


@dataclass(frozen=True)
class FileFormat:
    """A format of whole files, whose parts say nothing alone. It is read with bounded memory,
    whatever the file holds, and the same file always gives the same touchpoints. It is not taken
    over HTTP (docs/adr/0163)."""

    name: str
    """Name in `c360 ingest --format NAME`."""
    read: Callable[[BinaryIO], Iterator[FilePart]]
    """The touchpoints of a file, unpacked from gzip; it may be a pipe. Raises UnreadableFile; what
    was yielded before stands."""
    read_directory: Callable[[Path], Iterator[FilePart]] | None = None
    """The same of a directory, where the files of an export may lie unpacked."""


def lines_of(found: Iterable[bytes | Refused], place: str = "", realm: str = "") -> Iterator[Line]:
    """What a payload holds as lines for ingest, which rejects those that were refused."""
    for one in found:
        if isinstance(one, Refused):
            kept = one.content[:KEPT_BYTES_MAX]
            yield Line(kept, len(one.content), one.fault, place, realm, one.named)
        else:
            yield Line(one, len(one), None, place, realm)

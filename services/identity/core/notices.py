"""Notices: identifiers and persons that somebody should look at, with evidence and a proposal.

What they are about follows from the facts, the graph and the map; nothing depends on when anybody
looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from schemas.identifiers import NodeId
from schemas.instants import DAY_MS


class NoticeKind(StrEnum):
    """What is unusual."""

    SUSPICIOUS_VALUE = "suspicious_value"
    """Within 24 hours the identifier came to stand for more than a limit of the rules allows."""
    DEGREE_LIMIT = "degree_limit"
    """A personal identifier stands for more than `hub_above_personal` persons, or any one exceeds a
    limit by count, as the telephone of a call centre does with orders that come slowly."""
    MANY_IDENTIFIERS = "many_identifiers"
    """A person has more identifiers of a type than its `review_above`."""
    SIZE_LIMIT = "size_limit"
    """A person has more identifiers than a profile should, or so many that joining more was
    refused."""
    BUSY_VALUE = "busy_value"
    """Within 24 hours more than `busy_above` purchases were made under a personal identifier."""


class Notice(NamedTuple):
    """One notice. `type`, `issuer` and `value` are those of the identifier `node`; of a person it
    is the one that gives the profile its id."""

    kind: NoticeKind
    node: NodeId
    type: str
    issuer: str
    value: str
    counted: str
    """Type of the identifiers that were counted; empty for all types that count, or purchases."""
    found: int
    since_ms: int | None
    """When the limit of a day was exceeded first, in event time."""
    is_shared: bool
    """Whether the identifier joins nobody."""
    is_personal: bool = True
    """Whether it is one person's own by its type."""


class Sighting(NamedTuple):
    """An event that is evidence, and where it comes from; the places are empty if unknown."""

    event_id: str
    at_ms: int
    channel: str = ""
    system: str = ""
    store: str = ""
    till: str = ""


class Sender(NamedTuple):
    """Who reported, and how many of the events that were looked at."""

    channel: str
    system: str
    store: str
    till: str
    events: int


class Evidence(NamedTuple):
    """What a notice rests on."""

    events: int
    """How many events were looked at."""
    samples: tuple[Sighting, ...]
    """The first one, the latest one and some between, the earliest first."""
    most_in_a_day: int
    """The most of them within 24 hours."""
    senders: tuple[Sender, ...]
    """Of up to some hundred of the events, who sent most first."""
    profiles: int
    """How many profiles hold the identifiers at the other ends."""
    is_cut: bool
    """Whether there are more events than were looked at."""
    ends: tuple[NodeId, ...]
    """Of a person, the identifiers that were counted, the earliest seen first; else empty."""


class ProposedAction(StrEnum):
    """What somebody could do about a notice."""

    BLOCK = "block"
    """List the value as one that identifies nobody."""
    CORRECT_SENDER = "correct_sender"
    """Have the sender leave the identifier out."""
    SPLIT = "split"
    """Look why the identifiers are one person, and decide that two of them are not."""


class Proposal(NamedTuple):
    """The proposed decision: in words, as lines for the rules file, or about which pair."""

    action: ProposedAction
    text: str
    rules: str
    """TOML: a line of the type's row in the identity rules; empty if nothing is to be blocked."""
    ends: tuple[NodeId, NodeId] | None
    """The two identifiers to look at, and perhaps to decide about."""


def most_in_a_day(times_ms: Iterable[int]) -> int:
    """The most of the times that lie within 24 hours."""
    ordered = sorted(times_ms)
    most = start = 0
    for end, last in enumerate(ordered):
        while last - ordered[start] >= DAY_MS:
            start += 1
        most = max(most, end - start + 1)
    return most


def spread(count: int, wanted: int) -> list[int]:
    """Ascending indexes of so many of `count` things: the first, the last and some between."""
    if count <= wanted:
        return list(range(count))
    return sorted({round(at * (count - 1) / (wanted - 1)) for at in range(wanted)})


def proposal(
    notice: Notice, evidence: Evidence, blocked: Sequence[str], identifiers_max: int | None
) -> Proposal:
    """What to do about a notice. `blocked` are the values of its type that the rules block,
    `identifiers_max` is their size limit of a person."""
    senders, ends = evidence.senders, evidence.ends
    by = _named(senders)
    if notice.kind is NoticeKind.MANY_IDENTIFIERS:
        text = (
            f"See why {notice.counted} number 1 and number {notice.found} of this person are one. "
            "If they are two persons', decide that they are different: their histories part at "
            "once. If all are one person's, do nothing."
        )
        pair = (ends[0], ends[-1]) if len(ends) > 1 else None
        return Proposal(ProposedAction.SPLIT, text, "", pair)
    if notice.kind is NoticeKind.SIZE_LIMIT:
        pair = (ends[0], ends[-1]) if len(ends) > 1 else None
        text = _about_size(notice.found, identifiers_max)
        return Proposal(ProposedAction.SPLIT, text, "", pair)
    if notice.kind is NoticeKind.BUSY_VALUE:
        text = (
            f"Nobody buys so often: probably a staff card, or one that {by} writes for customers "
            "without any. Have it left out there, and block the value. If it is a business that "
            "buys so often, do nothing."
        )
        return Proposal(ProposedAction.BLOCK, text, _blocking(notice, blocked), None)
    if not notice.is_personal:
        text = (
            f"It belongs to nobody, and joins nobody. If it is a device or number of yours (a "
            f"till, a kiosk, a call centre), have {by} leave it out: identifiers are those of the "
            "customer. If it is really shared, do nothing."
        )
        return Proposal(ProposedAction.CORRECT_SENDER, text, "", None)
    text = (
        f"It joins nobody, nor those who came before. If it is a placeholder, a test address or a "
        f"staff card, block it, and have {by} leave it out. If {by} sent old links with the time "
        "of an export, have each sent again with the time at which it was made."
    )
    if notice.kind is NoticeKind.SUSPICIOUS_VALUE and notice.counted:
        text += (
            " If it is a business whose staff use one number, do not block it: raise "
            f"suspicious_above of {notice.counted}."
        )
    return Proposal(ProposedAction.BLOCK, text, _blocking(notice, blocked), None)


def _about_size(found: int, limit: int | None) -> str:
    """What to do about a person with so many identifiers, or who was kept from joining others."""
    look = (
        f"See why number 1 and number {found} are one; block the value that joins, or decide that "
        "two are different."
    )
    if limit is None:
        return (
            f"This person has {found} such identifiers: several people are probably joined here, "
            f"and the rules have no limit that refuses more. {look} If all are one person's, do "
            "nothing. identifiers_max in the rules would refuse such links."
        )
    if found > limit:
        return (
            f"This person has {found} such identifiers, more than identifiers_max ({limit}): "
            "people decided so, or they were joined before there was that limit. Links that would "
            f"join more are refused. {look} If all are one person's, raise identifiers_max, or "
            "decide of what was refused that it is the same."
        )
    return (
        f"A link of this person was refused: the {found} such identifiers and those at its other "
        f"end would be more than identifiers_max ({limit}), as if several people were joined. "
        f"{look + ' ' if found > 1 else ''}If all are one person's, also what was refused, decide "
        "that it is the same, or raise identifiers_max."
    )


def _named(senders: Sequence[Sender]) -> str:
    systems = list(dict.fromkeys(one.system for one in senders if one.system))
    if not systems:
        return "the sender"
    return systems[0] if len(systems) == 1 else ", ".join(systems[:-1]) + " and " + systems[-1]


def _blocking(notice: Notice, blocked: Sequence[str]) -> str:
    if not notice.value:
        return ""
    listed = ", ".join(toml_string(one) for one in dict.fromkeys([*blocked, notice.value]))
    return f'blocked = [{listed}]  # of [[type]] name = "{notice.type}"'


def toml_string(text: str) -> str:
    """A text as TOML writes it within a line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(one if one.isprintable() else _escape(one) for one in escaped) + '"'


def _escape(sign: str) -> str:
    return f"\\U{ord(sign):08X}"

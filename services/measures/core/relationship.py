"""How a customer and the retailer deal with each other, by what most touchpoints of a year are.

Dedicated: mostly with one adviser. Personal: with changing people. Self-service: alone with shop,
app or till. Automated: with a bot. Community: with other customers. Co-creation: ideas, contests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.measures.core.deeds import Deed, Ground, ids_of

YEAR_DAYS = 365
TOUCHPOINTS_MIN = 3
"""Fewer say nothing."""
ADVISER_MIN = 3
"""So many touchpoints with one adviser, and more than half of all personal ones, are dedicated."""
PERSONAL_TYPES = ("appointment.booked", "complaint.opened", "store.visited", "support.contacted")
COMMUNITY_TYPES = ("community.posted", "referral.made", "review.posted")
CREATION_TYPES = ("contest.entered", "idea.submitted")
ALONE_TYPES = ("cart.updated", "order.placed", "search.performed", "voucher.redeemed")
SPOKEN = ("kiosk", "phone", "pos", "video")
"""Channels on which an order is placed with somebody; a kiosk and a till of one's own are rare."""


class RelationshipKind(StrEnum):
    """The kinds, in the order in which they win where two are as frequent."""

    DEDICATED = "dedicated"
    PERSONAL = "personal"
    SELF_SERVICE = "self_service"
    AUTOMATED = "automated"
    COMMUNITY = "community"
    CO_CREATION = "co_creation"


class Meeting(NamedTuple):
    """A touchpoint on which both sides can speak."""

    at: datetime
    event_id: str
    kind: RelationshipKind
    """Never dedicated: that shows in several only."""
    agent: str = ""
    """Pseudonym of the adviser; empty if nobody is named."""


class Relationship(NamedTuple):
    """How one customer is dealt with."""

    kind: RelationshipKind | None
    """None for too few touchpoints."""
    part: float
    """Of all touchpoints that are of this kind."""
    agent: str
    """The adviser of a dedicated one."""
    grounds: Sequence[Ground]


def kind_of(type_name: str, channel: str, author: str = "") -> RelationshipKind | None:
    """What one touchpoint is; None for one that says nothing. `author` is `bot` for whatever a bot
    did; messages of a conversation count by who answers."""
    if author == "bot":
        return RelationshipKind.AUTOMATED
    if type_name in COMMUNITY_TYPES:
        return RelationshipKind.COMMUNITY
    if type_name in CREATION_TYPES:
        return RelationshipKind.CO_CREATION
    if type_name == "order.placed" and channel in SPOKEN:
        return RelationshipKind.PERSONAL
    if type_name in ALONE_TYPES:
        return RelationshipKind.SELF_SERVICE
    is_answer = type_name == "message.exchanged" and author == "agent"
    if is_answer or type_name in (*PERSONAL_TYPES, "support.answered"):
        return RelationshipKind.PERSONAL
    return None


def relationship(meetings: Sequence[Meeting], as_of: datetime) -> Relationship:
    """Of one customer, by the year before an instant."""
    year = [one for one in meetings if as_of - timedelta(days=YEAR_DAYS) <= one.at < as_of]
    if len(year) < TOUCHPOINTS_MIN:
        return Relationship(None, 0, "", [])
    counts = Counter(one.kind for one in year)
    most = min(counts, key=lambda kind: (-counts[kind], [*RelationshipKind].index(kind)))
    mine = [one for one in year if one.kind is most]
    agent = _adviser(mine) if most is RelationshipKind.PERSONAL else ""
    found = RelationshipKind.DEDICATED if agent else most
    what = f"{len(mine)} of {len(year)} touchpoints of a year"
    evidence = ids_of([Deed(one.at, one.event_id) for one in mine])
    return Relationship(found, len(mine) / len(year), agent, [Ground(1, what, evidence)])


def _adviser(personal: Sequence[Meeting]) -> str:
    """Whom most of these touchpoints name; empty if it is nobody in particular."""
    agents = Counter(one.agent for one in personal if one.agent)
    agent, many = min(agents.items(), key=lambda one: (-one[1], one[0]), default=("", 0))
    return agent if many >= ADVISER_MIN and 2 * many > len(personal) else ""

"""A whole evaluation: every profile of a realm held to definitions, in portions of bounded memory,
and what of it differs from the memberships that are stored. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.identifiers import NodeId
from schemas.instants import to_ms
from services.segments.core.plan import SegmentPlan, because, member, needs_of
from services.segments.ports import LEFT, MEMBER, FactSource, SegmentMembership, SegmentSource

Changes = Mapping[str, Sequence[SegmentMembership]]
"""Memberships to be written, by segment."""


class EvaluatedPortion(NamedTuple):
    """What was found of some profiles."""

    profiles: int
    """How many were looked at, without those of test journeys."""
    members: Mapping[str, Sequence[NodeId]]
    """Of each segment the members among them."""
    entered: Mapping[str, Sequence[NodeId]]
    """Of each segment the members that are not stored as such."""
    left: Mapping[str, Sequence[NodeId]]
    """Of each segment the stored members that are none."""
    changes: Changes
    """What is to be written: these, and members under another definition."""


def evaluated(
    source: FactSource,
    stored: SegmentSource,
    realm: str,
    plans: Mapping[str, SegmentPlan],
    numbers: Mapping[str, int],
    tick: datetime,
) -> Iterator[EvaluatedPortion]:
    """Everybody at a tick, portion by portion; at last stored members who are no profile any more,
    as after a merge.

    `numbers`: of the definitions. Raises as the sources do.
    """
    needs, at_ms = needs_of(plans.values()), to_ms(tick)
    for profiles in source.population(realm):
        facts = source.facts(realm, profiles, needs)
        known = stored.stored(realm, plans, profiles)
        members = {
            name: {
                one: because(found, plan, at_ms)
                for one, found in facts.items()
                if member(found, plan, at_ms)
            }
            for name, plan in plans.items()
        }
        real = sum(bool(one.kind) for one in facts.values())
        yield _portion(real, members, known, numbers, tick)
    for name in plans:
        for page in stored.memberships(realm, name, MEMBER):
            current = set(source.holders(realm, [one.profile for one in page]).values())
            gone = {one.profile: one for one in page if one.profile not in current}
            yield _portion(0, {name: {}}, {name: gone}, numbers, tick)


def _portion(
    profiles: int,
    members: Mapping[str, Mapping[NodeId, Sequence[str]]],
    stored: Mapping[str, Mapping[NodeId, SegmentMembership]],
    numbers: Mapping[str, int],
    tick: datetime,
) -> EvaluatedPortion:
    were = {
        name: {one.profile for one in stored.get(name, {}).values() if one.state == MEMBER}
        for name in members
    }
    return EvaluatedPortion(
        profiles,
        {name: sorted(found) for name, found in members.items()},
        {name: sorted(found.keys() - were[name]) for name, found in members.items()},
        {name: sorted(were[name] - found.keys()) for name, found in members.items()},
        {
            name: changes(found, stored.get(name, {}), tick, numbers[name])
            for name, found in members.items()
        },
    )


def changes(
    members: Mapping[NodeId, Sequence[str]],
    stored: Mapping[NodeId, SegmentMembership],
    tick: datetime,
    definition: int,
) -> list[SegmentMembership]:
    """The memberships to be written of some profiles: new members, those who left, and members
    under another definition, who keep their time."""
    found: list[SegmentMembership] = []
    for profile, events in sorted(members.items()):
        known = stored.get(profile)
        if known is None or known.state != MEMBER:
            found.append(SegmentMembership(profile, MEMBER, tick, events, definition))
        elif known.definition != definition:
            found.append(known._replace(definition=definition, because=events))
    for profile, known in sorted(stored.items()):
        if known.state == MEMBER and profile not in members:
            found.append(SegmentMembership(profile, LEFT, tick, (), definition))
    return found

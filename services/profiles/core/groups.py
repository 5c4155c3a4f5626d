"""Who belongs to which account or household, from what events say of it; and what an account is.

A statement says how it is from its `since` on, whatever was said before of that time. So the
result is a function of the set of statements: of two the one that was made later counts (of equal
times the one with the larger event id), in whatever order they arrived. Persons and accounts that
are one are resolved before: their statements are folded together. Nothing joins anybody here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from schemas.groups import SUCCESSOR


class GroupKey(NamedTuple):
    """An account or household, by what its issuer calls it."""

    kind: str
    issuer: str
    number: str


class MembershipStatement(NamedTuple):
    """What one event says of one person's membership.

    It holds from `since` until `until` (None: it goes on). If `until` is not after `since`, there
    is no membership from `since` on.
    """

    roles: tuple[str, ...]
    title: str
    since: datetime
    until: datetime | None
    source: str
    event_id: str
    occurred_at: datetime


class Period(NamedTuple):
    """A time in which a membership was the same; `until` None: it goes on.

    Source and event are those of the latest statement that says so.
    """

    roles: tuple[str, ...]
    title: str
    since: datetime
    until: datetime | None
    source: str
    event_id: str
    occurred_at: datetime

    def holds_at(self, moment: datetime) -> bool:
        """Whether it is so at a moment."""
        return self.since <= moment and (self.until is None or moment < self.until)


class Description(NamedTuple):
    """What one event says of an account: values by field, empty for "no longer so"."""

    key: GroupKey
    fields: Mapping[str, str]
    source: str
    event_id: str
    occurred_at: datetime


class SaidValue(NamedTuple):
    """A value, and the event that said it."""

    value: str
    source: str
    event_id: str
    occurred_at: datetime


def periods(statements: Iterable[MembershipStatement]) -> list[Period]:
    """The membership of one person in one group, the earliest time first; none overlap."""
    found: list[Period] = []
    for one in sorted(statements, key=lambda said: (said.occurred_at, said.event_id)):
        while found and found[-1].since >= one.since:
            found.pop()
        if found and (found[-1].until is None or found[-1].until > one.since):
            found[-1] = found[-1]._replace(until=one.since)
        if one.until is None or one.since < one.until:
            found.append(_joined(found, Period(*one)))
    return found


def _joined(found: list[Period], new: Period) -> Period:
    """A time that follows an equal one at once is the same time: it is said again."""
    last = found[-1] if found else None
    if last is None or (last.until, last.roles, last.title) != (new.since, new.roles, new.title):
        return new
    return new._replace(since=found.pop().since)


def described(descriptions: Iterable[Description]) -> dict[GroupKey, dict[str, SaidValue]]:
    """Of each account the values that were said last, field by field."""
    found: dict[GroupKey, dict[str, SaidValue]] = {}
    for one in sorted(descriptions, key=lambda said: (said.occurred_at, said.event_id)):
        fields = found.setdefault(one.key, {})
        for name, value in one.fields.items():
            fields[name] = SaidValue(value, one.source, one.event_id, one.occurred_at)
    return found


def successor(key: GroupKey, said: Mapping[GroupKey, Mapping[str, SaidValue]]) -> GroupKey | None:
    """The account into which this one was merged by its source; None if it stands for itself."""
    named = said.get(key, {}).get(SUCCESSOR)
    if named is None or named.value in ("", key.number):
        return None
    return key._replace(number=named.value)


def standing(key: GroupKey, said: Mapping[GroupKey, Mapping[str, SaidValue]]) -> GroupKey:
    """The account that stands for this one, after all mergers.

    Accounts that were merged in a circle stand for each other: then it is the smallest of them.
    """
    path = [key]
    while (following := successor(path[-1], said)) is not None:
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
    return path[-1]


def by_group(
    statements: Iterable[tuple[GroupKey, MembershipStatement]],
    said: Mapping[GroupKey, Mapping[str, SaidValue]],
) -> dict[GroupKey, list[Period]]:
    """The memberships of one person, by the group that stands for the one that was named."""
    mine: dict[GroupKey, list[MembershipStatement]] = {}
    for key, one in statements:
        mine.setdefault(standing(key, said), []).append(one)
    found = {key: periods(several) for key, several in mine.items()}
    return {key: several for key, several in found.items() if several}


def evidence(one: Period, as_of: datetime) -> dict[str, Any]:
    """The fields of a published membership that every kind of group has."""
    return {
        "current": one.holds_at(as_of),
        "since": one.since,
        "until": one.until,
        "source": one.source,
        "event_id": one.event_id,
        "occurred_at": one.occurred_at,
    }


def value_of(said: Mapping[GroupKey, Mapping[str, SaidValue]], key: GroupKey, field: str) -> str:
    """A value of an account as it was said last; empty if there is none."""
    found = said.get(key, {}).get(field)
    return "" if found is None else found.value


def merged_into(
    key: GroupKey, said: Mapping[GroupKey, Mapping[str, SaidValue]], known: Collection[GroupKey]
) -> list[GroupKey]:
    """The accounts for which this one stands, without itself."""
    return sorted(one for one in {*said, *known} if one != key and standing(one, said) == key)

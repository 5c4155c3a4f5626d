"""The rules common to all kinds of incidents: references, grace, and ages.

A kind extends `KindRules` by rules of its own, each with a default. Hours and days become
`timedelta`s here, so the cores never multiply units.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.descriptions import Described

Hours = Annotated[float, Field(ge=0, le=8760, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Percent = Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Zones = dict[Name, list[Name]]
Apart = frozenset[str]
NO_CHANNELS: Apart = frozenset()
"""The channels that another is not compared with."""


DEFAULT_ROW = "default"


class Overlap(StrEnum):
    """Which of several promotions of one channel counts that run at the same time."""

    LATEST = "latest"
    LOWEST = "lowest"


class KindRules(Described, BaseModel):
    """Rules of one kind. Grace tables are by channel, with the row `default` for all others."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ignored_types=(cached_property,),
    )

    reference_channels: Annotated[list[Name], Field(max_length=20)] = []
    """Channels that are right by definition, best first, for example `["erp"]`."""
    locations_may_differ: bool = True
    """A store or zone may legitimately differ from the channel-wide claim."""
    may_differ: Annotated[list[tuple[Name, Name]], Field(max_length=50)] = []
    """Pairs of channels that are never compared with each other, as `[["pos", "shop"]]`."""
    max_age_hours: Annotated[Hours, Field(gt=0)] = 72
    """Hours after which an observed claim no longer represents its channel."""
    published_max_age_days: Days = 400
    """Days after which a published claim that is not repeated expires."""
    max_age_without_end_days: dict[Name, Days] = {}
    """Days after which a published claim without an end contradicts no other, by channel: a
    mailing cannot be corrected."""
    evidence_min_observations: Annotated[int, Field(ge=1, le=20)] = 1
    """What was seen or paid opens an incident only if at least so many events deviate …"""
    evidence_min_percent: Annotated[Percent, Field(le=100)] = Decimal(5)
    """… and they are at least this share of the channel's events of that basis at that place …"""
    evidence_within_hours: Annotated[Hours, Field(gt=0)] = 24
    """… within so many hours and since the last change (of the latest 200 events)."""
    reopen_within_hours: Hours = 24
    """Hours within which a deviation that returns reopens the same incident."""
    flapping_openings: Annotated[int, Field(ge=2, le=100)] = 3
    """An incident that opened so often …"""
    flapping_within_hours: Annotated[Hours, Field(gt=0)] = 24
    """… within so many hours is flapping: it stays open until it has been quiet for as long."""
    grace_start_hours: dict[Name, Hours] = {"default": 12}
    """Hours a channel has to follow a change of the expectation."""
    grace_end_hours: dict[Name, Hours] = {"default": 12}
    """Hours a channel has to follow the end of a promotion."""
    grace_percent_of_promotion: Annotated[Percent, Field(le=100)] = Decimal(25)
    """A channel has at most this share of a promotion to adopt it: six hours of a one-day deal."""
    grace_ceiling_percent: Annotated[Percent, Field(ge=100, le=1000)] = Decimal(200)
    """Further changes prolong the grace of a channel that never becomes right up to this share of
    its longer one, counted from the first change."""
    no_grace_channels: Annotated[list[Name], Field(max_length=50)] = []
    """Channels that cannot be corrected: a wrong price there has no grace, unless it ends within
    it or another channel has announced that price to begin within it."""
    zones: Zones = {}
    """Stores by zone, for all kinds. A store without a claim of its own follows its zone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for table in self.tables_with_default():
            if DEFAULT_ROW not in getattr(self, table):
                raise ValueError(f"{table} needs a row `{DEFAULT_ROW}`")
        stores = [store for members in self.zones.values() for store in members]
        if len(set(stores)) != len(stores):
            raise ValueError("zones: a store is listed in two zones, or twice in one")
        if any(one == other for one, other in self.may_differ):
            raise ValueError("may_differ: a pair names two channels")
        return self

    @classmethod
    def tables_with_default(cls) -> list[str]:
        """The rules that are tables by name with a row for all others."""
        defaults = {name: field.default for name, field in cls.model_fields.items()}
        return [n for n, one in defaults.items() if isinstance(one, dict) and DEFAULT_ROW in one]

    def grace(
        self, channel: str, promotion_ended: bool, lasts: timedelta | None = None
    ) -> timedelta:
        """How long `channel` may take to follow a change, or a promotion's end; `lasts` is the
        length of the promotion that began, if its end is known."""
        table = self._grace_end if promotion_ended else self._grace_start
        grace = table.get(channel, table["default"])
        return grace if lasts is None else min(grace, self._share_of(lasts))

    def grace_ceiling(self, channel: str) -> timedelta:
        """How long a published claim of `channel` may deviate at the most before it is due."""
        longest = max(self.grace(channel, False), self.grace(channel, True))
        return _share(longest, self.grace_ceiling_percent)

    def _share_of(self, lasts: timedelta) -> timedelta:
        return _share(lasts, self.grace_percent_of_promotion)

    @cached_property
    def _grace_start(self) -> dict[str, timedelta]:
        return {name: timedelta(hours=hours) for name, hours in self.grace_start_hours.items()}

    @cached_property
    def _grace_end(self) -> dict[str, timedelta]:
        return {name: timedelta(hours=hours) for name, hours in self.grace_end_hours.items()}

    @cached_property
    def max_age(self) -> timedelta:
        """How long an observation represents its channel."""
        return timedelta(hours=self.max_age_hours)

    @cached_property
    def published_max_age(self) -> timedelta:
        """How long a published claim counts without being repeated."""
        return timedelta(days=self.published_max_age_days)

    @cached_property
    def max_age_without_end(self) -> dict[str, timedelta]:
        """How long a published claim without an end contradicts others, by channel."""
        return {name: timedelta(days=days) for name, days in self.max_age_without_end_days.items()}

    def suffice(self, events: int, of_all: int) -> bool:
        """Whether so many of all observed events are evidence of what they say."""
        enough = events >= self.evidence_min_observations
        return enough and events * 100 >= self.evidence_min_percent * of_all

    @cached_property
    def evidence_within(self) -> timedelta:
        """How far back observations are counted."""
        return timedelta(hours=self.evidence_within_hours)

    @cached_property
    def flapping_within(self) -> timedelta:
        """The window of flap control."""
        return timedelta(hours=self.flapping_within_hours)

    @cached_property
    def reopen_within(self) -> timedelta:
        """How soon after its end a returning deviation reopens the same incident."""
        return timedelta(hours=self.reopen_within_hours)

    def overlap(self, channel: str) -> Overlap:
        """Which of several promotions of `channel` counts that run at the same time."""
        return Overlap.LATEST

    def apart_from(self, channel: str) -> Apart:
        """The channels that `channel` is not compared with."""
        return self._apart.get(channel, NO_CHANNELS)

    @cached_property
    def aparts(self) -> tuple[Apart, ...]:
        """All different answers of `apart_from`."""
        return tuple(dict.fromkeys([NO_CHANNELS, *self._apart.values()]))

    @cached_property
    def _apart(self) -> dict[str, Apart]:
        found: dict[str, set[str]] = {}
        for one, other in self.may_differ:
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
        return {channel: frozenset(others) for channel, others in found.items()}

    @cached_property
    def zone_of(self) -> dict[str, str]:
        """Zone by store."""
        return {store: zone for zone, stores in self.zones.items() for store in stores}


class OverlapRules(KindRules):
    """Rules of a kind that knows what a price is while several promotions run."""

    overlapping_promotions: dict[Name, Overlap] = {"default": Overlap.LATEST}
    """Of promotions that run at the same time, by channel: `latest`, the one that began last, or
    `lowest`, the one with the lowest price."""

    def overlap(self, channel: str) -> Overlap:
        """Which of several promotions of `channel` counts that run at the same time."""
        table = self.overlapping_promotions
        return table.get(channel, table["default"])


def _share(whole: timedelta, percent: Decimal) -> timedelta:
    """In whole seconds, because a due time must be the same wherever it is stored."""
    return timedelta(seconds=int(int(whole.total_seconds()) * percent / 100))

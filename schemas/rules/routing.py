"""The rules by which incidents reach people: page, digest or nobody, when, and with which labels.

Part of the consistency rules file. They never change an incident: the same incidents under other
routing rules are the same.
"""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from schemas.descriptions import Described
from schemas.incident import Severity

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=500)]
LabelName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]
LabelValue = Annotated[str, Field(min_length=1, max_length=100)]
WallTime = Annotated[str, StringConstraints(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Literal["mo", "tu", "we", "th", "fr", "sa", "su"]
DAYS: tuple[Day, ...] = ("mo", "tu", "we", "th", "fr", "sa", "su")
OWN_LABELS = frozenset(
    {"alertname", "kind", "severity", "cause", "channel", "location", "realm", "route", "incident"}
)
"""Labels that are made of the incident itself."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone, as Europe/Berlin") from error
    return name


class Route(StrEnum):
    """How an incident reaches people."""

    PAGE = "page"
    """At once, outside of quiet hours."""
    DIGEST = "digest"
    """Once a day, together with others."""
    OFF = "off"
    """Not at all; it is stored and listed as any other."""


class _Part(Described, BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ignored_types=(cached_property,),
    )


class QuietHours(_Part):
    """Hours in which pages wait, by the clock on the wall."""

    days: list[Day] = list(DAYS)
    """The days on which they begin, as `["sa", "su"]`."""
    start: WallTime
    """When they begin, as `"22:00"`."""
    end: WallTime
    """When they end, as `"06:00"`: the next day if not later than the start."""

    @cached_property
    def bounds(self) -> tuple[time, time]:
        """Both times."""
        return time.fromisoformat(self.start), time.fromisoformat(self.end)


class RoutingRule(_Part):
    """Where some incidents go. What is not given fits any incident."""

    kind: Names = []
    """Kinds, as `["price_mismatch"]`."""
    cause: Names = []
    """Likeliest causes."""
    channel: Names = []
    """Channels that deviate."""
    location: Names = []
    """Stores, or `zone:NAME`; the empty place is the whole channel and cannot be named."""
    zone: Names = []
    """Zones: incidents at the zone, and at every store of it (`[zones]`)."""
    severity: Severity | None = None
    """Of this severity or a higher one."""
    customers_min: Annotated[int, Field(ge=0)] = 0
    """Only if so many known customers saw or paid it when the incident was told …"""
    money_min: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(0)
    """… and so much was paid too much or too little."""
    route: Route
    """`page`, `digest` or `off`."""
    labels: Annotated[dict[LabelName, LabelValue], Field(max_length=10)] = {}
    """Labels for whoever is told, as `{ team = "pricing" }`."""

    @field_validator("labels")
    @classmethod
    def _are_others(cls, labels: dict[str, str]) -> dict[str, str]:
        taken = sorted(OWN_LABELS & labels.keys())
        if taken:
            raise ValueError(f"{taken[0]} is a label of the incident itself")
        return labels

    @property
    def needs_exposure(self) -> bool:
        """Whether it depends on who saw or paid it."""
        return self.customers_min > 0 or self.money_min > 0


PRODUCT_RULES = (
    RoutingRule(kind=["store_data_mismatch", "product_content_mismatch"], route=Route.DIGEST),
    RoutingRule(cause=["promotion_not_ended"], route=Route.PAGE),
    RoutingRule(kind=["charged_above_advertised"], route=Route.PAGE),
    RoutingRule(severity=Severity.HIGH, route=Route.PAGE),
    RoutingRule(route=Route.DIGEST),
)
"""What holds where no rule of the file fits: somebody is woken for what costs customers money or
is high; everything else can wait for the morning. What nobody should hear of is not reported."""


class RoutingRules(_Part):
    """How incidents reach people."""

    time_zone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Berlin"
    """Zone of all times below; daylight saving is followed."""
    digest_at: WallTime = "07:00"
    """When the daily digest is sent."""
    quiet: Annotated[list[QuietHours], Field(max_length=20)] = []
    """Hours in which pages wait for their end, as `[{ start = "22:00", end = "06:00" }]`."""
    breaks_through: Severity | Literal["none"] = Severity.CRITICAL
    """Pages of this severity or a higher one do not wait; with `"none"` all do."""
    rule: Annotated[list[RoutingRule], Field(max_length=200)] = []
    """`[[routing.rule]]`: the first one that fits decides; below stand those of the product."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def needs_exposure(self) -> bool:
        """Whether any rule depends on who saw or paid an incident."""
        return any(one.needs_exposure for one in self.rule)

    def waits(self, severity: Severity) -> bool:
        """Whether a page of this severity waits in quiet hours."""
        bound = self.breaks_through
        return bound == "none" or severity.rank < bound.rank

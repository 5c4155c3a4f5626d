"""The typed form of the consistency rules file.

Hours and days become `timedelta`s here, so the core never multiplies units.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.rules import load_rules

Hours = Annotated[float, Field(ge=0, le=8760, allow_inf_nan=False)]
Percent = Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class RightPrice(StrEnum):
    """Which price is right where no reference channel speaks."""

    MAJORITY = "majority"
    LOWEST = "lowest"


class SeverityRules(BaseModel):
    """Bounds of severity, in percent of the expected price."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gross_below_percent: Percent
    gross_above_percent: Percent
    low_within_percent: Percent

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.gross_below_percent < 100 < self.gross_above_percent:
            raise ValueError("gross_below_percent < 100 < gross_above_percent must hold")
        return self


class ConsistencyRules(BaseModel):
    """The whole file. Grace tables are by channel, with the row `default` for all others."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    version: str
    reference_channels: Annotated[list[Name], Field(max_length=20)]
    right_price: RightPrice
    locations_may_differ: bool
    tolerance_absolute: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
    tolerance_percent: Percent
    max_age_hours: Annotated[Hours, Field(gt=0)]
    published_max_age_days: Annotated[int, Field(ge=1, le=36_500)]
    reopen_within_hours: Hours
    grace_start_hours: dict[Name, Hours]
    grace_end_hours: dict[Name, Hours]
    severity: SeverityRules
    zones: dict[Name, list[Name]]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for table in ("grace_start_hours", "grace_end_hours"):
            if "default" not in getattr(self, table):
                raise ValueError(f"{table} needs a row `default`")
        stores = [store for members in self.zones.values() for store in members]
        if len(set(stores)) != len(stores):
            raise ValueError("zones: a store is listed in two zones, or twice in one")
        return self

    def grace(self, channel: str, promotion_ended: bool) -> timedelta:
        """How long `channel` may take to follow a price that started, or a promotion's end."""
        table = self._grace_end if promotion_ended else self._grace_start
        return table.get(channel, table["default"])

    @cached_property
    def _grace_start(self) -> dict[str, timedelta]:
        return {name: timedelta(hours=hours) for name, hours in self.grace_start_hours.items()}

    @cached_property
    def _grace_end(self) -> dict[str, timedelta]:
        return {name: timedelta(hours=hours) for name, hours in self.grace_end_hours.items()}

    @cached_property
    def max_age(self) -> timedelta:
        """How long an observed price stands for its channel."""
        return timedelta(hours=self.max_age_hours)

    @cached_property
    def published_max_age(self) -> timedelta:
        """How long a published price counts without being published again."""
        return timedelta(days=self.published_max_age_days)

    @cached_property
    def reopen_within(self) -> timedelta:
        """How soon after its end a deviation that returns belongs to the same incident."""
        return timedelta(hours=self.reopen_within_hours)

    @cached_property
    def zone_of(self) -> dict[str, str]:
        """Zone by store."""
        return {store: zone for zone, stores in self.zones.items() for store in stores}


@lru_cache(maxsize=8)
def consistency_rules(path: Path | None = None) -> ConsistencyRules:
    """The consistency rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(ConsistencyRules, "consistency.toml", path)

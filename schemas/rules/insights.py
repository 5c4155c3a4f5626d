"""The typed form of the insight rules file: what a retailer decides about measures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.rules import load_rules

ActiveDays = Annotated[int, Field(ge=1, le=3_660)]
"""For how many days after an order a person is a customer."""


Margin = Annotated[float, Field(gt=0, le=1)]
"""The part of revenue that is left when goods are paid."""
Score = Annotated[int, Field(ge=1, le=5)]
OTHER = "other"
"""The group of customers whom no rule names."""


class RfmGroup(BaseModel):
    """Customers whose scores lie within these, ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
    recency: tuple[Score, Score]
    frequency: tuple[Score, Score]

    def holds(self, recency: int, frequency: int) -> bool:
        """Whether customers with these scores belong here."""
        return (
            self.recency[0] <= recency <= self.recency[1]
            and self.frequency[0] <= frequency <= self.frequency[1]
        )


class RealmInsightRules(BaseModel):
    """What differs for one realm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    active_days: ActiveDays | None = None
    margin: Margin | None = None


class InsightRules(BaseModel):
    """The rules of all measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "1"
    active_days: ActiveDays = 365
    margin: Margin | None = None
    discount_a_year: Annotated[float, Field(ge=0, le=1)] = 0.1
    rfm: Annotated[list[RfmGroup], Field(max_length=25)] = []
    realm: dict[str, RealmInsightRules] = {}

    def of(self, realm: str) -> InsightRules:
        """The rules as they hold for one realm."""
        own = self.realm.get(realm)
        said = own.model_dump(exclude_none=True) if own else {}
        return self.model_copy(update=said | {"realm": {}})

    def rfm_group(self, recency: int, frequency: int) -> str:
        """The name of the group of customers with these scores."""
        fitting = (one.name for one in self.rfm if one.holds(recency, frequency))
        return next(fitting, OTHER)


@lru_cache(maxsize=8)
def insight_rules(path: Path | None = None) -> InsightRules:
    """The insight rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(InsightRules, "insights.toml", path)

"""The typed form of the insight rules file: what a retailer decides about measures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.rules import load_rules

ActiveDays = Annotated[int, Field(ge=1, le=3_660)]
"""For how many days after an order a person is a customer."""


class RealmInsightRules(BaseModel):
    """What differs for one realm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    active_days: ActiveDays | None = None


class InsightRules(BaseModel):
    """The rules of all measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "1"
    active_days: ActiveDays = 365
    realm: dict[str, RealmInsightRules] = {}

    def of(self, realm: str) -> InsightRules:
        """The rules as they hold for one realm."""
        own = self.realm.get(realm)
        said = own.model_dump(exclude_none=True) if own else {}
        return self.model_copy(update=said | {"realm": {}})


@lru_cache(maxsize=8)
def insight_rules(path: Path | None = None) -> InsightRules:
    """The insight rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(InsightRules, "insights.toml", path)

"""The typed form of the profile rules file: survivorship per attribute, and opt-in demands."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.events.master_data import AttributeName
from schemas.rules import load_rules

PREFERENCE_PREFIX = "preference."
Patterns = Annotated[list[str], Field(max_length=100)]


class Survivorship(StrEnum):
    """How one value is chosen among the observations of an attribute."""

    MOST_RECENT = "most_recent"
    SOURCE_PRIORITY = "source_priority"
    MOST_FREQUENT = "most_frequent"
    OLDEST = "oldest"
    UNION = "union"


class AttributeRule(BaseModel):
    """The rule of one attribute. `sources` are shell patterns, best first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: AttributeName
    rule: Survivorship
    sources: Patterns = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name.startswith(PREFERENCE_PREFIX) and self.rule is Survivorship.UNION:
            raise ValueError(f"{self.name}: a preference has one value, not a union")
        return self


class MailReaction(StrEnum):
    """What a mailing service reports about an address beside unsubscriptions."""

    COMPLAINED = "complained"
    BOUNCED = "bounced"


class ConsentRules(BaseModel):
    """What an opt-in needs, and what else refuses. `confirmed_only` lists channels without single
    opt-in, `refused_by` the reactions that end every purpose of their address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confirmed_only: Annotated[list[str], Field(max_length=60)] = []
    refused_by: list[MailReaction] = list(MailReaction)


class ProfileRules(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    version: str
    default: Survivorship = Survivorship.MOST_RECENT
    sources: Patterns = []
    attribute: Annotated[list[AttributeRule], Field(max_length=500)] = []
    consent: ConsentRules = ConsentRules()

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [row.name for row in self.attribute]
        if len(set(names)) != len(names):
            raise ValueError("an attribute is listed twice")
        if self.default is Survivorship.UNION:
            raise ValueError("the default rule must choose one value; list attributes for a union")
        return self

    @cached_property
    def _by_name(self) -> dict[str, AttributeRule]:
        return {row.name: row for row in self.attribute}

    def of(self, attribute: str) -> tuple[Survivorship, list[str]]:
        """Rule and source patterns of an attribute."""
        row = self._by_name.get(attribute)
        if row is None:
            return self.default, self.sources
        return row.rule, row.sources or self.sources


@lru_cache(maxsize=8)
def profile_rules(path: Path | None = None) -> ProfileRules:
    """The profile rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(ProfileRules, "profile.toml", path)

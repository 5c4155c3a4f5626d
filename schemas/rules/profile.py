"""The typed form of the profile rules file: survivorship per attribute, and opt-in demands."""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.attributes import USUAL_TYPES, AttributeType
from schemas.events.master_data import AttributeName
from schemas.letter_case import lower_case
from schemas.rules import load_rules

HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""Where a new word begins in a name as `firstName`."""
NAME_GAP = re.compile(r"[ ._\-]+")
SIMILARITY = 0.8
"""How much of two names must agree for one to be a slip of the other."""
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
    """The type and rule of one attribute. `sources` are shell patterns, best first; `synonyms` are
    names under which senders know it, for the hint that they get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: AttributeName
    type: AttributeType | None = None
    rule: Survivorship | None = None
    sources: Patterns = []
    synonyms: Annotated[list[str], Field(max_length=60)] = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name.startswith(PREFERENCE_PREFIX) and self.rule is Survivorship.UNION:
            raise ValueError(f"{self.name}: a preference has one value, not a union")
        return self


class MailReaction(StrEnum):
    """What a mailing service reports about an address beside unsubscriptions."""

    COMPLAINED = "complained"
    BOUNCED = "bounced"


STOP_WORDS = [
    "stop", "stopp", "stopall", "stop all", "stop alle", "stop sms", "unsubscribe", "opt out",
    "opt-out", "optout", "abmelden", "abbestellen", "austragen", "arret", "arrêt", "desabonner",
    "désabonner", "baja", "disiscrivimi", "cancellami", "uitschrijven", "afmelden", "wypisz",
    "frameld", "afmeld",
]  # fmt: skip
"""Words of carriers and countries; none that also says something else, as *cancel* or *end* do."""


class ConsentRules(BaseModel):
    """What an opt-in needs, and what else refuses. `confirmed_only` lists channels without single
    opt-in, `refused_by` the reactions that end every purpose of their address, `stop_words` the
    answers to a short or messenger message that end every purpose on its channel."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    confirmed_only: Annotated[list[str], Field(max_length=60)] = []
    refused_by: list[MailReaction] = list(MailReaction)
    stop_words: Annotated[list[str], Field(max_length=200)] = STOP_WORDS

    @cached_property
    def stops(self) -> frozenset[str]:
        """The stop words in lower case."""
        return frozenset(map(lower_case, self.stop_words))


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
        return row.rule or self.default, row.sources or self.sources

    def type_of(self, attribute: str) -> AttributeType:
        """The type of an attribute: as listed, else the usual one of its name, else text."""
        row = self._by_name.get(attribute)
        if row is None or row.type is None:
            return USUAL_TYPES.get(attribute, AttributeType.TEXT)
        return row.type

    def knows(self, attribute: str) -> bool:
        """Whether the file lists the attribute; every preference is known."""
        return attribute in self._by_name or attribute.startswith(PREFERENCE_PREFIX)

    def meant(self, attribute: str) -> str:
        """The listed attribute that an unlisted name most likely means, or nothing."""
        name = NAME_GAP.sub("_", HUMP.sub("_", attribute)).lower()
        if name in self._by_name:
            return name
        if name in self._by_synonym:
            return self._by_synonym[name]
        close = get_close_matches(name, [*self._by_name, *self._by_synonym], 1, SIMILARITY)
        return self._by_synonym.get(close[0], close[0]) if close else ""

    @cached_property
    def _by_synonym(self) -> dict[str, str]:
        return {word: row.name for row in self.attribute for word in row.synonyms}


@lru_cache(maxsize=8)
def profile_rules(path: Path | None = None) -> ProfileRules:
    """The profile rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(ProfileRules, "profile.toml", path)

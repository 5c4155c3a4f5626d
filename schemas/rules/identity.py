"""The typed form of the identity rules file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.letter_case import lower_case
from schemas.rules import load_rules

GAP = re.compile(r"[\s_\-]+")


class IdentifierKind(StrEnum):
    """How far an identifier stands for a person. The last two are called *shareable*: they may be
    in several hands. The order of the kinds is the order of their types in a rules file."""

    PERSONAL = "personal"
    """One person's own."""
    REFERENCE = "reference"
    """Known to others or easily typed: a phone number, an order number."""
    DEVICE = "device"
    """A random value that only the device holds: a cookie, a push token."""


class Normaliser(StrEnum):
    """How a value is brought into its one written form."""

    TRIM = "trim"
    EMAIL = "email"
    PHONE = "phone"


class Placeholders:
    """What senders write for "no value": listed values, their spellings, and patterns."""

    def __init__(self, values: Iterable[str], patterns: Iterable[str]) -> None:
        self._values = frozenset(lower_case(value) for value in values)
        words = (placeholder_word(value) for value in self._values)
        self._words = frozenset(
            word for word in words if len(word) > 1 and any(one.isalpha() for one in word)
        )
        self._patterns = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def __contains__(self, value: str) -> bool:
        """Whether a trimmed value is one."""
        lower = lower_case(value)
        if lower in self._values or placeholder_word(lower) in self._words:
            return True
        return any(pattern.search(value) for pattern in self._patterns)


def placeholder_word(text: str) -> str:
    """A lower-case text without the signs at its ends, its gaps as single blanks."""
    begin, end = 0, len(text)
    while begin < end and not text[begin].isalnum():
        begin += 1
    while begin < end and not text[end - 1].isalnum():
        end -= 1
    return GAP.sub(" ", text[begin:end])


class IdentifierType(BaseModel):
    """One row of the rules file. `issued` says that the number belongs to an issuer."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    kind: IdentifierKind
    normaliser: Normaliser = Normaliser.TRIM
    issued: bool = True
    unique: bool = False
    ephemeral: bool = False
    review_above: int | None = Field(default=None, ge=1)
    suspicious_above: int | None = Field(default=None, ge=1)
    blocked: list[str] = []
    blocked_patterns: list[str] = []

    @cached_property
    def placeholders(self) -> Placeholders:
        """The values of this type alone that identify nobody."""
        return Placeholders(self.blocked, self.blocked_patterns)


class IdentityRules(BaseModel):
    """The whole file. Types stand strongest first."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    version: str
    hub_above: int = Field(ge=1)
    hub_above_personal: int = Field(ge=1)
    hub_above_ephemeral: int = Field(default=2_000, ge=1)
    suspicious_above: int = Field(default=7, ge=1)
    suspicious_above_shareable: int = Field(default=30, ge=1)
    busy_above: int = Field(default=20, ge=1)
    identifiers_max: int | None = Field(default=None, ge=1)
    blocked: list[str]
    blocked_patterns: list[str] = []
    type: Annotated[list[IdentifierType], Field(min_length=1, max_length=60)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [row.name for row in self.type]
        if len(set(names)) != len(names):
            raise ValueError("an identifier type is listed twice")
        kinds = [row.kind for row in self.type]
        if kinds != sorted(kinds, key=list(IdentifierKind).index):
            raise ValueError("types must stand in the order personal, reference, device")
        for pattern in chain(self.blocked_patterns, *(row.blocked_patterns for row in self.type)):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"pattern {pattern!r}: {error}") from error
        return self

    @cached_property
    def by_name(self) -> dict[str, IdentifierType]:
        """Identifier types by name."""
        return {row.name: row for row in self.type}

    @cached_property
    def rank(self) -> dict[str, int]:
        """Strength as a rank: 0 is the strongest."""
        return {row.name: index for index, row in enumerate(self.type)}

    def day_limit(self, row: IdentifierType) -> int:
        """How many neighbours of a type an identifier may get within a day."""
        if row.suspicious_above is not None:
            return row.suspicious_above
        is_personal = row.kind is IdentifierKind.PERSONAL
        return self.suspicious_above if is_personal else self.suspicious_above_shareable

    @property
    def large_above(self) -> int:
        """The size of a profile above which somebody should look at it."""
        return LARGE_PROFILE if self.identifiers_max is None else self.identifiers_max

    @cached_property
    def counted(self) -> frozenset[str]:
        """The types that count towards `identifiers_max`: only what persons are joined by, and of
        that only what lasts."""
        return frozenset(
            row.name
            for row in self.type
            if row.kind is IdentifierKind.PERSONAL and not row.ephemeral
        )

    def names_a_person(self, type_name: str, verified: bool) -> bool:
        """Whether an event with such an anchor is known to be of one person: a personal identifier
        that is verified, or a number that was issued. A typed address may be anybody's."""
        row = self.by_name.get(type_name)
        return row is not None and row.kind is IdentifierKind.PERSONAL and (verified or row.issued)

    @cached_property
    def placeholders(self) -> Placeholders:
        """The values of any type that identify nobody."""
        return Placeholders(self.blocked, self.blocked_patterns)


LARGE_PROFILE = 50
"""The size above which a profile is told of where rules name no `identifiers_max`: as much as the
packaged rules allow."""
RULES_FILE = "identity.toml"
"""The packaged rules."""
LOYALTY_CARD = "loyalty_card"
"""The identifier type of the cards of loyalty programmes."""


@lru_cache(maxsize=8)
def identity_rules(path: Path | None = None) -> IdentityRules:
    """The identity rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(IdentityRules, RULES_FILE, path)

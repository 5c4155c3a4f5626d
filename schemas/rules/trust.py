"""The typed form of the trust file: what each source of events may claim."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.rules import load_rules
from schemas.touchpoint import EVENT_TYPES

Pattern = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ANYTHING = "*"
GRANTS = frozenset({"consent.given", "consent.confirmed"})
"""Event types that allow contact."""
REFUSALS = frozenset(
    {
        "consent.withdrawn", "objection.made", "email.unsubscribed", "email.complained",
        "email.bounced",
    }
)  # fmt: skip
"""Event types that refuse contact: nobody is asked who may pass on that a person objects."""
ATTRIBUTES = "profile.updated"
MEMBERSHIPS = frozenset(name for name in EVENT_TYPES if name.startswith(("account.", "household.")))
"""Event types that say who belongs to an account or a household."""


class SourceTrust(BaseModel):
    """One row: what the sources with such a name may claim."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: Pattern
    """Shell pattern of `source.system`."""
    verifies: list[Pattern]
    """Shell patterns of the identifier types whose `verified: true` is believed; empty: none."""
    consents: bool = True
    """Whether it may say that somebody consents to contact. That somebody refuses, anybody may."""
    attributes: bool = True
    """Whether it may report attributes of persons."""
    memberships: bool = True
    """Whether it may say who belongs to an account or a household."""
    sends: list[Pattern] = [ANYTHING]
    """Shell patterns of the event types that it may send at all, besides refusals."""

    def verifies_type(self, type_name: str) -> bool:
        """Whether its word counts for an identifier type."""
        return _any_matches(type_name, self.verifies)

    def refused_as(self, event_type: str) -> str:
        """Why it may not send events of a type; empty if it may."""
        if event_type in REFUSALS:
            return ""
        if event_type in GRANTS and not self.consents:
            return "this source may state no consent"
        if event_type == ATTRIBUTES and not self.attributes:
            return "this source may report no attributes"
        if event_type in MEMBERSHIPS and not self.memberships:
            return "this source may state no memberships"
        if not _any_matches(event_type, self.sends):
            return "this source may not send this type"
        return ""


NOBODY = SourceTrust(system=ANYTHING, verifies=[])
"""Of a source that no row names: it verifies nothing."""


class TrustRules(BaseModel):
    """The whole file. Of several rows that match a source, the first one counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    version: Annotated[str, StringConstraints(max_length=40)]
    """Stored with each fact, behind that of the identity rules; empty without a file."""
    source: Annotated[list[SourceTrust], Field(max_length=500)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: dict[str, None] = {}
        for row in self.source:
            if row.system in seen:
                raise ValueError(f"{row.system!r} stands twice; of two rows only the first counts")
            wider = next((one for one in seen if _covers(one, row.system)), None)
            if wider:
                raise ValueError(
                    f"{row.system!r} stands after {wider!r}, which matches all of it: put it before"
                )
            seen[row.system] = None
            for pattern in row.sends:
                if not any(fnmatchcase(name, pattern) for name in EVENT_TYPES):
                    raise ValueError(f"{row.system!r} sends {pattern!r}, but no event type matches")
        return self

    def of(self, system: str) -> SourceTrust:
        """What a source may claim."""
        return next((row for row in self.source if fnmatchcase(system, row.system)), NOBODY)

    def require_types(self, known: Collection[str]) -> None:
        """Raise ValueError if a row names identifier types that there are none of."""
        for row in self.source:
            for pattern in row.verifies:
                if not any(fnmatchcase(name, pattern) for name in known):
                    raise ValueError(
                        f"{row.system!r} verifies {pattern!r}, but no identifier type matches; "
                        f"the identity rules list {', '.join(sorted(known))}"
                    )


def trusting(systems: Iterable[str]) -> TrustRules:
    """The rules of the plain setting: these sources verify everything, others nothing."""
    rows = [SourceTrust(system=one, verifies=[ANYTHING]) for one in dict.fromkeys(systems)]
    return TrustRules.model_construct(version="", source=rows)


def _covers(earlier: str, later: str) -> bool:
    """Whether a pattern certainly matches whatever a later one does: `till-?` does not `till-*`."""
    is_name = not any(sign in later for sign in "*?[")
    is_plain = not any(sign in earlier for sign in "?[]")
    return (is_name or is_plain) and fnmatchcase(later, earlier)


def _any_matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@lru_cache(maxsize=8)
def trust_rules(path: Path) -> TrustRules:
    """The rules of a file. Raises as `load_rules`."""
    return load_rules(TrustRules, "trust.toml", path)

"""What other rules say of the values that are stored: blocked, written otherwise, of no type.

A node id is made of the normalised value, so a value that would be written otherwise belongs under
another node: only the events themselves can tell which, so those need a replay.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from schemas.identifiers import BlockedIdentifier, InvalidIdentifier, NodeId, normalise
from schemas.rules.identity import IdentityRules
from services.identity.ports import RulesSource

VALUES_PER_PAGE = 10_000
BLOCKED_MAX = 1_000_000


class TooManyBlocked(ValueError):
    """Rules that block most of what is stored."""


@dataclass(slots=True)
class ValuesUnderRules:
    """Stored values by what rules make of them, counted by type."""

    blocked: set[NodeId] = field(default_factory=set)
    blocked_by_type: Counter[str] = field(default_factory=Counter)
    """Placeholders under these rules."""
    rewritten: Counter[str] = field(default_factory=Counter)
    """Values that would be written otherwise, refused, or belong to no issuer any more."""
    unlisted: Counter[str] = field(default_factory=Counter)
    """Values of types that the rules do not list."""


def values_under(
    source: RulesSource, realm: str, rules: IdentityRules, region: str
) -> ValuesUnderRules:
    """Test every stored value of a realm whose telephone region is given.

    Raises TooManyBlocked, and whatever the source raises.
    """
    told = ValuesUnderRules()
    for page in source.values(realm, VALUES_PER_PAGE):
        for node, (type_name, issuer, value) in page.items():
            kind = rules.by_name.get(type_name)
            if kind is None:
                told.unlisted[type_name] += 1
                continue
            try:
                written = normalise(type_name, value, rules, region)
            except BlockedIdentifier:
                told.blocked.add(node)
                told.blocked_by_type[type_name] += 1
            except InvalidIdentifier:
                told.rewritten[type_name] += 1
            else:
                told.rewritten[type_name] += written != value or (issuer != "" and not kind.issued)
        if len(told.blocked) > BLOCKED_MAX:
            raise TooManyBlocked(
                f"these rules block more than {BLOCKED_MAX:,} of the identifiers of realm {realm}: "
                "look at 'blocked' and 'blocked_patterns'"
            )
    told.rewritten = +told.rewritten
    return told

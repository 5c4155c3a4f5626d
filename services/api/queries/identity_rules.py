"""Operations on identity rules: what changed ones would make of the stored identifiers."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

from pydantic import Field, ValidationError

from schemas.identifiers import NodeId, as_uuid
from schemas.placement import ProfileKind
from schemas.rules.identity import IdentityRules
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, Request
from services.api.ports import Access, Reads
from services.identity.simulation import ChangedProfile, Moved, Simulated, simulate
from services.identity.values_under_rules import TooManyBlocked, ValuesUnderRules, values_under
from services.runtime.errors import InvalidInput

RULES_CHARS_MAX = 1_000_000
LARGEST_MAX = 1_000
Values = Mapping[NodeId, tuple[str, str, str]]


class TrialRequest(Request):
    """Rules to try."""

    rules: str = Field(max_length=RULES_CHARS_MAX)
    """The text of the rules file (TOML)."""
    realm: str = ""
    """Brand or tenant; empty for every one."""
    limit: int = Field(default=10, ge=0, le=LARGEST_MAX)
    """Most profiles and identifiers of each list."""


class TrialIdentifier(Answer):
    """An identifier of a list."""

    node_id: UUID
    """Its node id."""
    type: str
    """Its type."""
    issuer: str
    """Who assigned it; empty if nobody did."""
    value: str
    """Its normalised value."""


class ProfileCounts(Answer):
    """Profiles by kind."""

    person: int
    """Persons."""
    anonymous: int
    """Identifiers that no person reaches, joined."""
    shared: int
    """Identifiers that belong to nobody."""


class MovedIdentifiers(Answer):
    """Identifiers that go from one profile to another."""

    other_profile_id: UUID | None
    """The other profile; null for none."""
    identifiers: int
    """How many."""
    sample: TrialIdentifier
    """One of them."""


class ProfileUnderRules(Answer):
    """A profile that gains or loses identifiers."""

    profile_id: UUID
    """Its id."""
    is_new: bool
    """Whether there is no such profile yet."""
    merged_into: UUID | None
    """The profile that its id would belong to, if it were none any more."""
    before: int
    """How many identifiers it has."""
    after: int
    """How many it would have."""
    lost: int
    """How many go."""
    gained: int
    """How many come."""
    loses: list[MovedIdentifiers]
    """Where most of what it loses would go, the most first."""
    gains: list[MovedIdentifiers]
    """Where most of what it gains comes from, the most first."""


class RulesSimulated(Answer):
    """What rules would change in a realm."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    simulated_rules: str
    """`version` of the rules."""
    identifiers: int
    """Identifiers that were looked at: those with an edge, a decision or a map row."""
    profiles_before: ProfileCounts
    """Profiles as they are."""
    profiles_after: ProfileCounts
    """Profiles as they would be."""
    persons_split: int
    """Persons of whom several would come."""
    persons_merged: int
    """Persons that would be made of several."""
    profiles_changed: int
    """Profiles that would gain or lose identifiers, new ones included."""
    identifiers_moved: int
    """Identifiers that would come into another profile, or on the map, or off it."""
    ids_changed: int
    """Profiles that would keep their identifiers and get another id."""
    newly_shared: int
    """Identifiers that would belong to nobody."""
    no_longer_shared: int
    """Identifiers that belong to nobody, and would belong to somebody."""
    refusals_appear: dict[str, int]
    """Edges and decisions that would be refused, by reason."""
    refusals_vanish: dict[str, int]
    """Refusals that would not stand any more, by reason."""
    blocked: dict[str, int]
    """Stored values that these rules block, by type; they are taken for shared."""
    needs_replay: dict[str, int]
    """Stored values that would be written otherwise, by type: what they would join is not known
    before the events are taken in again."""
    unlisted: dict[str, int]
    """Stored values of types that these rules do not list; they join nobody."""
    largest: list[ProfileUnderRules]
    """The profiles that change most."""
    newly_shared_sample: list[TrialIdentifier]
    """Some of them."""
    no_longer_shared_sample: list[TrialIdentifier]
    """Some of them."""
    blocked_sample: list[TrialIdentifier]
    """Some of them."""
    took_s: float
    """How long it took, in seconds."""


def rules_of(text: str) -> IdentityRules:
    """The rules of a file's text. Raises InvalidInput, which names the field."""
    try:
        return IdentityRules.model_validate(tomllib.loads(text.removeprefix("\ufeff")))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(map(str, fault["loc"])) or "file"
        raise InvalidInput(f"rules: {path}: {fault['msg']}") from error
    except ValueError as error:
        raise InvalidInput(f"rules: {error}") from error


def _simulate(access: Access, asked: TrialRequest) -> Iterator[RulesSimulated]:
    rules = rules_of(asked.rules)
    if asked.realm:
        require_realm(access.reads, asked.realm)
    for realm in [asked.realm] if asked.realm else access.reads.realms:
        yield _simulated(access.reads, realm, rules, asked.limit)


def _simulated(reads: Reads, realm: str, rules: IdentityRules, limit: int) -> RulesSimulated:
    begun, graph = time.monotonic(), reads.identity_graph
    try:
        values = values_under(graph, realm, rules, reads.realms[realm].region)
    except TooManyBlocked as error:
        raise InvalidInput(f"rules: {error}") from error
    told = simulate(graph, realm, rules, values.blocked, limit)
    blocked = sorted(values.blocked)[:limit]
    named = graph.values_of(realm, _named(told) | set(blocked))
    sizes = graph.sizes_of(realm, [one.profile for one in told.largest])
    return RulesSimulated(
        realm=realm,
        simulated_rules=rules.version,
        largest=[_profile(one, named, sizes) for one in told.largest],
        newly_shared_sample=_identifiers(told.newly_shared_sample, named),
        no_longer_shared_sample=_identifiers(told.no_longer_shared_sample, named),
        blocked_sample=_identifiers(blocked, named),
        took_s=round(time.monotonic() - begun, 3),
        **_counts(told, values),
    )


def _counts(told: Simulated, values: ValuesUnderRules) -> dict[str, object]:
    before, after = (
        {kind.value: counts[kind] for kind in ProfileKind} for counts in (told.before, told.after)
    )
    return {
        "identifiers": told.nodes,
        "profiles_before": before,
        "profiles_after": after,
        "persons_split": told.split,
        "persons_merged": told.merged,
        "profiles_changed": told.changed,
        "identifiers_moved": told.moved,
        "ids_changed": told.renamed,
        "newly_shared": told.newly_shared,
        "no_longer_shared": told.no_longer_shared,
        "refusals_appear": told.refusals_appeared,
        "refusals_vanish": told.refusals_vanished,
        "blocked": dict(values.blocked_by_type),
        "needs_replay": dict(values.rewritten),
        "unlisted": dict(values.unlisted),
    }


def _named(told: Simulated) -> set[NodeId]:
    """The identifiers whose values are shown."""
    moved = {some.sample for one in told.largest for some in (*one.to, *one.from_)}
    return moved | {*told.newly_shared_sample, *told.no_longer_shared_sample}


def _identifiers(nodes: Collection[NodeId], values: Values) -> list[TrialIdentifier]:
    found = []
    for node in nodes:
        type_name, issuer, value = values.get(node, ("", "", ""))
        found.append(
            TrialIdentifier(node_id=as_uuid(node), type=type_name, issuer=issuer, value=value)
        )
    return found


def _profile(one: ChangedProfile, values: Values, sizes: Mapping[NodeId, int]) -> ProfileUnderRules:
    def moved(found: Collection[Moved]) -> list[MovedIdentifiers]:
        samples = _identifiers([some.sample for some in found], values)
        return [
            MovedIdentifiers(
                other_profile_id=None if some.other is None else as_uuid(some.other),
                identifiers=some.identifiers,
                sample=sample,
            )
            for some, sample in zip(found, samples, strict=True)
        ]

    before = sizes.get(one.profile, 0)
    return ProfileUnderRules(
        profile_id=as_uuid(one.profile),
        is_new=one.is_new,
        merged_into=None if one.merged_into is None else as_uuid(one.merged_into),
        before=before,
        after=before - one.lost + one.gained,
        lost=one.lost,
        gained=one.gained,
        loses=moved(one.to),
        gains=moved(one.from_),
    )


IDENTITY_SIMULATE = Operation(
    "identity_simulate", Scope.PROFILES_READ, TrialRequest, RulesSimulated, _simulate
)
"""What other rules would make of the stored edges, decisions and marks."""
OPERATIONS = (IDENTITY_SIMULATE,)

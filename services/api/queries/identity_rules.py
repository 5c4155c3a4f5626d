"""Operations on identity rules: what changed ones would make of the stored identifiers."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from pydantic import Field, ValidationError

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from schemas.placement import ProfileKind
from schemas.records import RULES_CHARS_MAX as RECORD_CHARS_MAX
from schemas.records import RulesRecord
from schemas.rules.identity import IdentityRules
from services.api.auth import Scope
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, Request
from services.api.ports import Access, Reads
from services.api.queries.decisions import required_words
from services.identity.simulation import ChangedProfile, Moved, Simulated, simulate
from services.identity.values_under_rules import TooManyBlocked, ValuesUnderRules, values_under
from services.runtime.clock import utc_now
from services.runtime.errors import InvalidInput, InvalidState
from services.store.rules_in_force import RulesChange, change_of, rules_of_text

RULES_CHARS_MAX = 1_000_000
LARGEST_MAX = 1_000
RULES_REPLACED = "rules_replaced"
"""Reason of an InvalidState: others were put in force at the same time."""
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
    largest_profile_before: int
    """Identifiers of the profile with most, of those that count towards `identifiers_max`."""
    largest_profile_after: int
    """How many it, or another one, would have."""
    too_large_before: int
    """Profiles with more than `identifiers_max`; where the rules name none, more than 50."""
    too_large_after: int
    """How many there would be: only what people decided makes any."""
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


class RulesRequest(Request):
    """Which rules are in force."""

    realm: str = ""
    """Brand or tenant; empty for every one."""
    history: bool = False
    """Whether those that were in force before are listed, too."""
    with_text: bool = False
    """Whether the rules files themselves are given."""


class RulesInForce(Answer):
    """Rules that are or were in force in a realm."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    rules: str
    """`version` of the rules."""
    sha256: str
    """SHA-256 of the text of the rules file."""
    since: int
    """Version of the rows of the map from which on they count; 0 for the first ones."""
    applied_at: datetime
    """When they were applied."""
    author: str
    """By whom."""
    reason: str
    """Why."""
    in_force: bool
    """Whether they are in force now."""
    is_done: bool
    """Whether the whole map follows from them, or did when others were applied."""
    parts_done: int
    """How many parts of the map were brought in line with them."""
    identifiers_done: int
    """How many identifiers those have."""
    text: str | None = None
    """The whole rules file, if it was asked for."""


def _rules(access: Access, asked: RulesRequest) -> Iterator[RulesInForce]:
    if asked.realm:
        require_realm(access.reads, asked.realm)
    seen = set[str]()
    for one in access.reads.rules_history(asked.realm):
        in_force = one.realm not in seen
        seen.add(one.realm)
        if in_force or asked.history:
            yield _in_force(one, in_force, asked.with_text)


class ApplyRequest(Request):
    """Rules to put in force, in every realm."""

    rules: str = Field(max_length=RULES_CHARS_MAX)
    """The text of the rules file (TOML)."""
    by: str
    """Who applies them."""
    reason: str
    """Why, in one line."""
    again: bool = False
    """Whether rules that are in force are applied again: the whole map is brought in line."""
    instead: bool = False
    """Whether they replace others that are still being applied."""


class RulesApplied(Answer):
    """What became of rules in a realm."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    rules: str
    """`version` of the rules."""
    former_rules: str | None
    """`version` of those that were in force; null if there were none yet."""
    is_recorded: bool
    """Whether anything was recorded: false if they were in force before."""
    is_done: bool
    """Whether the whole map follows from them already."""


def _apply(access: Access, asked: ApplyRequest) -> Iterator[RulesApplied]:
    """Put rules in force, unless others are that were decided at the same time or later. Which of
    two are in force is one answer for all processes (`RulesChange.rank`); whose are not, is told.
    """
    reads, text = access.reads, asked.rules.removeprefix("\ufeff")
    by, reason = required_words(asked.by, asked.reason, "applies them")
    if len(text) > RECORD_CHARS_MAX:
        raise InvalidInput(f"rules: {len(text):,} characters, {RECORD_CHARS_MAX:,} at most")
    rules = rules_of(text)
    reads.require_usable(rules)
    before = {realm: reads.rules_in_force(realm) for realm in reads.realms}
    others = [one for one in before.values() if one and not one.is_done and one.rules != rules]
    if others and not asked.instead:
        raise InvalidState(
            f"rules {others[0].rules.version} are still being applied in realm {others[0].realm}; "
            "apply others when that is done, or instead of them"
        )
    # A record of the former change may still wait in the log of a realm that seems untouched.
    everywhere = asked.again or asked.instead
    wanted = [
        name for name, one in before.items() if everywhere or one is None or one.rules != rules
    ]
    known_ms = [one.decided_ms for one in before.values() if one is not None]
    now_ms = max([to_ms(utc_now()), *(known + 1 for known in known_ms)])
    records = [
        RulesRecord(realm=name, text=text, author=by, reason=reason, decided_ms=now_ms)
        for name in wanted
    ]
    if records or any(one is not None and not one.is_done for one in before.values()):
        replaced = [one for one in before.values() if one is not None] if asked.instead else []
        access.writes.apply_rules(records, replaced)
    reads.follow_rules(at_once=True)
    _require_in_force(reads, records)
    for name, one in before.items():
        now = reads.rules_in_force(name)
        yield RulesApplied(
            realm=name,
            rules=rules.version,
            former_rules=one.rules.version if one else None,
            is_recorded=name in wanted,
            is_done=now is not None
            and now.is_done
            and now.rules == rules
            and (name not in wanted or now.decided_ms >= now_ms),
        )


def _require_in_force(reads: Reads, records: Collection[RulesRecord]) -> None:
    """Somebody else may have put others in force since these were compared with what was known."""
    for record in records:
        mine, now = change_of(record), reads.rules_in_force(record.realm)
        if now is not None and now.rank > mine.rank:
            raise InvalidState(
                f"{now.author} put rules {now.rules.version} in force in realm {record.realm} at "
                f"the same time ({now.reason}). They count, and these do not. Look at theirs, "
                "and apply these again if they are still right",
                reason=RULES_REPLACED,
            )


def _in_force(one: RulesChange, in_force: bool, with_text: bool) -> RulesInForce:
    return RulesInForce(
        realm=one.realm,
        rules=one.rules.version,
        sha256=one.sha256,
        since=one.since,
        applied_at=from_ms(one.decided_ms),
        author=one.author,
        reason=one.reason,
        in_force=in_force,
        is_done=one.is_done,
        parts_done=one.parts,
        identifiers_done=one.identifiers,
        text=one.text if with_text else None,
    )


def rules_of(text: str) -> IdentityRules:
    """The rules of a file's text. Raises InvalidInput, which names the field."""
    try:
        return rules_of_text(text.removeprefix("\ufeff"))
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
        "largest_profile_before": told.largest_before,
        "largest_profile_after": told.largest_after,
        "too_large_before": told.too_large_before,
        "too_large_after": told.too_large_after,
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
IDENTITY_RULES = Operation(
    "identity_rules", Scope.PROFILES_READ, RulesRequest, RulesInForce, _rules
)
"""The rules in force, and those before."""
IDENTITY_APPLY = Operation(
    "identity_apply", Scope.IDENTITY_WRITE, ApplyRequest, RulesApplied, _apply
)
"""Put rules in force."""
OPERATIONS = (IDENTITY_SIMULATE, IDENTITY_RULES, IDENTITY_APPLY)

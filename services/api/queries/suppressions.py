"""Operations on suppression: who must not be processed at all, until it is lifted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from schemas.records import ERASED_NODES_MAX
from services.api.auth import Scope
from services.api.handles import ERASED, UNKNOWN, held_by, node_named, node_of, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.personal_data import person_meant
from services.api.queries.profiles import ProfileRequest
from services.erasure.mentions import Mentions
from services.runtime.errors import InvalidInput, InvalidState, NotFound
from services.store.suppressions import SuppressionStep, suppression_id_of

AS_ERASED = (
    "; name somebody who was erased by e-mail address, id, or TYPE=VALUE, with TYPE@ISSUER=VALUE "
    "where numbers are issued"
)
"""The store has no values of theirs any more, which would tell type and issuer."""


class SuppressionRequest(ProfileRequest):
    """A person to be suppressed, or no longer."""

    author: str = Field(min_length=1, max_length=200)
    """Who decides so."""
    reason: str = Field(min_length=1, max_length=1_000)
    """Why; it must not name the person."""
    dry_run: bool = False
    """Whether nothing is written."""


class SuppressionEntry(Answer):
    """A suppression."""

    suppression_id: str
    """Names it."""
    identifiers: int
    """Of how many identifiers events are rejected."""
    author: str
    """Who decided so."""
    reason: str
    """Why."""
    decided_at: datetime
    """When."""


def _suppress(access: Access, asked: SuppressionRequest) -> Iterator[SuppressionEntry]:
    reads, realm = access.reads, asked.realm
    nodes = _nodes(reads, asked)
    _require_no_name(reads, asked, nodes)
    decided_at = reads.suppressions.after_all(realm, datetime.now(UTC))
    name = suppression_id_of(realm, nodes, decided_at)
    step = SuppressionStep(realm, name, nodes, asked.author, asked.reason, decided_at)
    if not asked.dry_run:
        access.writes.suppress([step])
    yield _entry(step)


def _lift(access: Access, asked: SuppressionRequest) -> Iterator[SuppressionEntry]:
    reads, realm = access.reads, asked.realm
    nodes = _nodes(reads, asked, also_alone=True)
    found = reads.suppressions.of_nodes(realm, nodes)
    if not found:
        raise InvalidState("this customer is not suppressed")
    _require_no_name(reads, asked, nodes)
    decided_at = reads.suppressions.after_all(realm, datetime.now(UTC))
    steps = [
        one._replace(author=asked.author, reason=asked.reason, decided_at=decided_at, lifted=True)
        for one in found
    ]
    if not asked.dry_run:
        access.writes.suppress(steps)
    yield from map(_entry, steps)


def _list(access: Access, asked: RealmRequest) -> Iterator[SuppressionEntry]:
    require_realm(access.reads, asked.realm)
    yield from map(_entry, access.reads.suppressions.in_force(asked.realm))


def _nodes(
    reads: Reads, asked: SuppressionRequest, *, also_alone: bool = False
) -> tuple[NodeId, ...]:
    """The identifiers of the person, also of one who was erased.

    Raises NotFound, and InvalidState for an identifier of several persons. `also_alone`: what
    nobody is known by is meant itself.
    """
    realm = asked.realm
    try:
        found = held_by(reads, realm, asked.who, asked.handle, asked.identifier)
    except NotFound as error:
        node = _named(reads, asked)
        run = reads.erasures.run_of(realm, node) if error.reason == ERASED else None
        if run is None and not also_alone:
            raise
        return (node,) if run is None else tuple(sorted({node, *run.nodes}))
    if not also_alone:
        person_meant(reads, asked)
    if found.kind == ProfileKind.SHARED:
        return (found.profile,)
    nodes = reads.personal_data.holding(realm, found.profile).nodes
    if len(nodes) > ERASED_NODES_MAX:
        raise InvalidState(
            f"this profile has {len(nodes)} identifiers, more than {ERASED_NODES_MAX}: it is no "
            "person's. Split it first"
        )
    return nodes


def _named(reads: Reads, asked: ProfileRequest) -> NodeId:
    """Raises NotFound where the store would have to know type or issuer."""
    try:
        if asked.who:
            return node_named(reads, asked.realm, asked.who)
        return node_of(reads, asked.realm, asked.handle, asked.identifier)
    except NotFound as error:
        if error.reason == UNKNOWN:
            raise NotFound(f"{error}{AS_ERASED}", reason=UNKNOWN) from error
        raise


def _require_no_name(reads: Reads, asked: SuppressionRequest, nodes: tuple[NodeId, ...]) -> None:
    """Raises InvalidInput for a text that would keep what an erasure removes."""
    held = reads.personal_data.holding_of(asked.realm, nodes)
    given = asked.identifier.partition("=")[2] or asked.who.partition("=")[2] or asked.who
    values = [*held.texts, *held.short_texts, *([given] if given else [])]
    # A text that names nobody may be refused: it can say the same in other words.
    mentions = Mentions(values, alone_chars_min=1)
    for name, text in (("reason", asked.reason), ("author", asked.author)):
        if mentions.stand_in_string(text):
            raise InvalidInput(
                f"{name}: it names the customer, and would outlast an erasure; say why without"
            )


def _entry(step: SuppressionStep) -> SuppressionEntry:
    return SuppressionEntry(
        suppression_id=step.suppression_id,
        identifiers=len(step.nodes),
        author=step.author,
        reason=step.reason,
        decided_at=step.decided_at,
    )


PROFILE_SUPPRESS = Operation(
    "profile_suppress", Scope.STORE_REPAIR, SuppressionRequest, SuppressionEntry, _suppress
)
"""From now on events that name the person are rejected."""
PROFILE_UNSUPPRESS = Operation(
    "profile_unsuppress", Scope.STORE_REPAIR, SuppressionRequest, SuppressionEntry, _lift
)
"""Lets events of the person in again; what was rejected until then stays rejected."""
PROFILES_SUPPRESSED = Operation(
    "profiles_suppressed", Scope.STORE_READ, RealmRequest, SuppressionEntry, _list
)
"""The suppressions in force, the earliest first."""
OPERATIONS = (PROFILE_SUPPRESS, PROFILE_UNSUPPRESS, PROFILES_SUPPRESSED)

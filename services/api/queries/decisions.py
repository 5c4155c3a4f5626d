"""Operations on decisions of people: two identifiers are the same customer, or different ones.

A decision is checked, its effect on the map computed, and its record passed on: to the one writer
of a data directory, or to the topic whose worker writes the map. Nothing here writes a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field, ValidationError

from schemas.base import Instant
from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import NodeId, as_uuid, node_id
from schemas.instants import DAY_MS, from_ms, to_ms, written
from schemas.records import DecisionRecord
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.explained import WhyNode
from services.api.handles import ERASED, TYPED, node_named, require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.identity.core.model import Refusal
from services.identity.ports import DecisionEffect, DecisionPlace
from services.profiles.core.masking import HIDDEN, masked_identifier
from services.runtime.clock import utc_now
from services.runtime.errors import InvalidInput, InvalidState, NotFound
from services.store.profile_map import Members

DECISIONS_PER_PAGE_MAX = 500
DECISIONS_PER_IMPORT_MAX = 1_000
PROFILES_SHOWN_MAX = 20
MOVED_SHOWN_MAX = 100
FIGURES_NODES_MAX = 5_000
"""Identifiers of the profiles whose figures are added up for a preview."""
AHEAD_MAX_MS = DAY_MS
"""How far the clock that made an imported decision may be ahead of ours."""
REASON_CHARS_MAX = 300
UNSEEN = "unseen_identifier"
"""Reason of a NotFound: no event has named the identifier yet."""
OF_DECISIONS = "identity_decisions"


class DecideRequest(RealmRequest):
    """What a person decides about two identifiers."""

    a: str
    """A node id, TYPE[@ISSUER]=VALUE, or a bare e-mail address, phone number or other number."""
    b: str
    """The other one."""
    verdict: Verdict
    """same, different, or none to take an earlier decision back."""
    by: str
    """Who decides."""
    reason: str
    """Why, in one line."""
    dry_run: bool = False
    """Only say what would happen."""
    unseen: bool = False
    """Whether an identifier may be one that no event has named yet."""
    is_masked: bool = False
    """Whether values are replaced by hints."""


class ConcernedProfile(Answer):
    """A profile that a decision concerns."""

    profile_id: UUID
    """Its id."""
    kind: str
    """person, anonymous or shared."""
    identifiers_count: int
    """How many identifiers it has."""
    orders: int | None
    """Its orders; null for a profile that is too large to add up here."""
    revenue: Decimal | None
    """What they come to."""
    currency: str | None
    """Currency of the amount."""
    holds: list[str]
    """Which of the two identifiers it holds: `a`, `b`."""


class MovedIdentifier(Answer):
    """An identifier that another profile holds after the decision."""

    identifier: WhyNode
    """The identifier."""
    from_profile_id: UUID
    """The profile that held it."""
    to_profile_id: UUID
    """The profile that holds it then."""


class MapEffect(Answer):
    """What a decision does to the map."""

    together_before: bool
    """Whether one profile holds both identifiers without it."""
    together_after: bool
    """Whether one profile holds both with it."""
    refused_because: str | None
    """Why a decision `same` joins nobody; null if it is not refused."""
    blocked_by: list[WhyNode]
    """The identifiers that block it."""
    before: list[ConcernedProfile]
    """The profiles that it concerns, the largest first."""
    after: list[ConcernedProfile]
    """The same identifiers as profiles with it."""
    moved_count: int
    """How many identifiers change their profile. A profile that only gets another id counts."""
    moved: list[MovedIdentifier]
    """The first of them."""
    is_cut: bool
    """Whether there are more profiles or identifiers than are listed."""


class ListedDecision(Answer):
    """What a person decided about two identifiers."""

    version: int = 1
    """Version of this form."""
    realm: str
    """Brand or tenant."""
    a: WhyNode
    """One identifier."""
    b: WhyNode
    """The other one."""
    verdict: Verdict
    """same, different, or none for a decision that was taken back."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: Instant
    """When."""
    refused_because: str | None = None
    """Why a decision `same` joins nobody now; null if it is in force."""
    blocked_by: list[WhyNode] = Field(default_factory=list)
    """The identifiers that block it."""


class DecisionOutcome(ListedDecision):
    """A decision with what it does."""

    is_recorded: bool
    """False for a dry run, and for a decision that stands already."""
    effect: MapEffect
    """What it does to the map; workers apply it within moments."""


class DecisionsRequest(RealmRequest):
    """A page of decisions."""

    node: str = ""
    """Only about this identifier, named as for a decision; empty for all."""
    whole_profile: bool = False
    """Also about the other identifiers of its profile, of which the first 5,000 are looked at."""
    verdict: Verdict | None = None
    """Only with this verdict."""
    limit: int = Field(default=50, ge=1, le=DECISIONS_PER_PAGE_MAX)
    """Most decisions."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""
    is_masked: bool = False
    """Whether values are replaced by hints."""


class DecisionsPage(Answer):
    """A page of decisions."""

    entries: list[ListedDecision]
    """The latest first."""
    next_cursor: str | None
    """Where the next page begins; null at the end."""


class ImportedEnd(Answer):
    """One identifier of an imported decision."""

    node_id: UUID
    """Its node id; that of its value counts, if there is one."""
    type: str
    """Its type."""
    issuer: str = ""
    """Who assigned it."""
    value: str = ""
    """Its normalised value."""


class ImportedDecision(Answer):
    """A decision as it was listed; what it says of the map then does not matter."""

    model_config = Answer.model_config | {"extra": "ignore"}

    a: ImportedEnd
    """One identifier."""
    b: ImportedEnd
    """The other one."""
    verdict: Verdict
    """same, different or none."""
    author: str
    """Who decided."""
    reason: str
    """Why."""
    decided_at: Instant
    """When."""


class ImportRequest(RealmRequest):
    """Decisions of another store."""

    decisions: list[ImportedDecision] = Field(max_length=DECISIONS_PER_IMPORT_MAX)
    """As they were listed."""


class ImportedCounts(Answer):
    """What became of imported decisions."""

    recorded: int
    """Decisions that are in force now."""
    known: int
    """Decisions that were there, or lose against a later one about the same pair."""
    erased: int
    """Decisions about somebody who was erased, or from before the erasure of somebody who came
    back; they are dropped."""


def _decide(access: Access, asked: DecideRequest) -> Iterator[DecisionOutcome]:
    reads, realm = access.reads, asked.realm
    by, reason = required_words(asked.by, asked.reason)
    a, b = (_node(reads, realm, text, asked.unseen) for text in (asked.a, asked.b))
    if a.id == b.id:
        raise InvalidInput("a and b are one identifier")
    a, b = sorted((a, b), key=lambda node: node.id)
    known = reads.decisions.of_pair(realm, a.id, b.id)
    now_ms = to_ms(utc_now())
    if known is not None:
        now_ms = max(now_ms, known.decided_ms + 1)  # of a clock that is ahead of ours
    decision = Decision(a, b, asked.verdict, by, reason, now_ms)
    stands = known is not None and known._replace(decided_ms=now_ms) == decision
    if asked.verdict is Verdict.NONE and not stands:
        _require_standing(known)
    record = _record(realm, decision)
    effect = reads.decisions.effect(realm, decision)
    if not (stands or asked.dry_run):
        access.writes.decide([record])
    if stands and known is not None:
        decision = known
    values = _values(reads, realm, [decision], effect)
    refused = [] if effect.refusal is None else [effect.refusal]
    listed = _listed(realm, decision, refused, values, asked.is_masked)
    yield DecisionOutcome(
        **dict(listed),
        is_recorded=not (stands or asked.dry_run),
        effect=_effect(reads, realm, decision, effect, values, asked.is_masked),
    )


def required_words(by: str, reason: str, does: str = "decides") -> tuple[str, str]:
    """Author and reason, without blanks around. Raises InvalidInput."""
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise InvalidInput(f"{'reason' if by else 'by'}: say {'why' if by else f'who {does}'}")
    if len(reason) > REASON_CHARS_MAX:
        raise InvalidInput(
            f"reason: {len(reason)} characters, {REASON_CHARS_MAX} at most; name a ticket"
        )
    return by, reason


def _require_standing(known: Decision | None) -> None:
    if known is None:
        raise InvalidState("nobody decided about these two identifiers; nothing can be taken back")
    if known.verdict is Verdict.NONE:
        at = written(from_ms(known.decided_ms))
        raise InvalidState(f"the decision was taken back already, by {known.author} at {at}")


def _record(realm: str, decision: Decision) -> DecisionRecord:
    try:
        return DecisionRecord.of(realm, decision)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(map(str, fault["loc"])).replace("author", "by")
        raise InvalidInput(f"{path}: {fault['msg']}") from error


def _node(reads: Reads, realm: str, text: str, unseen: bool) -> Node:
    """The identifier that a text names. Raises NotFound for one that was erased, or that no event
    has named, unless it may be such a one; InvalidInput for one that joins nobody."""
    require_realm(reads, realm)
    named = node_named(reads, realm, text)
    node = reads.decisions.node(realm, named)
    if reads.profiles.erased(realm, [named]):
        raise NotFound(f"{text!r} was erased on request in realm {realm!r}", reason=ERASED)
    if node is None:
        node = _unseen(reads, realm, text, named, unseen)
    if node.type not in reads.identity_rules.rank:
        raise InvalidInput(f"the identity rules list no type {node.type!r}: it joins nobody")
    return node


def _unseen(reads: Reads, realm: str, text: str, named: NodeId, allowed: bool) -> Node:
    """An identifier that no event has named: nothing but its text says what it is."""
    head = text.partition("=")[0] if TYPED.match(text) else "email" if "@" in text else ""
    if not (head and allowed):
        raise NotFound(f"no event has named {text!r} in realm {realm!r}", reason=UNSEEN)
    type_name, _, issuer = head.partition("@")
    if not reads.identity_rules.by_name[type_name].issued:
        issuer = ""
    return Node(named, type_name, issuer)


def _values(
    reads: Reads, realm: str, decisions: list[Decision], effect: DecisionEffect | None = None
) -> dict[NodeId, tuple[str, str, str]]:
    """Type, issuer and value of everything that is named in an answer."""
    ends = {end.id: (end.type, end.issuer, "") for d in decisions for end in (d.a, d.b)}
    nodes = set(ends)
    if effect is not None:
        nodes |= set(_moved(effect)[:MOVED_SHOWN_MAX])
        nodes |= set(effect.refusal.blocked_by if effect.refusal else ())
    return ends | reads.decisions.values(realm, nodes)


def _moved(effect: DecisionEffect) -> list[NodeId]:
    before, after = effect.before.holder, effect.after.holder
    return sorted(node for node in after if before[node] != after[node])


def _shown(node: NodeId, values: Mapping[NodeId, tuple[str, str, str]], is_masked: bool) -> WhyNode:
    type_name, issuer, value = values.get(node, ("", "", ""))
    hinted = masked_identifier(type_name, value) if is_masked and value else value
    return WhyNode(node_id=str(as_uuid(node)), type=type_name, issuer=issuer, value=hinted)


def _listed(
    realm: str,
    decision: Decision,
    refusals: list[Refusal],
    values: Mapping[NodeId, tuple[str, str, str]],
    is_masked: bool,
) -> ListedDecision:
    pair = (decision.a.id, decision.b.id)
    refusal = next((one for one in refusals if (one.a, one.b) == pair), None)
    return ListedDecision(
        realm=realm,
        a=_shown(decision.a.id, values, is_masked),
        b=_shown(decision.b.id, values, is_masked),
        verdict=decision.verdict,
        author=decision.author,
        reason=decision.reason,
        decided_at=from_ms(decision.decided_ms),
        refused_because=refusal.reason.value if refusal else None,
        blocked_by=[_shown(one, values, is_masked) for one in refusal.blocked_by]
        if refusal
        else [],
    )


def _effect(
    reads: Reads,
    realm: str,
    decision: Decision,
    effect: DecisionEffect,
    values: Mapping[NodeId, tuple[str, str, str]],
    is_masked: bool,
) -> MapEffect:
    a, b, refusal = decision.a.id, decision.b.id, effect.refusal
    before, after, moved = effect.before.holder, effect.after.holder, _moved(effect)
    parts = [_parts(reads, realm, one, (a, b)) for one in (effect.before, effect.after)]
    return MapEffect(
        together_before=before[a] == before[b],
        together_after=after[a] == after[b],
        refused_because=refusal.reason.value if refusal else None,
        blocked_by=[_shown(one, values, is_masked) for one in refusal.blocked_by]
        if refusal
        else [],
        before=parts[0][:PROFILES_SHOWN_MAX],
        after=parts[1][:PROFILES_SHOWN_MAX],
        moved_count=len(moved),
        moved=[
            MovedIdentifier(
                identifier=_shown(node, values, is_masked),
                from_profile_id=as_uuid(before[node]),
                to_profile_id=as_uuid(after[node]),
            )
            for node in moved[:MOVED_SHOWN_MAX]
        ],
        is_cut=len(moved) > MOVED_SHOWN_MAX or max(map(len, parts)) > PROFILES_SHOWN_MAX,
    )


def _parts(
    reads: Reads, realm: str, members: Members, pair: tuple[NodeId, NodeId]
) -> list[ConcernedProfile]:
    """The profiles, those of the two identifiers first, then the largest."""
    counts = Counter(members.holder.values())
    holds: dict[NodeId, list[str]] = {}
    for name, node in zip("ab", pair, strict=True):
        holds.setdefault(members.holder[node], []).append(name)
    ordered = sorted(counts, key=lambda one: (one not in holds, -counts[one], one))
    shown = ordered[:PROFILES_SHOWN_MAX]
    figures: dict[UUID, Any] = {}
    if sum(counts[one] for one in shown) <= FIGURES_NODES_MAX:
        holder = {node: one for node, one in members.holder.items() if one in set(shown)}
        grouped = reads.profiles.grouped(realm, members._replace(holder=holder), shown)
        figures = {one.profile_id: one for one in grouped}
    found = []
    for one in ordered:
        known, kind = figures.get(as_uuid(one)), members.kinds.get(one)
        found.append(
            ConcernedProfile(
                profile_id=as_uuid(one),
                kind=kind.value if kind else known.kind if known else "",
                identifiers_count=counts[one],
                orders=known.orders if known else None,
                revenue=known.revenue if known else None,
                currency=known.currency if known else None,
                holds=holds.get(one, []),
            )
        )
    return found


def _decisions(access: Access, asked: DecisionsRequest) -> Iterator[DecisionsPage]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    nodes = {node_named(reads, realm, asked.node)} if asked.node else set[NodeId]()
    if asked.whole_profile:
        nodes = {other for node in nodes for other in reads.decisions.together(realm, node)}
        nodes = set(sorted(nodes)[:FIGURES_NODES_MAX])
    after = None
    if asked.cursor:
        decided_ms, a, b = unseal(reads.secret(), OF_DECISIONS, realm, asked.cursor)
        after = DecisionPlace(decided_ms, int(a, 16), int(b, 16))
    verdict = asked.verdict.value if asked.verdict else ""
    found = reads.decisions.page(realm, asked.limit + 1, after, nodes, verdict)
    shown, following = found[: asked.limit], None
    if len(found) > asked.limit:
        last = shown[-1]
        place = [last.decided_ms, f"{last.a.id:x}", f"{last.b.id:x}"]
        following = seal(reads.secret(), OF_DECISIONS, realm, place)
    ends = {end.id for one in shown for end in (one.a, one.b)}
    refusals = reads.decisions.refusals(realm, ends)
    values = _values(reads, realm, shown)
    blockers = {node for one in refusals for node in one.blocked_by} - values.keys()
    values |= reads.decisions.values(realm, blockers)
    entries = [_listed(realm, one, refusals, values, asked.is_masked) for one in shown]
    yield DecisionsPage(entries=entries, next_cursor=following)


def _import(access: Access, asked: ImportRequest) -> Iterator[ImportedCounts]:
    reads, realm = access.reads, asked.realm
    require_realm(reads, realm)
    latest_ms = to_ms(utc_now()) + AHEAD_MAX_MS
    counts, records = Counter[str](), list[DecisionRecord]()
    for number, one in enumerate(asked.decisions):
        if any(HIDDEN in end.value for end in (one.a, one.b)):
            raise InvalidInput(
                f"decisions.{number}: a value is masked, and names nobody here. List the decisions "
                "with a key that may read personal data"
            )
        ends = [_imported(reads, realm, end) for end in (one.a, one.b)]
        a, b = sorted(ends, key=lambda node: node.id)
        if a.id == b.id:
            raise InvalidInput(f"decisions.{number}: both are one identifier")
        decision = Decision(a, b, one.verdict, one.author, one.reason, to_ms(one.decided_at))
        if decision.decided_ms > latest_ms:
            raise InvalidInput(
                f"decisions.{number}.decided_at: {written(one.decided_at)} lies in the future"
            )
        known = reads.decisions.of_pair(realm, a.id, b.id)
        profiles, pair = reads.profiles, [a.id, b.id]
        if profiles.erased(realm, pair) or profiles.erased_after(realm, pair, one.decided_at):
            counts["erased"] += 1  # older than the erasure of one who came back, too
        elif known is not None and known.decided_ms >= decision.decided_ms:
            counts["known"] += 1
        else:
            counts["recorded"] += 1
            records.append(_record(realm, decision))
    if records:
        access.writes.decide(records)
    yield ImportedCounts(
        recorded=counts["recorded"], known=counts["known"], erased=counts["erased"]
    )


def _imported(reads: Reads, realm: str, end: ImportedEnd) -> Node:
    """By its value, if it is known: another secret gives other node ids."""
    if not end.value:
        return Node(end.node_id.int, end.type, end.issuer)
    node = node_id(reads.secret(), realm, end.type, end.issuer, end.value)
    return Node(node, end.type, end.issuer)


IDENTITY_DECIDE = Operation(
    "identity_decide", Scope.IDENTITY_WRITE, DecideRequest, DecisionOutcome, _decide
)
"""Decide that two identifiers are the same customer or different ones, or take that back."""
IDENTITY_DECISIONS = Operation(
    OF_DECISIONS, Scope.PROFILES_READ, DecisionsRequest, DecisionsPage, _decisions
)
"""What people decided, a page of it."""
IDENTITY_IMPORT = Operation(
    "identity_import_decisions", Scope.EVENTS_IMPORT, ImportRequest, ImportedCounts, _import
)
"""Record the decisions that another store listed."""
OPERATIONS = (IDENTITY_DECIDE, IDENTITY_DECISIONS, IDENTITY_IMPORT)

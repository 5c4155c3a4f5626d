"""Operations on what is held on one person: to hand it out, to erase it, and to verify that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from pydantic import Field

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from schemas.placement import ProfileKind
from schemas.records import ERASED_NODES_MAX, ErasureRecord
from services.api.auth import Scope
from services.api.handles import ERASED, held_by, node_named, node_of, require_realm
from services.api.operation import Answer, Operation, Request, plain
from services.api.ports import Access, Reads
from services.api.queries.profiles import ProfileRequest
from services.erasure.adapters.kept_sales import SALES
from services.erasure.adapters.runs import RunState
from services.erasure.receipt import ErasureReceipt, is_genuine, signed
from services.profiles.ports import Resolved
from services.runtime.errors import InvalidState, NotFound


class HeldData(Answer):
    """One row of what is held on a person."""

    section: str
    """What it is: `identifiers`, `events`, `consents` …"""
    table: str
    """Where it stands in the store; `profile` is computed from the others."""
    row: dict[str, Any]
    """The row by column."""


def person_meant(reads: Reads, asked: ProfileRequest) -> Resolved:
    """The profile that a request names.

    Raises:
        NotFound: nobody is known by it, or was erased.
        InvalidState: it is an identifier in the hands of several persons.
    """
    found = held_by(reads, asked.realm, asked.who, asked.handle, asked.identifier)
    if found.kind == ProfileKind.SHARED:
        raise InvalidState(
            "this identifier is shared by several persons and belongs to nobody: name one of them "
            "by an identifier of their own"
        )
    return found


def _export(access: Access, asked: ProfileRequest) -> Iterator[HeldData]:
    reads, realm = access.reads, asked.realm
    profile = person_meant(reads, asked).profile
    golden = reads.profiles.holding(realm, [profile]).get(profile)
    if golden is not None:
        yield HeldData(section="profile", table="profile", row=plain(golden))
    source = reads.personal_data
    holding = source.holding(realm, profile)
    anchors = list(dict.fromkeys(node for node, _ in holding.elsewhere))
    for one in source.held(holding, _persons(reads, realm, anchors)):
        yield HeldData(section=one.section, table=one.table, row=one.row)


def _persons(reads: Reads, realm: str, nodes: list[NodeId]) -> set[NodeId]:
    """Those that belong to a person: what is kept under them is that person's."""
    found = reads.profiles.resolve(realm, nodes)
    return {node for node, one in found.items() if one.kind == ProfileKind.PERSON}


class ErasureRequest(ProfileRequest):
    """A person to be erased."""

    within_s: float = Field(default=120, ge=0, le=86_400)
    """For how long to wait until all is removed."""
    anonymise: bool = False
    """Whether sales stay, under other ids and without the person."""


class ErasurePreviewRequest(ProfileRequest):
    """A person whose erasure is to be previewed."""

    anonymise: bool = False
    """Whether sales would stay, under other ids and without the person."""


class ErasurePreview(Answer):
    """Rows of a table that an erasure would remove, or what it would keep in one."""

    table: str
    """The table; `sales` for the orders, cancellations and returns that would stay without the
    person, which are among the rows of the other tables, too."""
    rows: int
    """Rows that would be removed; of `kept_objections` how many objections, withdrawals and
    complaints would go on to count."""
    is_kept: bool
    """Whether it is what would be kept."""


class ReceiptRequest(Request):
    """A receipt to be verified."""

    receipt: ErasureReceipt
    """As an erasure gave it."""


class VerifiedErasure(Answer):
    """What became of an erasure."""

    is_genuine: bool
    """Whether this service signed the receipt, and nobody changed it since."""
    remaining: dict[str, int]
    """Rows of the erased person by table: none, unless something older came again."""
    newer_events: int
    """Events of the person since: they are a new profile."""


def _preview(access: Access, asked: ErasurePreviewRequest) -> Iterator[ErasurePreview]:
    reads = access.reads
    person = reads.personal_data.holding(asked.realm, person_meant(reads, asked).profile)
    for table, rows in reads.erasures.preview(person).items():
        yield ErasurePreview(table=table, rows=rows, is_kept=False)
    if kept := reads.erasures.kept_objections(person):
        yield ErasurePreview(table="kept_objections", rows=kept, is_kept=True)
    if asked.anonymise:
        sales = reads.erasures.sales(person)
        yield ErasurePreview(table=SALES, rows=sales, is_kept=True)


def _erase(access: Access, asked: ErasureRequest) -> Iterator[ErasureReceipt]:
    reads, ends_at_s = access.reads, monotonic() + asked.within_s
    record, is_new = _record_of(reads, asked)
    if is_new:
        access.writes.erase(record)
    run = reads.erasures.wait(record, ends_at_s - monotonic())
    receipt = ErasureReceipt(
        realm=record.realm,
        erasure_id=run.erasure_id,
        identifiers=len(run.nodes),
        erased_at=from_ms(run.erased_ms),
        removed=run.removed,
        kept_shared=run.marked,
        kept_objections=run.kept_objections,
        kept_sales=run.kept_sales,
        files_removed=reads.erasures.files_gone(max(0.0, ends_at_s - monotonic())),
        topics=reads.erasures.topics(record.realm, run.nodes),
    )
    yield signed(receipt, reads.secret())


def _record_of(reads: Reads, asked: ErasureRequest) -> tuple[ErasureRecord, bool]:
    """What is to be erased, and whether that is still to be ordered."""
    realm = asked.realm
    known = _former_run(reads, asked)
    if known is not None:
        nodes = list(map(as_uuid, known.nodes))
        record = ErasureRecord(realm=realm, nodes=nodes, erased_ms=known.erased_ms)
        return record, not known.is_removed
    profile = person_meant(reads, asked).profile
    held = reads.personal_data.holding(realm, profile).nodes
    ordered = reads.erasures.ordered(realm, profile)
    if ordered is not None and set(map(as_uuid, held)) <= set(ordered.nodes):
        return ordered, False
    if len(held) > ERASED_NODES_MAX:
        raise InvalidState(
            f"this profile has {len(held)} identifiers, more than the {ERASED_NODES_MAX} of "
            "one erasure: it is no person's. Split it first"
        )
    erased_ms = to_ms(datetime.now(UTC))
    nodes = list(map(as_uuid, held))
    record = ErasureRecord(realm=realm, nodes=nodes, erased_ms=erased_ms, anonymise=asked.anonymise)
    return record, True


def _former_run(reads: Reads, asked: ProfileRequest) -> RunState | None:
    """The erasure of somebody who was erased, and of whom nothing came since."""
    try:
        held_by(reads, asked.realm, asked.who, asked.handle, asked.identifier)
    except NotFound as error:
        node = _node_or_none(reads, asked) if error.reason == ERASED else None
        return None if node is None else reads.erasures.run_of(asked.realm, node)
    return None


def _node_or_none(reads: Reads, asked: ProfileRequest) -> NodeId | None:
    if asked.who:
        return node_named(reads, asked.realm, asked.who)
    return node_of(reads, asked.realm, asked.handle, asked.identifier)


def _verify(access: Access, asked: ReceiptRequest) -> Iterator[VerifiedErasure]:
    reads, receipt = access.reads, asked.receipt
    require_realm(reads, receipt.realm)
    run = reads.erasures.run(receipt.realm, receipt.erasure_id)
    if run is None:
        raise NotFound(f"this store knows no erasure {receipt.erasure_id!r}")
    yield VerifiedErasure(
        is_genuine=is_genuine(receipt, reads.secret()),
        remaining=reads.erasures.remaining(run.realm, run.nodes, run.stated),
        newer_events=reads.erasures.newer(run.realm, run.nodes),
    )


PROFILE_EXPORT = Operation("profile_export", Scope.PROFILES_PII, ProfileRequest, HeldData, _export)
"""Everything that is held on a person, row by row with the table it stands in."""
ERASURE_PREVIEW = Operation(
    "profile_erasure_preview", Scope.PROFILES_READ, ErasurePreviewRequest, ErasurePreview, _preview
)
"""How many rows by table an erasure would remove."""
PROFILE_ERASE = Operation(
    "profile_erase", Scope.STORE_REPAIR, ErasureRequest, ErasureReceipt, _erase
)
"""Erases a person; the signed receipt. Of one who was erased before, that of then."""
ERASURE_VERIFY = Operation(
    "profile_erasure_verify", Scope.STORE_READ, ReceiptRequest, VerifiedErasure, _verify
)
"""Whether a receipt is genuine, and whether anything is left."""
OPERATIONS = (PROFILE_EXPORT, ERASURE_PREVIEW, PROFILE_ERASE, ERASURE_VERIFY)

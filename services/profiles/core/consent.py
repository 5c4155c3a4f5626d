"""Contact permission per address, channel and purpose.

An opt-in applies to its own address and counts only if it is later than every withdrawal for that
address and every objection of the person; at the same instant the answer is no. A basis other than
consent (existing customer, legitimate interest …) never overrides a refusal, however late it is.
A refusal without a purpose is one of every purpose; a spam complaint or a hard bounce is one if the
rules say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from schemas.events.master_data import LegalBasis
from schemas.identifiers import WHOLE_PERSON, NodeId, as_uuid
from schemas.kept_objection import KeptObjection
from schemas.profile import ConsentState
from schemas.rules.profile import ConsentRules

GIVEN, CONFIRMED, WITHDRAWN, OBJECTION = "given", "confirmed", "withdrawn", "objection"
SUPPRESSED = "suppressed"
"""Said by who keeps the data, and lifted by nothing that the person says."""
EVERY_CHANNEL = EVERY_PURPOSE = ""
USUAL_PURPOSE = "marketing"
"""The purpose that a refusal of every purpose shows although nothing else named it."""


class ConsentReason(StrEnum):
    """Why contact is allowed or not; a basis other than consent is its own reason."""

    OPTED_IN = "opted_in"
    CONFIRMED = "double_opt_in_confirmed"
    UNCONFIRMED = "double_opt_in_unconfirmed"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    """Nothing of the person may be processed."""
    NO_BASIS = "no_legal_basis"
    """Nobody ever said anything about contact of this kind."""


REFUSALS = {
    WITHDRAWN: ConsentReason.WITHDRAWN,
    OBJECTION: ConsentReason.OBJECTED,
    "complained": ConsentReason.COMPLAINED,
    "bounced": ConsentReason.BOUNCED,
    SUPPRESSED: ConsentReason.SUPPRESSED,
}
"""The reason that each refusing action gives."""
REFUSED_AS_A_WHOLE = (ConsentReason.OBJECTED, ConsentReason.SUPPRESSED)
PROFILING = "profiling"
"""The purpose of scores of single persons."""
KEPT_ACTIONS = (WITHDRAWN, OBJECTION, "complained")
"""What people said against contact, which goes on to count when they are erased. A bounce says
nothing of what they want."""
ERASED_EVENT = "erased"
"""In the place of the id of an event that is gone."""


class Target(NamedTuple):
    """What a permission is for."""

    address: NodeId
    channel: str
    purpose: str


class ConsentRecord(NamedTuple):
    """One step of a consent. `action` is given, confirmed, withdrawn, objection, complained or
    bounced.

    `purpose`, `channel` and `address` are the target of the contact: empty for every purpose or
    channel, `WHOLE_PERSON` for every address. `double_opt_in` on a given consent means that
    it awaits confirmation.
    """

    action: str
    purpose: str
    channel: str
    address: NodeId
    basis: str
    double_opt_in: bool
    event_id: str
    occurred_at: datetime
    via: str = ""
    """Channel of the event that says so."""
    source: str = ""
    """`source.system` of that event."""
    text_version: str = ""
    """Which text was agreed to."""
    is_kept: bool = False
    """Whether it is all that an erasure of the person kept; then `event_id` is `erased`. That of a
    suppression is empty."""


class Permission(NamedTuple):
    """Whether a target may be contacted, why, and the record that decides it.

    `by` is None where nobody ever said anything about it; then it may not.
    """

    allowed: bool
    reason: str
    by: ConsentRecord | None

    @property
    def basis(self) -> str:
        """The legal basis of a contact that is allowed; empty otherwise."""
        if not self.allowed or self.by is None:
            return ""
        return self.by.basis or LegalBasis.CONSENT


class Consents:
    """The consent records of one person, by what they are for. Each look-up takes constant time."""

    def __init__(self, records: Iterable[ConsentRecord], rules: ConsentRules) -> None:
        counted = {GIVEN, CONFIRMED, WITHDRAWN, OBJECTION, SUPPRESSED, *rules.refused_by}
        self._rules = rules
        self._records = [one for one in records if one.action in counted]
        self._given: defaultdict[Target, list[ConsentRecord]] = defaultdict(list)
        self._refusals: defaultdict[Target, list[ConsentRecord]] = defaultdict(list)
        for one in self._records:
            if one.action in REFUSALS:
                reach = WHOLE_PERSON if one.action == OBJECTION else one.address
                self._refusals[Target(reach, one.channel, one.purpose)].append(one)
            else:
                self._given[Target(one.address, one.channel, one.purpose)].append(one)
        suppressed = (one for one in self._records if one.action == SUPPRESSED)
        self._suppressed = _latest(suppressed)
        self._latest_refusals = {key: max(all_, key=_time) for key, all_ in self._refusals.items()}

    def targets(self) -> list[Target]:
        """Every target that any record names, ordered by purpose, channel, address.

        An objection is a target of its own, with the zero address and, if it holds on every
        channel, an empty channel. A refusal of every purpose is listed for each purpose that any
        record names, and for marketing.
        """
        purposes = {one.purpose for one in self._records} - {EVERY_PURPOSE} | {USUAL_PURPOSE}
        targets = {
            Target(one.address, one.channel, purpose)
            for one in self._records
            for purpose in ([one.purpose] if one.purpose else purposes)
        }
        return sorted(targets, key=lambda one: (one.purpose, one.channel, one.address))

    def permission(self, target: Target) -> Permission:
        """Whether the target may be contacted, whether or not any record names it."""
        if self._suppressed is not None:
            return Permission(False, ConsentReason.SUPPRESSED, self._suppressed)
        own = self._given.get(target, [])
        keys = _reaching(target)
        latest = [self._latest_refusals[key] for key in keys if key in self._latest_refusals]
        refusal = _latest(iter(latest))
        opt_in = _latest(one for one in own if _is_opt_in(one, self._rules))
        if opt_in and _is_after(opt_in, refusal):
            confirmed = opt_in.action == CONFIRMED
            reason = ConsentReason.CONFIRMED if confirmed else ConsentReason.OPTED_IN
            return Permission(True, reason, opt_in)
        other_basis = _latest(one for one in own if _is_other_basis(one))
        if other_basis and refusal is None:
            return Permission(True, other_basis.basis, other_basis)
        waiting = _latest(one for one in own if one.action == GIVEN and not _is_other_basis(one))
        if waiting and _is_after(waiting, refusal):
            return Permission(False, ConsentReason.UNCONFIRMED, waiting)
        if refusal is None:
            return Permission(False, ConsentReason.NO_BASIS, None)
        return Permission(False, REFUSALS[refusal.action], refusal)

    def objection(self, purpose: str) -> ConsentRecord | None:
        """The record by which the whole person refuses a purpose on every channel, or may not be
        processed at all; None if nothing does, or if contact for it is allowed somewhere since.

        A score has no channel and no address: who refuses profiling on any refuses it everywhere.
        """
        if purpose == PROFILING and self._suppressed is None:
            return self._refused_profiling()
        whole = self.permission(Target(WHOLE_PERSON, EVERY_CHANNEL, purpose))
        if whole.reason not in REFUSED_AS_A_WHOLE or self.is_permitted(purpose):
            return None
        return whole.by

    def _refused_profiling(self) -> ConsentRecord | None:
        """The latest objection or withdrawal, on any channel, unless a later opt-in is in force."""
        refusal = _latest(one for one in self._records if _refuses_profiling(one))
        for target in self.targets() if refusal is not None else ():
            found = self.permission(target)
            if target.purpose != PROFILING or not found.allowed or found.by is None:
                continue
            if not _is_other_basis(found.by) and _is_after(found.by, refusal):
                return None
        return refusal

    def is_permitted(self, purpose: str, channel: str | None = None) -> bool:
        """Whether any target of the purpose, on one or any channel, may be contacted."""
        return any(
            self.permission(one).allowed
            for one in self.targets()
            if one.purpose == purpose and channel in (None, one.channel)
        )

    def evidence(self, target: Target) -> list[ConsentRecord]:
        """Every record that speaks for or against contact with the target, the earliest first."""
        found = [*self._given.get(target, [])]
        found += (one for key in _reaching(target) for one in self._refusals.get(key, []))
        return sorted(found, key=_time)


def kept_record(kept: KeptObjection) -> ConsentRecord:
    """The record of what an erasure kept, or of a suppression, which no event says."""
    is_kept = kept.action != SUPPRESSED
    return ConsentRecord(
        kept.action, kept.purpose, kept.channel, kept.address, "", False,
        ERASED_EVENT if is_kept else "", kept.occurred_at, is_kept=is_kept,
    )  # fmt: skip


def as_ruled(one: ConsentRecord, rules: ConsentRules) -> ConsentRecord | None:
    """The record as it counts under these rules, for whoever judges by the default ones: None if it
    does not count, and with the double opt-in that its channel demands."""
    if one.action in REFUSALS and one.action not in (WITHDRAWN, OBJECTION, *rules.refused_by):
        return None
    must_confirm = one.double_opt_in or one.channel in rules.confirmed_only
    return one._replace(double_opt_in=must_confirm)


def permissions(records: Iterable[ConsentRecord], rules: ConsentRules) -> list[ConsentState]:
    """The state of every target that any record names (see `Consents.targets`)."""
    consents = Consents(records, rules)
    return [state_of(target, consents.permission(target)) for target in consents.targets()]


def state_of(target: Target, permission: Permission) -> ConsentState:
    """The published form of a permission that a record decides."""
    by = permission.by
    assert by is not None  # a target that a record names has one that decides
    return ConsentState(
        address=as_uuid(target.address),
        channel=target.channel,
        purpose=target.purpose,
        allowed=permission.allowed,
        reason=permission.reason,
        event_id=by.event_id,
        occurred_at=by.occurred_at,
    )


def _reaching(target: Target) -> set[Target]:
    """What refusals of the target may be for: it, or more than it."""
    return {
        Target(address, channel, purpose)
        for address in (WHOLE_PERSON, target.address)
        for channel in (EVERY_CHANNEL, target.channel)
        for purpose in (EVERY_PURPOSE, target.purpose)
    }


def _refuses_profiling(one: ConsentRecord) -> bool:
    """A withdrawal that names no purpose is of what had been given."""
    if one.action == WITHDRAWN:
        return one.purpose == PROFILING
    return one.action == OBJECTION and one.purpose in (PROFILING, EVERY_PURPOSE)


def _is_other_basis(one: ConsentRecord) -> bool:
    return one.action in (GIVEN, CONFIRMED) and one.basis not in ("", LegalBasis.CONSENT)


def _is_opt_in(one: ConsentRecord, rules: ConsentRules) -> bool:
    if _is_other_basis(one):
        return False
    if one.action == CONFIRMED:
        return True
    must_confirm = one.double_opt_in or one.channel in rules.confirmed_only
    return one.action == GIVEN and not must_confirm


def _is_after(one: ConsentRecord, refusal: ConsentRecord | None) -> bool:
    return refusal is None or one.occurred_at > refusal.occurred_at


def _latest(records: Iterator[ConsentRecord]) -> ConsentRecord | None:
    return max(records, key=_time, default=None)


def _time(one: ConsentRecord) -> tuple[datetime, str]:
    return one.occurred_at, one.event_id

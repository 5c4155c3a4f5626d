"""Contact permission per address, channel and purpose.

An opt-in applies to its own address and counts only if it is later than every withdrawal for that
address and every objection of the person; at the same instant the answer is no. A basis other than
consent (existing customer, legitimate interest …) never overrides a refusal, however late it is.
A refusal without a purpose is one of every purpose; a spam complaint or a hard bounce is one if the
rules say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from schemas.events.master_data import LegalBasis
from schemas.identifiers import WHOLE_PERSON, NodeId, as_uuid
from schemas.profile import ConsentState
from schemas.rules.profile import ConsentRules
from services.profiles.core.facts import ConsentRecord

GIVEN, CONFIRMED, WITHDRAWN, OBJECTION = "given", "confirmed", "withdrawn", "objection"
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


REFUSALS = {
    WITHDRAWN: ConsentReason.WITHDRAWN,
    OBJECTION: ConsentReason.OBJECTED,
    "complained": ConsentReason.COMPLAINED,
    "bounced": ConsentReason.BOUNCED,
}
"""The reason that each refusing action gives."""


class Target(NamedTuple):
    """What a permission is for."""

    address: NodeId
    channel: str
    purpose: str


def permissions(records: Iterable[ConsentRecord], rules: ConsentRules) -> list[ConsentState]:
    """The state of every target that any record names, ordered by purpose, channel, address.

    An objection is a target of its own, with the zero address and, if it holds on every channel,
    an empty channel. A refusal of every purpose is listed for each purpose that any record names,
    and for marketing.
    """
    counted = {GIVEN, CONFIRMED, WITHDRAWN, OBJECTION, *rules.refused_by}
    all_records = [one for one in records if one.action in counted]
    purposes = {one.purpose for one in all_records} - {EVERY_PURPOSE} | {USUAL_PURPOSE}
    targets = {
        Target(one.address, one.channel, purpose)
        for one in all_records
        for purpose in ([one.purpose] if one.purpose else purposes)
    }
    ordered = sorted(targets, key=lambda one: (one.purpose, one.channel, one.address))
    return [_state(target, all_records, rules) for target in ordered]


def _state(target: Target, records: Sequence[ConsentRecord], rules: ConsentRules) -> ConsentState:
    own = [one for one in records if (one.address, one.channel, one.purpose) == target]
    refusal = _latest(one for one in records if _refuses(one, target))
    opt_in = _latest(one for one in own if _is_opt_in(one, rules))
    if opt_in and _is_after(opt_in, refusal):
        confirmed = opt_in.action == CONFIRMED
        reason = ConsentReason.CONFIRMED if confirmed else ConsentReason.OPTED_IN
        return _said(target, True, reason, opt_in)
    other_basis = _latest(one for one in own if _is_other_basis(one))
    if other_basis and refusal is None:
        return _said(target, True, other_basis.basis, other_basis)
    waiting = _latest(one for one in own if one.action == GIVEN and not _is_other_basis(one))
    if waiting and _is_after(waiting, refusal):
        return _said(target, False, ConsentReason.UNCONFIRMED, waiting)
    assert refusal is not None  # every record is an opt-in, another basis, unconfirmed or a refusal
    return _said(target, False, REFUSALS[refusal.action], refusal)


def _refuses(one: ConsentRecord, target: Target) -> bool:
    """Whether this record speaks against contact with the target, were it the latest."""
    if one.action not in REFUSALS or one.purpose not in (EVERY_PURPOSE, target.purpose):
        return False
    if one.channel not in (EVERY_CHANNEL, target.channel):
        return False
    return one.action == OBJECTION or one.address in (WHOLE_PERSON, target.address)


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
    return max(records, key=lambda one: (one.occurred_at, one.event_id), default=None)


def _said(target: Target, allowed: bool, reason: str, by: ConsentRecord) -> ConsentState:
    return ConsentState(
        address=as_uuid(target.address),
        channel=target.channel,
        purpose=target.purpose,
        allowed=allowed,
        reason=reason,
        event_id=by.event_id,
        occurred_at=by.occurred_at,
    )

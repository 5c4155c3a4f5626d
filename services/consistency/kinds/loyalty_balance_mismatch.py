"""Loyalty balance mismatch: channels name another balance or tier of one loyalty account.

A balance is a snapshot: it moves with every receipt, and every channel tells it at another time. So
statements are put into the order of time first, and only what no movement explains contradicts
(services/consistency/core/course.py). Balances of two cards are never compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, NamedTuple

from pydantic import Field

from schemas.claim import Statement
from schemas.events.master_data import LoyaltyChanged
from schemas.identifiers import as_uuid
from schemas.incident import AnyIncident, Details, Incident, IncidentState, Severity
from schemas.offer import Basis
from schemas.rules.consistency import Days, Hours, KindRules, Name
from schemas.subject import SEPARATOR, SubjectType, written_subject
from services.consistency.core.book import incident_id
from services.consistency.core.course import Course, Dissent, Snapshot, Value
from services.consistency.core.faults import subject_fault_id
from services.consistency.core.kind import Heard, Kind, Met, Observation
from services.consistency.core.places import EVERYWHERE
from services.consistency.core.recomputed_book import RecomputedBook

NAME = "loyalty_balance_mismatch"
NOTHING_SOLD = Decimal(0)
GRACE_HOURS: dict[str, float] = {"default": 48}
BALANCE, TIER = "points_balance", "tier"
WORD = re.compile(r"[^\W_]+")
TIER_WORDS = frozenset(
    (
        "club",
        "customer",
        "kunde",
        "kundin",
        "level",
        "member",
        "mitglied",
        "status",
        "stufe",
        "tier",
    )
)
"""What is written beside the name of a tier."""
SAME_TIERS = [["silver", "silber"], ["platinum", "platin"], ["basic", "basis"], ["gold", "golden"]]
CODE_CHARACTERS_MAX = 2
"""`G` or `03` may be any tier: nobody knows the codes of a system."""


class LoyaltyRules(KindRules):
    """When statements about an account contradict each other."""

    grace_start_hours: dict[Name, Hours] = GRACE_HOURS
    """Hours within which a channel may name what was right before a movement."""
    grace_end_hours: dict[Name, Hours] = GRACE_HOURS
    """Not used: accounts have no promotions."""
    max_age_hours: Annotated[Hours, Field(gt=0)] = 72
    """Hours without a word of the account after which a new value is believed: it may have moved
    without an event."""
    insisting_days: Days = 30
    """Days within which a channel contradicts that repeats what the others have left; later the
    value may be right again."""
    published_max_age_days: Days = 90
    """Days after which a contradiction that nobody repeats is no longer told."""
    tolerance_points: Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = Decimal(
        "0.99"
    )
    """Balances that differ by so much agree: some channels show whole points."""
    ignored_channels: list[Name] = Field(default=[], max_length=50)
    """Channels that count something else, such as points that are not yet released."""
    same_tiers: list[list[Name]] = Field(default=[], max_length=100)
    """Names of one tier, as `[["gold", "level 3"]]`."""

    @cached_property
    def insisting(self) -> timedelta:
        """Within so long who repeats a former value contradicts."""
        return timedelta(days=self.insisting_days)

    def agree(self, one: Value, other: Value) -> bool:
        """Whether two balances, or two tiers, count as the same."""
        if isinstance(one, Decimal) and isinstance(other, Decimal):
            return abs(one - other) <= self.tolerance_points
        first, second = self._tier(str(one)), self._tier(str(other))
        return first == second or is_code(first) or is_code(second)

    def _tier(self, written: str) -> str:
        name = tier_name(written)
        return self._tiers.get(name, name)

    @cached_property
    def _tiers(self) -> dict[str, str]:
        return {
            tier_name(one): tier_name(names[0])
            for names in (*SAME_TIERS, *self.same_tiers)
            for one in names
        }


class Cause(StrEnum):
    """The likeliest cause, from what was right before."""

    STALE_BALANCE = "stale_balance"
    WRONG_BALANCE = "wrong_balance"
    UNDECIDED_BALANCE = "undecided_balance"


class LoyaltyDetails(Details):
    """Which statements about a loyalty account contradict each other."""

    programme: str
    """The programme as it is written; empty if no statement names one."""
    card: str
    """Node id of the loyalty card; empty if no statement names one."""
    field: str
    """`points_balance` or `tier`."""
    expected: str = Field(max_length=1000)
    """What follows from the other statements."""
    observed: str = Field(max_length=1000)
    """What the channel says."""

    def in_words(self) -> str:
        """The field and both statements."""
        return f"{self.field} {self.observed} instead of {self.expected}"


class Account(NamedTuple):
    """One field of an account: card and programme, either empty if nobody names it."""

    card: str
    programme: str
    field: str


class AccountTold(NamedTuple):
    """What was said of one field of an account, and its programme as it was first written."""

    snapshots: list[Snapshot]
    programme: str


class LoyaltyBook(RecomputedBook[LoyaltyRules]):
    """What one customer did and got."""

    def _incidents_at(self, now: datetime) -> Iterator[AnyIncident]:
        for account, said in self._accounts(now).items():
            for dissent in Course(self._rules).run(said.snapshots, now):
                yield self._incident(account, said.programme, dissent)

    def _changes_after(self, now: datetime) -> Iterator[datetime]:
        for said in self._accounts(now).values():
            course = Course(self._rules)
            course.run(said.snapshots, now)
            yield from course.due_times()

    def _accounts(self, now: datetime) -> dict[Account, AccountTold]:
        """What was said of each account up to now."""
        known = [
            one
            for one in self._claims
            if isinstance(one, Statement)
            and one.occurred_at <= now
            and one.channel not in self._rules.ignored_channels
        ]
        names = {one.terms: account_of(one.terms) for one in known}
        accounts = assigned(names.values())
        found: dict[Account, AccountTold] = {}
        for one in sorted(known, key=lambda one: (one.occurred_at, one.event_id, one.ordinal)):
            account = accounts[names[one.terms]]
            if account is None:
                continue
            told = found.setdefault(account, AccountTold([], ""))
            told.snapshots.append(snapshot_of(one, account.field))
            if not told.programme:
                found[account] = told._replace(programme=one.terms.split(SEPARATOR)[1])
        return found

    def _incident(self, account: Account, programme: str, dissent: Dissent) -> AnyIncident:
        said = dissent.said
        identity = incident_id(self.book, account, EVERYWHERE, said.channel, dissent.since)
        cause = Cause.UNDECIDED_BALANCE if dissent.is_undecided else Cause.WRONG_BALANCE
        state = IncidentState.RESOLVED if dissent.resolved_at else IncidentState.OPEN
        return KIND.incident.model_validate(
            {
                "incident_id": identity,
                "realm": self.book.realm,
                "subject": written_subject(self.book.subject),
                "channel": said.channel,
                "location": "",
                "fault_id": subject_fault_id(self.book, said.channel, *account),
                "state": state if dissent.opened_at else IncidentState.PENDING,
                "severity": Severity.MEDIUM if account.field == BALANCE else Severity.LOW,
                "cause": Cause.STALE_BALANCE if dissent.is_stale else cause,
                "since": dissent.since,
                "due_at": dissent.due_at,
                "until": dissent.resolved_at,
                "opened_at": dissent.opened_at,
                "resolved_at": dissent.resolved_at,
                "evidence": [dissent.evidence, dissent.supporting],
                "details": {
                    "programme": programme,
                    "card": account.card,
                    "field": account.field,
                    "expected": written(dissent.expected),
                    "observed": written(said.value),
                },
            }
        )


def written(value: Value | None) -> str:
    """A balance without zeros at its end, or a tier."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    return value or ""


@lru_cache(maxsize=4096)
def tier_name(text: str) -> str:
    """A tier in one form: without case, signs, and words such as `status`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = WORD.findall(plain)
    return " ".join([word for word in words if word not in TIER_WORDS] or words)


def is_code(name: str) -> bool:
    """Whether a tier is the code of a system rather than a name."""
    return len(name) <= CODE_CHARACTERS_MAX or name.isdigit()


def programme_name(text: str) -> str:
    """A programme in one form: letters and digits without case."""
    return "".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def account_of(terms: str) -> Account:
    """The account that a claim names, its programme in one form."""
    card, programme, field = terms.split(SEPARATOR)
    return Account(card, programme_name(programme), field)


def assigned(named: Iterable[Account]) -> dict[Account, Account | None]:
    """The account that each one means: who leaves out programme or card means the only one there
    is; None if there are several, because nobody knows which."""
    given = set(named)
    every = {one.programme for one in given} - {""}
    by_card = defaultdict[str, set[str]](set)
    for one in given:
        by_card[one.card] |= {one.programme} - {""}
    found: dict[Account, Account | None] = {}
    for one in given:
        programmes = by_card[one.card] if one.card and by_card[one.card] else every
        found[one] = one if one.programme else _only(one, "programme", programmes)
    cards = defaultdict[str, set[str]](set)
    for account in found.values():
        if account is not None and account.card:
            cards[account.programme].add(account.card)
    return {
        one: _only(account, "card", cards[account.programme])
        if account is not None and not account.card
        else account
        for one, account in found.items()
    }


def _only(account: Account, name: str, values: set[str]) -> Account | None:
    if len(values) > 1:
        return None
    return account._replace(**{name: next(iter(values), "")})


def snapshot_of(claim: Statement, field: str) -> Snapshot:
    """What a claim says: a tier; or a balance, a change of it, or both."""
    if field == TIER:
        return Snapshot(claim.occurred_at, claim.event_id, claim.channel, claim.value)
    balance, _, change = claim.value.partition(SEPARATOR)
    return Snapshot(
        claim.occurred_at,
        claim.event_id,
        claim.channel,
        Decimal(balance) if balance else None,
        Decimal(change) if change else None,
    )


def claims(heard: Heard) -> list[tuple[Statement, Decimal]]:
    """What a channel says of an account: its balance or a movement, and its tier."""
    body = heard.event.body
    if not isinstance(body, LoyaltyChanged) or not heard.is_personal or len(heard.cards) > 1:
        return []
    card = str(as_uuid(heard.cards[0])) if heard.cards else ""
    return [
        (
            Statement(
                heard.customer_book(NAME),
                heard.occurred_at,
                heard.event.event_id,
                ordinal,
                heard.version,
                heard.event.channel,
                "",
                "",
                Basis.PUBLISHED,
                value,
                SEPARATOR.join((card, body.programme.replace(SEPARATOR, " "), field)),
            ),
            NOTHING_SOLD,
        )
        for ordinal, (field, value) in enumerate(_facts(body))
    ]


def _facts(body: LoyaltyChanged) -> Iterator[tuple[str, str]]:
    change = written(body.points_change) if body.points_change else ""
    if body.points_balance is not None:
        balance = written(body.points_balance)
        yield BALANCE, f"{balance}{SEPARATOR}{change}" if change else balance
    elif change:
        yield BALANCE, f"{SEPARATOR}{change}"
    if WORD.search(body.tier):
        yield TIER, body.tier


def met(
    _incident: Incident[LoyaltyDetails], _observations: Iterable[Observation], _rules: LoyaltyRules
) -> list[Met]:
    """It concerns the one customer who is its subject."""
    return []


KIND = Kind(
    name=NAME,
    title="Loyalty balance mismatch",
    subject=SubjectType.CUSTOMER,
    causes=tuple(Cause),
    rules=LoyaltyRules,
    details=LoyaltyDetails,
    claims=claims,
    hears=(LoyaltyChanged,),
    judge=LoyaltyBook,
    met=met,
)

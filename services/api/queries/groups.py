"""Operations on accounts and households: what they are, and who belongs to them now and before.

Who a person is says the map, when it is read. Nothing is joined, and no consent is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from pydantic import Field

from schemas.api.groups import (
    AccountContact,
    AccountPeriod,
    AccountValue,
    BusinessAccount,
    HouseholdMember,
    HouseholdPeriod,
    HouseholdSums,
    HouseholdView,
    ListedAccount,
    MembershipStatus,
)
from schemas.groups import ACCOUNT, HOUSEHOLD, SUCCESSOR
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import ProfileKind
from schemas.profile import Profile
from services.api.auth import Scope
from services.api.cursors import seal, unseal
from services.api.handles import require_realm
from services.api.operation import Answer, Operation, RealmRequest
from services.api.ports import Access, Reads
from services.api.queries.profiles import name_of
from services.profiles.core.groups import (
    GroupKey,
    Period,
    SaidValue,
    evidence,
    merged_into,
    periods,
    standing,
    value_of,
)
from services.profiles.core.masking import HIDDEN, masked
from services.profiles.ports import Stated
from services.runtime.errors import InvalidInput, InvalidState, NotFound

NUMBER_CHARS_MAX = 100
NO_ISSUER = "-"
"""Stands for no issuer at all."""
CONTACTS_PER_PAGE_MAX = 200
ACCOUNTS_PER_READ = 100
MEMBERS_MAX = 100
CONTACTS = "account_contacts"
UNKNOWN_GROUP = "unknown_group"
"""Reason of a NotFound: nobody has said anything of such an account or household."""
SEVERAL_ISSUERS = "several_issuers"
"""Reason of an InvalidInput: the number alone does not say which one is meant."""


class GroupRequest(RealmRequest):
    """An account or household."""

    number: str = Field(min_length=1, max_length=NUMBER_CHARS_MAX)
    """What its issuer calls it."""
    issuer: str = Field(default="", max_length=NUMBER_CHARS_MAX)
    """Who assigned the number, `-` for nobody; empty where only one did."""
    is_masked: bool = False
    """With hints in the place of values."""


class ContactsRequest(GroupRequest):
    """A page of the contacts of an account."""

    status: MembershipStatus = MembershipStatus.CURRENT
    """Of whom."""
    limit: int = Field(default=50, ge=1, le=CONTACTS_PER_PAGE_MAX)
    """Most contacts."""
    cursor: str = ""
    """Cursor of the page before; empty for the first one."""


class AccountsRequest(RealmRequest):
    """The accounts of a realm."""

    limit: int | None = Field(default=None, ge=1)
    """Most rows; none for all."""


class ContactsPage(Answer):
    """A page of the contacts of an account, by their ids."""

    account_id: str
    """Whose they are."""
    issuer: str
    """Who assigned that number."""
    entries: list[AccountContact]
    """The contacts."""
    next_cursor: str | None
    """Cursor of the next page; null at the end."""


class _Group(NamedTuple):
    """An account with those that it stands for, or a household; and who belongs to it."""

    key: GroupKey
    replaces: list[GroupKey]
    said: Mapping[GroupKey, Mapping[str, SaidValue]]
    persons: dict[NodeId, list[Period]]
    """Times by profile, the earliest first."""
    kinds: dict[NodeId, str]


def _named(reads: Reads, asked: GroupRequest, kind: str) -> GroupKey:
    """The group that a request names. Raises NotFound and InvalidInput."""
    require_realm(reads, asked.realm)
    known = sorted(reads.groups.known(asked.realm, kind, asked.number))
    if asked.issuer:
        issuer = "" if asked.issuer == NO_ISSUER else asked.issuer
        known = [one for one in known if one.issuer == issuer]
    if not known:
        by = f" of issuer {asked.issuer!r}" if asked.issuer else ""
        raise NotFound(
            f"no {kind} {asked.number!r}{by} is known in realm {asked.realm!r}",
            reason=UNKNOWN_GROUP,
        )
    if len(known) > 1:
        issuers = ", ".join(one.issuer or NO_ISSUER for one in known)
        raise InvalidInput(
            f"issuer: several have a {kind} of this number, name one of {issuers}",
            reason=SEVERAL_ISSUERS,
        )
    return known[0]


def _group(reads: Reads, asked: GroupRequest, kind: str) -> _Group:
    key, realm = _named(reads, asked, kind), asked.realm
    if kind == HOUSEHOLD:
        return _filled(reads, realm, key, [], {})
    said = reads.groups.accounts(realm, [key], backwards=True)
    stands = standing(key, said)
    if stands != key:  # what was merged into the other one, too
        said = reads.groups.accounts(realm, [stands], backwards=True) | said
    return _filled(reads, realm, stands, merged_into(stands, said, [key]), said)


def _filled(
    reads: Reads,
    realm: str,
    key: GroupKey,
    replaces: list[GroupKey],
    said: Mapping[GroupKey, Mapping[str, SaidValue]],
) -> _Group:
    stated = reads.groups.about(realm, {key, *replaces})
    persons, kinds = _persons(reads, realm, stated)
    return _Group(key, replaces, said, persons, kinds)


def _persons(
    reads: Reads, realm: str, stated: Iterable[Stated]
) -> tuple[dict[NodeId, list[Period]], dict[NodeId, str]]:
    """The times of each profile, and its kind."""
    several = list(stated)
    held = reads.profiles.resolve(realm, list(dict.fromkeys(one.node for one in several)))
    kinds = {one.profile: str(one.kind) for one in held.values()}
    by_profile: dict[NodeId, list[Stated]] = {}
    for one in several:
        if one.node in held:  # else it was erased meanwhile
            by_profile.setdefault(held[one.node].profile, []).append(one)
    found = {
        profile: periods(one.statement for one in mine) for profile, mine in by_profile.items()
    }
    return {profile: told for profile, told in sorted(found.items()) if told}, kinds


def _now_in(told: Iterable[Period], now: datetime) -> Period | None:
    return next((one for one in told if one.holds_at(now)), None)


def _account_get(access: Access, asked: GroupRequest) -> Iterator[BusinessAccount]:
    reads, now = access.reads, datetime.now(UTC)
    group = _group(reads, asked, ACCOUNT)
    holding = [one for told in group.persons.values() if (one := _now_in(told, now))]
    values = {
        name: AccountValue(
            value=HIDDEN if asked.is_masked else one.value,
            source=one.source,
            event_id=one.event_id,
            occurred_at=one.occurred_at,
        )
        for name, one in sorted(group.said.get(group.key, {}).items())
        if one.value and name != SUCCESSOR
    }
    yield BusinessAccount(
        realm=asked.realm,
        account_id=group.key.number,
        issuer=group.key.issuer,
        name=values["name"].value if "name" in values else "",
        contacts=len(holding),
        former_contacts=len(group.persons) - len(holding),
        requested_id=asked.number,
        values=values,
        replaces=[one.number for one in group.replaces],
        roles=dict(sorted(Counter(role for one in holding for role in one.roles).items())),
        as_of=now,
    )


def _account_list(access: Access, asked: AccountsRequest) -> Iterator[ListedAccount]:
    reads, realm, now = access.reads, asked.realm, datetime.now(UTC)
    require_realm(reads, realm)
    left, after = asked.limit, ""
    while left is None or left > 0:
        numbers = reads.groups.numbers(realm, ACCOUNT, after, ACCOUNTS_PER_READ)
        if not numbers:
            return
        after = numbers[-1]
        for number in numbers:
            for key in sorted(reads.groups.known(realm, ACCOUNT, number)):
                group = _group(reads, GroupRequest(realm=realm, **_of(key)), ACCOUNT)
                if group.key != key:  # listed as the one that stands for it
                    continue
                current = sum(1 for told in group.persons.values() if _now_in(told, now))
                yield ListedAccount(
                    realm=realm,
                    account_id=key.number,
                    issuer=key.issuer,
                    name=value_of(group.said, key, "name"),
                    contacts=current,
                    former_contacts=len(group.persons) - current,
                )
                left = None if left is None else left - 1
                if left == 0:
                    return


def _of(key: GroupKey) -> dict[str, str]:
    return {"number": key.number, "issuer": key.issuer or NO_ISSUER}


def _contacts(access: Access, asked: ContactsRequest) -> Iterator[ContactsPage]:
    reads, realm, now = access.reads, asked.realm, datetime.now(UTC)
    group = _group(reads, asked, ACCOUNT)
    question = [*group.key[1:], asked.status]
    after = 0
    if asked.cursor:
        place, *before = unseal(reads.secret(), CONTACTS, realm, asked.cursor)
        if before != question:
            raise InvalidInput("cursor: it belongs to another list")
        after = UUID(place).int
    wanted = [
        profile
        for profile, told in group.persons.items()
        if profile > after and _is_wanted(told, asked.status, now)
    ]
    page = wanted[: asked.limit]
    shown = _profiles(reads, realm, page, is_masked=asked.is_masked)
    following = None
    if len(wanted) > asked.limit:
        place = str(as_uuid(page[-1]))
        following = seal(reads.secret(), CONTACTS, realm, [place, *question])
    yield ContactsPage(
        account_id=group.key.number,
        issuer=group.key.issuer,
        entries=[
            _contact(group, profile, shown.get(profile), now, asked.is_masked) for profile in page
        ],
        next_cursor=following,
    )


def _is_wanted(told: list[Period], status: MembershipStatus, now: datetime) -> bool:
    if status is MembershipStatus.ALL:
        return True
    return (_now_in(told, now) is not None) == (status is MembershipStatus.CURRENT)


def _profiles(
    reads: Reads, realm: str, ids: list[NodeId], *, is_masked: bool
) -> dict[NodeId, Profile]:
    found = reads.profiles.profiles(realm, ids)
    return {one.profile_id.int: masked(one) if is_masked else one for one in found}


def _contact(
    group: _Group, profile: NodeId, known: Profile | None, now: datetime, is_masked: bool
) -> AccountContact:
    told = group.persons[profile]
    holding = _now_in(told, now)
    return AccountContact(
        profile_id=as_uuid(profile),
        kind=group.kinds[profile],
        name=name_of(known) if known else "",
        current=holding is not None,
        roles=list(holding.roles) if holding else [],
        periods=[
            AccountPeriod(
                roles=list(one.roles),
                job_title=_hint(one.title, is_masked),
                **evidence(one, now),
            )
            for one in reversed(told)
        ],
    )


def _hint(value: str, is_masked: bool) -> str:
    return HIDDEN if value and is_masked else value


def _household_get(access: Access, asked: GroupRequest) -> Iterator[HouseholdView]:
    reads, realm, now = access.reads, asked.realm, datetime.now(UTC)
    group = _group(reads, asked, HOUSEHOLD)
    if len(group.persons) > MEMBERS_MAX:
        raise InvalidState(
            f"household {asked.number!r} has more than {MEMBERS_MAX} members: probably its number "
            "stands for no household"
        )
    shown = _profiles(reads, realm, list(group.persons), is_masked=asked.is_masked)
    members = [
        _member(profile, told, shown[profile], now, asked.is_masked)
        for profile, told in group.persons.items()
        if profile in shown
    ]
    counted = [
        shown[one.profile_id.int]
        for one in members
        if one.current and one.kind != ProfileKind.SHARED
    ]
    yield HouseholdView(
        realm=realm,
        household_id=group.key.number,
        issuer=group.key.issuer,
        members=sorted(members, key=lambda one: not one.current),
        sums=HouseholdSums(
            persons=len(counted),
            orders=sum(one.orders for one in counted),
            returns=sum(one.returns for one in counted),
            revenue=sum((one.revenue for one in counted), Decimal(0)),
            returned=sum((one.returned for one in counted), Decimal(0)),
            currency=reads.realms[realm].currency,
        ),
        as_of=now,
    )


def _member(
    profile: NodeId, told: list[Period], known: Profile, now: datetime, is_masked: bool
) -> HouseholdMember:
    holding = _now_in(told, now)
    return HouseholdMember(
        profile_id=as_uuid(profile),
        kind=known.kind,
        name=name_of(known),
        current=holding is not None,
        relation=_hint(", ".join(holding.roles), is_masked) if holding else "",
        orders=known.orders,
        revenue=known.revenue,
        currency=known.currency,
        periods=[
            HouseholdPeriod(relation=_hint(", ".join(one.roles), is_masked), **evidence(one, now))
            for one in reversed(told)
        ],
    )


ACCOUNT_GET = Operation(
    "account_get", Scope.PROFILES_READ, GroupRequest, BusinessAccount, _account_get
)
"""One account: master data, and how many contacts it has in which roles."""
ACCOUNT_LIST = Operation(
    "account_list", Scope.PROFILES_PII, AccountsRequest, ListedAccount, _account_list
)
"""Every account that is not merged into another one, by number."""
ACCOUNT_CONTACTS = Operation(
    CONTACTS, Scope.PROFILES_READ, ContactsRequest, ContactsPage, _contacts
)
"""A page of the contacts of an account."""
HOUSEHOLD_GET = Operation(
    "household_get", Scope.PROFILES_READ, GroupRequest, HouseholdView, _household_get
)
"""A household with its members beside each other."""
OPERATIONS = (ACCOUNT_GET, ACCOUNT_LIST, ACCOUNT_CONTACTS, HOUSEHOLD_GET)

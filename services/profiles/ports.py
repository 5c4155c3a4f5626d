"""The queries on profiles, independent of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from schemas.api.orders import ProfileOrder
    from schemas.identifiers import NodeId
    from schemas.profile import Profile, ProfileScalars, TimelineEntry
    from services.profiles.core.consent import Consents, Permission
    from services.profiles.core.groups import GroupKey, MembershipStatement, SaidValue
    from services.profiles.core.order_conflicts import OrderConflict
    from services.profiles.core.order_history import OrderPlace
    from services.profiles.core.search import SearchHit, SearchPlace, SearchTerms
    from services.profiles.core.survivorship import Survivor
    from services.profiles.core.timeline import TimelineFilter, TimelinePlace
    from services.store.profile_map import Members


class Resolved(NamedTuple):
    """The profile that holds a node now, and its kind.

    The kind is person, anonymous or shared; `record` if an event names nobody.
    """

    profile: NodeId
    kind: str


class MappedIdentifier(NamedTuple):
    """One identifier and the profile that holds it; `shared` if it belongs to nobody."""

    type: str
    issuer: str
    value: str
    node: NodeId
    profile: NodeId
    shared: bool


class Totals(NamedTuple):
    """The figures of all customers, as they stood at `refreshed_at` (None: never computed)."""

    refreshed_at: datetime | None
    profiles: Iterator[ProfileScalars]
    size: int
    """How many profiles there are."""


class Stated(NamedTuple):
    """A statement, whom it is about (the anchor of its event), and in which group."""

    node: NodeId
    key: GroupKey
    statement: MembershipStatement


class GroupSource(Protocol):
    """Reads what events say of accounts and households. Raises as ProfileSource does.

    Of events up to `until`; those of test journeys are left out.
    """

    def of_nodes(
        self, realm: str, nodes: Collection[NodeId], until: datetime = ...
    ) -> list[Stated]:
        """What is said of the persons with these anchors."""
        ...

    def about(self, realm: str, keys: Collection[GroupKey], until: datetime = ...) -> list[Stated]:
        """Who is said to belong to these groups, as they are named. Raises InvalidState if there
        are too many statements to read at once."""
        ...

    def accounts(
        self,
        realm: str,
        keys: Collection[GroupKey],
        until: datetime = ...,
        *,
        backwards: bool = ...,
    ) -> dict[GroupKey, dict[str, SaidValue]]:
        """What is said of these accounts and of those into which they were merged; `backwards` also
        of those that were merged into them. Raises InvalidState as `about`."""
        ...

    def known(self, realm: str, kind: str, number: str) -> set[GroupKey]:
        """The groups of a kind with this number, one for each issuer."""
        ...

    def numbers(self, realm: str, kind: str, after: str, limit: int) -> list[str]:
        """At most `limit` numbers of groups of a kind, in their order after one."""
        ...


class OrderConflictSource(Protocol):
    """Finds orders whose reports contradict each other."""

    def conflicts(self, realm: str) -> Iterator[OrderConflict]:
        """Those of a configured realm, by issuer and number. Raises Retry or Fatal."""
        ...


class AddressStanding(NamedTuple):
    """The profile of an address, and its permission; None where several people use it, so that
    nobody can have agreed for all of them."""

    profile: NodeId
    permission: Permission | None


class PermissionSource(Protocol):
    """Reads contact permissions. Raises as ProfileSource does."""

    def of_addresses(
        self, realm: str, addresses: Collection[NodeId], channel: str, purpose: str
    ) -> Iterator[tuple[NodeId, AddressStanding]]:
        """Each address that somebody is known by, with its standing; the others are missing."""
        ...

    def of_profile(self, realm: str, profile_id: NodeId) -> Consents:
        """Everything that one person said."""
        ...

    def values(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, tuple[str, str]]:
        """Type and value of addresses, as far as they are known."""
        ...


class TimelineSource(Protocol):
    """Reads the touchpoints of a profile page by page. Raises as ProfileSource does."""

    def page(
        self,
        realm: str,
        profile_id: NodeId,
        limit: int,
        after: TimelinePlace | None = ...,
        wanted: TimelineFilter = ...,
    ) -> tuple[list[TimelineEntry], TimelinePlace | None]:
        """At most `limit` touchpoints after a place, newest first, and the place of the next page
        (None: the end). What was there all along is on exactly one page, whatever changes."""
        ...


class OrderHistorySource(Protocol):
    """Reads the orders of a customer page by page. Raises as ProfileSource does."""

    def page(
        self, realm: str, profile_id: NodeId, limit: int, after: OrderPlace | None = ...
    ) -> tuple[list[ProfileOrder], OrderPlace | None]:
        """At most `limit` orders after a place, the latest first, and the place of the next page
        (None: the end). An order moves only if another report of it comes to count."""
        ...


class SearchSource(Protocol):
    """Finds customers by what is known of them, page by page. Raises as ProfileSource does."""

    def rarest(self, realm: str, attributes: Mapping[str, frozenset[str]]) -> str:
        """The attribute that the fewest have with one of its values."""
        ...

    def page(
        self, realm: str, terms: SearchTerms, limit: int, after: SearchPlace | None = ...
    ) -> tuple[list[SearchHit], SearchPlace | None]:
        """At most `limit` customers after a place, exact matches first, and the place of the next
        page (None: the end), which may exist although this one is short. Customers that stay as
        they are, are on exactly one page. Costs a look through all values of the realm."""
        ...


class ProfileSource(Protocol):
    """Reads profiles. Nothing is changed; the facts of one profile are exact when read.

    All methods block. They raise Retry for a transient fault, Fatal when retrying cannot help, and
    NotFound for a realm that is not configured.
    """

    def resolve(self, realm: str, nodes: Sequence[NodeId]) -> dict[NodeId, Resolved]:
        """The profile of each node, which may be any current or former profile id.

        Unknown nodes are missing from the answer.
        """
        ...

    def profile(self, realm: str, handle: NodeId, as_of: datetime | None = ...) -> Profile:
        """The profile that holds `handle`. Raises NotFound when it is unknown."""
        ...

    def profiles(
        self, realm: str, profile_ids: Sequence[NodeId], as_of: datetime | None = ...
    ) -> list[Profile]:
        """Profiles by id, in bulk and in the order asked for.

        The ids are current ones (see `resolve`); an id that is not a profile now is skipped. With
        `as_of` only facts that occurred up to then count, under the map of today.
        """
        ...

    def holding(
        self, realm: str, nodes: Sequence[NodeId], as_of: datetime | None = ...
    ) -> dict[NodeId, Profile]:
        """The profile that holds each node; unknown nodes are missing. Of one moment, even while
        profiles are merged."""
        ...

    def grouped(
        self,
        realm: str,
        members: Members,
        profile_ids: Sequence[NodeId],
        as_of: datetime | None = ...,
    ) -> list[Profile]:
        """The same of nodes that are grouped otherwise than the map does."""
        ...

    def erased(self, realm: str, nodes: Sequence[NodeId]) -> set[NodeId]:
        """Those of the nodes that were erased on request, and of which nothing came since."""
        ...

    def erased_after(self, realm: str, nodes: Sequence[NodeId], at: datetime) -> set[NodeId]:
        """Those of the nodes that were erased at this time or later, whatever came since."""
        ...

    def invented(self, realm: str, customers: Iterable[ProfileScalars]) -> set[UUID]:
        """Those of the customers whom only synthetic events know."""
        ...

    def attributes(
        self, realm: str, profile_ids: Sequence[NodeId], names: Collection[str]
    ) -> dict[NodeId, dict[str, Survivor]]:
        """The surviving values of some attributes of profiles; those without any are missing."""
        ...

    def totals(self, realm: str, *, refresh: bool = True) -> Totals:
        """The figures of every customer. With `refresh` they are recomputed first."""
        ...

    def recompute_totals(self, within_s: float) -> float:
        """Recompute the figures of all realms; how long that took, in seconds.

        Raises Retry if they are not complete within `within_s`: the store goes on meanwhile. Raises
        Fatal if it cannot compute them, or was told not to.
        """
        ...

    def identifiers(self, realm: str) -> Iterator[MappedIdentifier]:
        """Every identifier of the realm with its profile, in no particular order."""
        ...

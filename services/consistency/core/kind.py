"""The interface of a kind of incident: everything the rest of the service needs from it.

A kind is one module in services/consistency/kinds/. The writer, life cycle, ticks, scenario files,
alerts, storage and the command line know kinds through this interface only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Union, cast

from pydantic import Field, TypeAdapter, create_model

from schemas.claim import Book, Claim
from schemas.identifiers import NodeId
from schemas.incident import AnyIncident, Details, Incident
from schemas.rules.consistency import KindRules
from schemas.subject import SUBJECT_MODELS, Subject, SubjectType
from schemas.touchpoint import Touchpoint
from services.profiles.core.consent import ConsentRecord


class Heard(NamedTuple):
    """An event as input of the kinds."""

    event: Touchpoint
    occurred_at: datetime
    version: int
    """Version of the event's body."""
    anchor: NodeId
    """The event's anchor, whose history it belongs to."""
    region: str
    """ISO region of the realm: the market of an offer without one."""
    currency: str
    """Currency of the realm."""
    proven: tuple[NodeId, ...] = ()
    """Other identifiers that the event proves to be of the anchor's holder."""
    address: NodeId | None = None
    """Where a message was sent; None if the event does not say."""
    consents: tuple[ConsentRecord, ...] = ()
    """What the event says about contact permission, as it counts under the profile rules."""
    time_zone: str = "Europe/Berlin"
    """IANA time zone of the realm."""
    tills_close: bool = True
    """Whether the tills of the realm send closings."""
    is_personal: bool = True
    """Whether it is known whose event it is: its anchor is a personal identifier that is verified
    or that somebody issued (a typed address may be anybody's, a device several persons')."""
    cards: tuple[NodeId, ...] = ()
    """The loyalty cards that it names."""

    def customer_book(self, kind: str) -> Book:
        """The book of a customer-level claim. Its key is the anchor, which never changes; the
        claim is judged with those of all anchors of the profile that holds it at that time."""
        return Book(self.event.realm, kind, Subject.customer(self.anchor))


class Observation(NamedTuple):
    """A displayed or charged claim with its person, for counting exposure."""

    claim: Claim
    location: str
    """A store id, `zone:NAME`, or empty: the label of the place, as incidents show it."""
    quantity: Decimal
    """Quantity sold; zero if nothing was sold."""
    node: NodeId
    """Anchor of the event."""
    order_id: str
    order_issuer: str = ""
    """Who assigned the order number; number 0001 of two tills is two receipts."""


class Met(NamedTuple):
    """An observation that met the deviation of an incident."""

    seen: Observation
    value: str
    """The price or the state that was shown or charged."""
    cost: Decimal | None = None
    """What was paid above the expected price, negative below it; None if nothing was paid."""


class JudgedBook(Protocol):
    """The claims of one subject, and the incidents that follow from them.

    The incidents are a pure function of the set of claims, the latest tick and the rules: arrival
    order, repetition and batching change nothing. Not safe for concurrent use.
    """

    def add(self, claims: Iterable[Claim]) -> list[Claim]:
        """Add claims, in any order and any number of times; returns those that were new.

        A claim of a higher version replaces all claims that lower versions of its event made.
        """
        ...

    def advance(self, now: datetime) -> None:
        """Advance event time to `now`; an earlier time than the latest has no effect."""
        ...

    def incidents(self) -> dict[str, AnyIncident]:
        """All incidents by id, past ones included. Empty before the first tick."""
        ...

    @property
    def next_due(self) -> datetime | None:
        """The next time at which a tick may have an effect; None if none ever will."""
        ...


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of incident."""

    name: str
    """Name in incidents, rules, tables and metrics."""
    title: str
    """Name for people."""
    subject: SubjectType
    """Type of the subject of its incidents."""
    causes: tuple[str, ...]
    """Every cause it can report."""
    rules: type[KindRules]
    """Its rules, each with a default."""
    details: type[Details]
    """Model of the details of its incidents."""
    claims: Callable[[Heard], Iterable[tuple[Claim, Decimal]]]
    """The claims of an event, none for most events, each with the quantity sold (zero if none).
    Test journeys and events sent with a public key are skipped."""
    judge: Callable[[Book, Any], JudgedBook]
    """An empty book under the rules; pure, and the only place where this kind decides."""
    met: Callable[[Any, Iterable[Observation], Any], list[Met]]
    """Those of (incident, observations of its subject, rules) that met its deviation while it
    lasted: from when it began until before it ended."""
    sold: Callable[[Any], tuple[str, Decimal] | None] | None = None
    """The article that a claim says was sold, and its price; None for a claim of something else. A
    cancelled order takes such claims back. None: it takes back nothing that this kind heard."""
    hears: tuple[type, ...] | None = None
    """The types of bodies of which `claims` may make any; None is asked about every event."""
    judged_with: str = ""
    """The kind whose books its incidents follow from, under that kind's rules, if it makes no
    claims of its own: what two kinds may tell of is judged once, so it is told once."""
    retell: Callable[[Any], dict[str, AnyIncident]] | None = None
    """Its incidents by id, from a judged book of that kind."""

    @cached_property
    def incident(self) -> type[AnyIncident]:
        """The incident model of this kind."""
        name = "".join(part.capitalize() for part in self.name.split("_"))
        base: Any = Incident.__class_getitem__(self.details)
        subject: Any = SUBJECT_MODELS[self.subject]
        literal: Any = Literal[self.name]
        model = create_model(
            name,
            __base__=base,
            __doc__=self.title,
            kind=(literal, self.name),
            subject=(subject, ...),
        )
        return cast(type[AnyIncident], model)


class _RetoldBook:
    """Implements `JudgedBook`: a book of one kind, with the incidents that others tell of it."""

    def __init__(
        self, book: JudgedBook, retellings: Sequence[Callable[[Any], dict[str, AnyIncident]]]
    ) -> None:
        self._book = book
        self._retellings = retellings
        self.add, self.advance = book.add, book.advance

    def incidents(self) -> dict[str, AnyIncident]:
        """See the protocol."""
        found = dict(self._book.incidents())
        for retell in self._retellings:
            found |= retell(self._book)
        return found

    @property
    def next_due(self) -> datetime | None:
        """See the protocol."""
        return self._book.next_due


class Kinds(Mapping[str, Kind]):
    """A set of kinds by name, in the order of their names."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._by_name = {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.name)}
        self._hearing: dict[type, tuple[Kind, ...]] = {}
        self.about_customers = tuple(
            name for name, kind in self._by_name.items() if kind.subject is SubjectType.CUSTOMER
        )
        """Names of the customer-level kinds: they follow the profile map."""

    def __getitem__(self, name: str) -> Kind:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def base(self, name: str) -> str:
        """The kind whose books the incidents of this kind follow from; most often itself."""
        kind = self._by_name.get(name)
        return kind.judged_with or name if kind else name

    def hearing(self, body: type) -> tuple[Kind, ...]:
        """The kinds that may make claims of an event with a body of this type."""
        if body not in self._hearing:
            self._hearing[body] = tuple(
                kind for kind in self.values() if kind.hears is None or issubclass(body, kind.hears)
            )
        return self._hearing[body]

    def told_in(self, name: str) -> list[str]:
        """The kinds whose incidents follow from the books of this one, its own first."""
        return [name, *(one for one, kind in self._by_name.items() if kind.judged_with == name)]

    def book_of(self, incident: AnyIncident) -> Book:
        """The book that an incident follows from."""
        return Book(incident.realm, self.base(incident.kind), incident.about)

    def judge(self, book: Book, rules: Mapping[str, KindRules]) -> JudgedBook:
        """An empty book under the rules of its kind, for all kinds that are told in it."""
        kind = self._by_name[book.kind]
        judged = kind.judge(book, rules[book.kind])
        told = (self._by_name[name].retell for name in self.told_in(book.kind))
        retellings = [retell for retell in told if retell is not None]
        return _RetoldBook(judged, retellings) if retellings else judged

    def customer_books(self, realm: str, profiles: Iterable[NodeId]) -> list[Book]:
        """The books of these profiles, one for each customer-level kind."""
        subjects = [Subject.customer(node) for node in profiles]
        return [Book(realm, kind, one) for one in subjects for kind in self.about_customers]

    @cached_property
    def incident_adapter(self) -> TypeAdapter[AnyIncident]:
        """An incident of any of these kinds, from and to its JSON form."""
        model: Any = Union[tuple(kind.incident for kind in self.values())]  # noqa: UP007
        if len(self) > 1:
            model = Annotated[model, Field(discriminator="kind")]
        return TypeAdapter(model)

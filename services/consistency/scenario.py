"""Scenario files: offers, events and ticks at times, and the incidents expected to follow.

A scenario is TOML. `[rules]` overrides rules; `[[offer]]` is a statement of a channel at a time;
`[[event]]` is any touchpoint; `[[tick]]` advances event time; `[[expect]]` lists the incidents at a
time. A file without ticks ticks at every expectation. Every kind receives every entry.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.base import Code, Instant, OptionalCode
from schemas.claim import Book
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.offer import Offer
from schemas.subject import SubjectType
from schemas.touchpoint import DEFAULT_REALM, EVENT_MODELS, Source, Touchpoint, TouchpointAdapter
from services.consistency.core.kind import JudgedBook
from services.consistency.kinds import KINDS
from services.consistency.rules import ConsistencyRules, consistency_rules
from services.consistency.scenario_events import (
    HeardEvent,
    claims_that_count,
    customer_claims,
    heard_events,
)
from services.consistency.views import views

ENTRIES_MAX = 100_000
ACTIVE = frozenset({IncidentState.UPCOMING, IncidentState.PENDING, IncidentState.OPEN})
IDENTIFYING = ("market", "sku", "handle", "id", "channel", "location", "kind")
SHOWN_FIRST = (
    "kind", "market", "sku", "channel", "location", "state", "severity", "cause", "expected",
    "observed", "currency", "since",
)  # fmt: skip
YEARS = range(1900, 2200)


def _storable(instant: datetime) -> datetime:
    if instant.year not in YEARS:
        raise ValueError(f"must be within the years {YEARS.start} to {YEARS.stop - 1}")
    return instant


Moment = Annotated[Instant, AfterValidator(_storable)]
"""A time that a store can hold, in every zone."""


class InvalidScenario(ValueError):
    """The scenario file cannot be read; the message names the entry and the field."""


class ScenarioOffer(Offer):
    """One statement of one channel. `id` is the event id that evidence names."""

    model_config = ConfigDict(extra="forbid")

    at: Moment
    channel: Code
    id: OptionalCode = ""

    @model_validator(mode="after")
    def _says_something(self) -> ScenarioOffer:
        has_gtin = bool(self.sku and self.gtin)
        if not (has_gtin or self.title or self.pack_content is not None) and (
            self.price is None and self.availability is None
        ):
            raise ValueError("an offer needs a price, an availability, a title, a pack or a gtin")
        return self


class ScenarioTick(BaseModel):
    """The time all channels have reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment


class ExpectedIncident(BaseModel):
    """One expected incident. Only the given fields are compared.

    Besides those of the envelope these are the fields of the subject and the details of a kind, for
    example `sku` and `expected`.
    """

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    kind: str | None = None
    channel: str | None = None
    location: str | None = None
    state: IncidentState | None = None
    severity: Severity | None = None
    cause: str | None = None
    since: Moment | None = None
    due_at: Moment | None = None
    until: Moment | None = None
    opened_at: Moment | None = None
    resolved_at: Moment | None = None
    evidence: list[list[str]] | None = None

    @model_validator(mode="after")
    def _says_something_known(self) -> ExpectedIncident:
        if not self.given:
            raise ValueError("an expected incident needs at least one field")
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}: there are {', '.join(KINDS)}")
        kinds = [self.kind] if self.kind else list(KINDS)
        known = {name for kind in kinds for name in views()[kind].model_fields}
        for name in self.model_extra or {}:
            if name not in known:
                raise ValueError(f"{name}: no incident has this field")
        if self.cause is not None and not any(self.cause in KINDS[kind].causes for kind in kinds):
            causes = ", ".join(cause for kind in kinds for cause in KINDS[kind].causes)
            raise ValueError(f"cause {self.cause!r}: there are {causes}")
        return self

    @property
    def given(self) -> list[str]:
        """The names of the fields that are compared, in the order in which incidents show them."""
        names = dict.fromkeys(
            name for view in views().values() for name in (*SHOWN_FIRST, *view.model_fields)
        )
        extra = self.model_extra or {}
        return [name for name in names if name in self.model_fields_set or name in extra]


class Expectation(BaseModel):
    """All incidents that are upcoming, pending or open at a time; resolved ones if listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment
    incidents: Annotated[list[ExpectedIncident], Field(max_length=ENTRIES_MAX)]
    faults: Annotated[int, Field(ge=0)] | None = None
    """How many faults these incidents are of; none: as many as there are."""


class Scenario(BaseModel):
    """A whole scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    rules: dict[str, Any] = {}
    offer: Annotated[list[ScenarioOffer], Field(max_length=ENTRIES_MAX)] = []
    event: Annotated[list[dict[str, Any]], Field(max_length=ENTRIES_MAX)] = []
    tick: Annotated[list[ScenarioTick], Field(max_length=ENTRIES_MAX)] = []
    expect: Annotated[list[Expectation], Field(min_length=1, max_length=ENTRIES_MAX)]

    @model_validator(mode="after")
    def _says_something(self) -> Scenario:
        if not (self.offer or self.event):
            raise ValueError("a scenario needs at least one offer or event")
        return self


class ScenarioReport(NamedTuple):
    """The outcome: the differences as text, and the number of expectations checked."""

    differences: list[str]
    expectations: int

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences


def check_scenario(text: str) -> ScenarioReport:
    """Run one scenario file and compare.

    Raises:
        InvalidScenario: not TOML, or an entry that breaks the contract.
    """
    scenario = read_scenario(text)
    rules = overridden(consistency_rules(), scenario.rules)
    ticks = sorted(tick.at for tick in scenario.tick)
    differences: list[str] = []
    run = _Run(_heard(scenario), rules)
    for expectation in sorted(scenario.expect, key=lambda entry: entry.at):
        passed = [tick for tick in ticks if tick <= expectation.at]
        now = passed[-1] if passed else None
        found = run.incidents(expectation.at, now if ticks else expectation.at)
        differences += compare(expectation, found)
    return ScenarioReport(differences, len(scenario.expect))


def read_scenario(text: str) -> Scenario:
    """Parse and validate a scenario file. Raises `InvalidScenario`."""
    try:
        return Scenario.model_validate(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise InvalidScenario(f"not TOML: {error}") from error
    except ValidationError as error:
        raise InvalidScenario("; ".join(_problems(error))) from error


def overridden(rules: ConsistencyRules, overrides: Mapping[str, Any]) -> ConsistencyRules:
    """The rules with some values replaced; tables are merged row by row.

    Raises:
        InvalidScenario: an override the rules do not know or do not allow.
    """
    try:
        return rules.overridden(overrides)
    except ValueError as error:
        raise InvalidScenario(f"rules.{error}") from error


def _events(scenario: Scenario) -> list[Touchpoint]:
    """Offers and events as touchpoints. Raises InvalidScenario."""
    events = [_published(offer, number) for number, offer in enumerate(scenario.offer, 1)]
    for number, values in enumerate(scenario.event, 1):
        try:
            events.append(TouchpointAdapter.validate_python({"identifiers": [], **values}))
        except ValidationError as error:
            raise InvalidScenario("; ".join(_problems(error, "event", number - 1))) from error
    return events


def _heard(scenario: Scenario) -> list[HeardEvent]:
    """Offers and events as the kinds hear them. Raises InvalidScenario."""
    try:
        return heard_events(_events(scenario))
    except ValueError as error:
        raise InvalidScenario(str(error)) from error


def _published(offer: ScenarioOffer, number: int) -> Touchpoint:
    return EVENT_MODELS["offer.published"].model_construct(
        event_id=offer.id or f"offer-{number}",
        occurred_at=offer.at,
        channel=offer.channel,
        type="offer.published",
        revision=0,
        realm=DEFAULT_REALM,
        source=Source(),
        body=offer,
    )


class _Run:
    """The books of a scenario, fed in the order of time; those of customers follow the map."""

    def __init__(self, events: Sequence[HeardEvent], rules: ConsistencyRules) -> None:
        """`events` in the order of time."""
        self._events = events
        self._rules = rules
        self._known: list[HeardEvent] = []
        """What happened so far, with the claims that count."""
        self._books: dict[Book, JudgedBook] = {}

    def incidents(self, at: datetime, now: datetime | None) -> list[AnyIncident]:
        """The incidents at `at`, when the latest tick was `now`."""
        self._feed([event for event in self._events if event.occurred_at <= at])
        books = list(self._books.values())
        for name, claims in customer_claims(self._known).items():
            books.append(self._judged(name))
            books[-1].add(claims)
        found: list[AnyIncident] = []
        for book in books:
            if now is not None:
                book.advance(now)
            found += book.incidents().values()
        return sorted(found, key=lambda incident: (incident.since, incident.incident_id))

    def _feed(self, events: Sequence[HeardEvent]) -> None:
        """Add the claims of what happened since; begin anew if that takes some of them back."""
        before = len(self._known)
        claims = claims_that_count(events)
        known = [one._replace(claims=mine) for one, mine in zip(events, claims, strict=True)]
        if known[:before] != self._known:
            before, self._books = 0, {}
        self._known = known
        for event in known[before:]:
            for claim in event.claims:
                if claim.book.subject.type is not SubjectType.CUSTOMER:
                    self._book(claim.book).add([claim])

    def _book(self, name: Book) -> JudgedBook:
        if name not in self._books:
            self._books[name] = self._judged(name)
        return self._books[name]

    def _judged(self, name: Book) -> JudgedBook:
        return KINDS.judge(name, self._rules.of_realm(name.realm).by_kind)


def compare(expectation: Expectation, found: Iterable[AnyIncident]) -> list[str]:
    """The differences between an expectation and the incidents found, as text."""
    at = _written(expectation.at)
    whole = list(found)
    rest = whole[:]
    unmet: list[ExpectedIncident] = []
    for wanted in sorted(expectation.incidents, key=lambda w: -len(w.given)):
        match = _first_without_difference(wanted, rest)
        if match is None:
            unmet.append(wanted)
        else:
            rest.remove(match)
    meant = [one for one in whole if one.state in ACTIVE or one not in rest]
    differences = _fault_differences(expectation, meant, at)
    for wanted in unmet:
        nearest = _nearest(wanted, rest)
        if nearest is None:
            differences.append(f"{at}: expected {_wanted_words(wanted)}, came none like it")
        else:
            rest.remove(nearest)
            unlike = ", ".join(_differences(wanted, nearest))
            differences.append(f"{at}: {_incident_words(nearest)}: {unlike}")
    unexpected = [incident for incident in rest if incident.state in ACTIVE]
    return differences + [f"{at}: not expected: {_incident_words(one)}" for one in unexpected]


def _fault_differences(
    expectation: Expectation, found: Sequence[AnyIncident], at: str
) -> list[str]:
    """Whether these incidents are of as many faults as expected."""
    number = len({one.fault_id for one in found})
    if expectation.faults in (None, number):
        return []
    return [f"{at}: faults: expected {expectation.faults}, came {number}"]


def _first_without_difference(
    wanted: ExpectedIncident, rest: list[AnyIncident]
) -> AnyIncident | None:
    """Active incidents come first: a resolved one is meant only if nothing active fits."""
    rest = sorted(rest, key=lambda incident: incident.state not in ACTIVE)
    return next((one for one in rest if not _differences(wanted, one)), None)


def _nearest(wanted: ExpectedIncident, rest: list[AnyIncident]) -> AnyIncident | None:
    """The incident of the same product, channel and place with the fewest differences."""
    alike = [one for one in rest if not _differences(wanted, one, only=IDENTIFYING)]
    return min(alike, key=lambda one: len(_differences(wanted, one)), default=None)


def _differences(
    wanted: ExpectedIncident, incident: AnyIncident, only: tuple[str, ...] | None = None
) -> list[str]:
    """The given fields in which the incident is not as wanted."""
    found = _fields(incident)
    unlike: list[str] = []
    for name in wanted.given:
        if only and name not in only:
            continue
        want, came = getattr(wanted, name), found.get(name)
        if not _is_like(want, came):
            unlike.append(f"{name}: expected {_written(want)}, came {_written(came)}")
    return unlike


def _fields(incident: AnyIncident) -> dict[str, Any]:
    """All fields of an incident, those of its subject and details included."""
    parts = (incident, incident.subject, incident.details)
    return {
        name: getattr(part, name) for part in reversed(parts) for name in type(part).model_fields
    }


def _is_like(want: object, came: object) -> bool:
    """Equal, or the same number or text in another notation."""
    if want == came or came is None:
        return want == came
    if isinstance(came, Decimal):
        try:
            return Decimal(str(want)) == came
        except ArithmeticError:
            return False
    return isinstance(came, str) and str(want) == came


def _wanted_words(wanted: ExpectedIncident) -> str:
    words = (f"{name} {_written(getattr(wanted, name))}" for name in wanted.given)
    return "[" + ", ".join(words) + "]"


def _incident_words(incident: AnyIncident) -> str:
    place = f" at {incident.location}" if incident.location else ""
    return (
        f"[{incident.state} {incident.kind} of {incident.about.parts[-1]} on {incident.channel}"
        f"{place}: {incident.details.in_words()}, {incident.cause}, "
        f"since {_written(incident.since)}]"
    )


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "nothing" if value is None or value == "" else str(value)


def _problems(error: ValidationError, *prefix: str | int) -> Iterable[str]:
    """Each problem with its entry, counted from 1."""
    for problem in error.errors(include_url=False):
        path = ".".join(
            f"#{part + 1}" if isinstance(part, int) else part for part in (*prefix, *problem["loc"])
        )
        yield f"{path}: {problem['msg']}"

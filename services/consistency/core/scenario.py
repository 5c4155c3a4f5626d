"""Scenario files: offers and ticks at times, and the incidents expected to follow.

A scenario is TOML. `[rules]` overrides rules; `[[offer]]` is a statement of a channel at a time;
`[[tick]]` moves the time on; `[[expect]]` lists the incidents of a time. A file without ticks
ticks at every expectation.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.base import Code, Instant
from schemas.claim import Book, Claim
from schemas.incident import Incident, IncidentKind, IncidentState, MismatchCause, Severity
from schemas.offer import Basis, Offer
from schemas.rules.consistency import ConsistencyRules, consistency_rules
from schemas.touchpoint import DEFAULT_REALM
from services.consistency.core.book import PriceBook

ENTRIES_MAX = 100_000
DEFAULT_MARKET = "DE"
DEFAULT_CURRENCY = "EUR"
ACTIVE = frozenset({IncidentState.UPCOMING, IncidentState.PENDING, IncidentState.OPEN})
IDENTIFYING = ("market", "sku", "channel", "location", "kind")


class InvalidScenario(ValueError):
    """The scenario file cannot be read; the message names the entry and the field."""


class ScenarioOffer(Offer):
    """One statement of one channel. `id` is the event id that evidence names."""

    model_config = ConfigDict(extra="forbid")

    at: Instant
    channel: Code
    id: str = ""
    price: Annotated[Decimal, Field(max_digits=18, decimal_places=4, ge=0)]


class ScenarioTick(BaseModel):
    """The time all channels have reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Instant


class ExpectedIncident(BaseModel):
    """One incident that must be there. Only the fields that are given are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    kind: IncidentKind | None = None
    market: str | None = None
    sku: str | None = None
    channel: str | None = None
    location: str | None = None
    state: IncidentState | None = None
    severity: Severity | None = None
    cause: MismatchCause | None = None
    expected: Decimal | None = None
    observed: Decimal | None = None
    currency: str | None = None
    since: Instant | None = None
    due_at: Instant | None = None
    until: Instant | None = None
    opened_at: Instant | None = None
    resolved_at: Instant | None = None
    evidence: list[list[str]] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ExpectedIncident:
        if not self.model_fields_set:
            raise ValueError("an expected incident needs at least one field")
        return self


class Expectation(BaseModel):
    """All incidents that are upcoming, pending or open at a time; resolved ones if listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Instant
    incidents: Annotated[list[ExpectedIncident], Field(max_length=ENTRIES_MAX)]


class Scenario(BaseModel):
    """A whole scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    rules: dict[str, Any] = {}
    offer: Annotated[list[ScenarioOffer], Field(min_length=1, max_length=ENTRIES_MAX)]
    tick: Annotated[list[ScenarioTick], Field(max_length=ENTRIES_MAX)] = []
    expect: Annotated[list[Expectation], Field(min_length=1, max_length=ENTRIES_MAX)]


class ScenarioReport(NamedTuple):
    """The outcome: what differed, in readable words, and how many expectations were checked."""

    differences: list[str]
    expectations: int

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.differences


def check_scenario(text: str) -> ScenarioReport:
    """Run one scenario file and compare.

    Raises:
        InvalidScenario: no TOML, or an entry that breaks the contract.
    """
    scenario = read_scenario(text)
    rules = overridden(consistency_rules(), scenario.rules)
    ticks = sorted(tick.at for tick in scenario.tick)
    claims = [claim_of(offer, number) for number, offer in enumerate(scenario.offer, 1)]
    claims.sort(key=lambda claim: claim.occurred_at)
    differences: list[str] = []
    run = _Run(claims, rules)
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
    values = rules.model_dump()
    for name, value in overrides.items():
        known = values.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            value = {**known, **value}
        values[name] = value
    try:
        return ConsistencyRules.model_validate(values)
    except ValidationError as error:
        raise InvalidScenario("; ".join(_problems(error, "rules"))) from error


def claim_of(offer: ScenarioOffer, number: int) -> Claim:
    """The claim that the offer with this number (from 1) makes."""
    return Claim(
        book=Book(DEFAULT_REALM, offer.market or DEFAULT_MARKET, offer.sku or offer.gtin),
        occurred_at=offer.at.astimezone(UTC),
        event_id=offer.id or f"offer-{number}",
        ordinal=0,
        version=0,
        channel=offer.channel,
        location=offer.location,
        zone=offer.zone,
        basis=offer.basis or Basis.PUBLISHED,
        price=offer.price,
        currency=offer.currency or DEFAULT_CURRENCY,
        tax_mode=offer.tax_mode,
        unit=offer.unit,
        pack_content=offer.pack_content,
        pack_unit=offer.pack_unit,
        variant=offer.variant,
        condition=offer.condition,
        seller=offer.seller,
        customer_group=offer.customer_group,
        sale_kind=offer.sale_kind,
        promotion=offer.promotion,
        price_list_id=offer.price_list_id,
        valid_from=offer.valid_from,
        valid_to=offer.valid_to,
    )


class _Run:
    """The books of a scenario, fed in the order of time."""

    def __init__(self, claims: list[Claim], rules: ConsistencyRules) -> None:
        self._claims = claims
        self._fed = 0
        self._books = {claim.book: PriceBook(claim.book, rules) for claim in claims}

    def incidents(self, at: datetime, now: datetime | None) -> list[Incident]:
        """The incidents at `at`, when the latest tick was `now`."""
        while self._fed < len(self._claims) and self._claims[self._fed].occurred_at <= at:
            claim = self._claims[self._fed]
            self._books[claim.book].add([claim])
            self._fed += 1
        found: list[Incident] = []
        for book in self._books.values():
            if now is not None:
                book.advance(now)
            found += book.incidents().values()
        return sorted(found, key=lambda incident: (incident.since, incident.incident_id))


def compare(expectation: Expectation, found: Iterable[Incident]) -> list[str]:
    """The differences between an expectation and the incidents found, in readable words."""
    at = _written(expectation.at)
    rest = list(found)
    unmet: list[ExpectedIncident] = []
    for wanted in sorted(expectation.incidents, key=lambda w: -len(w.model_fields_set)):
        match = _first_without_difference(wanted, rest)
        if match is None:
            unmet.append(wanted)
        else:
            rest.remove(match)
    differences: list[str] = []
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


def _first_without_difference(wanted: ExpectedIncident, rest: list[Incident]) -> Incident | None:
    """Active incidents come first: a resolved one is meant only if nothing active fits."""
    rest = sorted(rest, key=lambda incident: incident.state not in ACTIVE)
    return next((one for one in rest if not _differences(wanted, one)), None)


def _nearest(wanted: ExpectedIncident, rest: list[Incident]) -> Incident | None:
    """The incident of the same product, channel and place with the fewest differences."""
    alike = [one for one in rest if not _differences(wanted, one, only=IDENTIFYING)]
    return min(alike, key=lambda one: len(_differences(wanted, one)), default=None)


def _differences(
    wanted: ExpectedIncident, incident: Incident, only: tuple[str, ...] | None = None
) -> list[str]:
    """The given fields in which the incident is not as wanted."""
    unlike: list[str] = []
    for name in ExpectedIncident.model_fields:
        if name not in wanted.model_fields_set or (only and name not in only):
            continue
        want, came = getattr(wanted, name), getattr(incident, name)
        if want != came:
            unlike.append(f"{name}: expected {_written(want)}, came {_written(came)}")
    return unlike


def _wanted_words(wanted: ExpectedIncident) -> str:
    given = [name for name in ExpectedIncident.model_fields if name in wanted.model_fields_set]
    return "[" + ", ".join(f"{name} {_written(getattr(wanted, name))}" for name in given) + "]"


def _incident_words(incident: Incident) -> str:
    place = f" at {incident.location}" if incident.location else ""
    return (
        f"[{incident.state} {incident.kind} of {incident.sku} on {incident.channel}{place}: "
        f"{incident.observed} instead of {incident.expected} {incident.currency}, "
        f"{incident.cause}, since {_written(incident.since)}]"
    )


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "nothing" if value is None or value == "" else str(value)


def _problems(error: ValidationError, *prefix: str) -> Iterable[str]:
    """Each problem with the entry it stands in, counted from 1 as a reader counts."""
    for problem in error.errors(include_url=False):
        path = ".".join(
            f"#{part + 1}" if isinstance(part, int) else part for part in (*prefix, *problem["loc"])
        )
        yield f"{path}: {problem['msg']}"

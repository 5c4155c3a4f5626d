"""What ties a customer to the retailer, and whether the customer would stay without it.

Bound (Gebundenheit) is who cannot leave without a loss: a contract runs, points or the rest of a
contract are worth something, an accessory fits what was bought here, or a survey says that there is
no other shop. Attached (Verbundenheit) is who wants to stay. Who is bound and dissatisfied leaves
when the bond ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from schemas.rules.insights import BondRules
from services.measures.core.deeds import Deed, Ground, ids_of

FEELING_DAYS = 365
"""What was said before does not prove how somebody feels today."""
DAYS_OF_A_MONTH = 365.25 / 12
DAYS_OF_A_YEAR = 365
ATTACHED_FROM, DETACHED_BELOW = 80, 50
"""Of 100, an index of loyalty or trust."""
SITUATIONS = ("market", "situational")
"""Answers to the question `bond` of any survey: there is no other shop, or none nearby."""


class BondKind(StrEnum):
    """Why a customer stays."""

    CONTRACTUAL = "contractual"
    ECONOMIC = "economic"
    TECHNICAL = "technical"
    SITUATIONAL = "situational"
    EMOTIONAL = "emotional"


class ContractStep(NamedTuple):
    """A contract began, was renewed or was ended."""

    at: datetime
    event_id: str
    contract_id: str
    is_ended: bool
    until: datetime | None
    """When it ends unless it is renewed; None for one without an end."""
    value_per_year: float | None
    """In the realm's currency."""


class BondFacts(NamedTuple):
    """What is known of a customer, in any order."""

    contracts: Sequence[ContractStep] = ()
    points: Sequence[Deed] = ()
    """Balances: the programme as `what`, the points as `weight`."""
    bought: Sequence[Deed] = ()
    """The category as `what`."""
    situations: Sequence[Deed] = ()
    """One of SITUATIONS as `what`."""
    feelings: Sequence[Deed] = ()
    """1, 0 or -1 as `weight`: by the score of recommendation, the indices of loyalty and of trust,
    recommendations and complaints."""


class Bond(NamedTuple):
    """One of the ties."""

    kind: BondKind
    ground: Ground
    months_left: int | None = None
    """Of a contract: until the last one ends; None for one without an end."""


class CustomerBonds(NamedTuple):
    """All ties of a customer."""

    bonds: Sequence[Bond]
    feeling: int | None
    """The latest of the year: 1, 0 or -1; None if nothing was said."""
    is_bound_only: bool
    """Bound, and dissatisfied."""


def bonds_of(facts: BondFacts, as_of: datetime, rules: BondRules) -> CustomerBonds:
    """Of one customer at an instant."""
    as_of = as_of.astimezone(UTC)
    felt = [
        one for one in facts.feelings
        if as_of - timedelta(days=FEELING_DAYS) <= one.at < as_of
    ]  # fmt: skip
    last = max(felt, key=lambda one: (one.at, one.event_id), default=None)
    bonds = [*_contractual(facts, as_of), *_economic(facts, as_of, rules)]
    bonds += [*_technical(facts, as_of, rules), *_situational(facts, as_of)]
    is_bound_only = bool(bonds) and last is not None and last.weight < 0
    if last is not None and last.weight > 0:
        bonds.append(Bond(BondKind.EMOTIONAL, Ground(1, "wants to stay", ids_of([last]))))
    return CustomerBonds(bonds, None if last is None else int(last.weight), is_bound_only)


def running(contracts: Sequence[ContractStep], as_of: datetime) -> list[ContractStep]:
    """The last step of each contract that runs, with the last value that any step told: one that
    was ended runs until its end, and costs as much as before."""
    last = dict[str, ContractStep]()
    for one in sorted(contracts, key=lambda step: (step.at, step.event_id)):
        if one.at < as_of:
            before = last.get(one.contract_id)
            if before is not None and one.value_per_year is None:
                one = one._replace(value_per_year=before.value_per_year)
            last[one.contract_id] = one
    return [
        one for one in last.values()
        if (one.until is None and not one.is_ended) or (one.until is not None and one.until > as_of)
    ]  # fmt: skip


def _contractual(facts: BondFacts, as_of: datetime) -> Iterator[Bond]:
    found = running(facts.contracts, as_of)
    if not found:
        return
    ends = [one.until for one in found if one.until is not None]
    is_open = len(ends) < len(found)
    months = None if is_open else months_until(max(ends), as_of)
    what = "a contract without an end" if is_open else f"a contract for {months} months"
    steps = [Deed(one.at, one.event_id) for one in found]
    yield Bond(BondKind.CONTRACTUAL, Ground(1, what, ids_of(steps)), months)


def months_until(end: datetime, as_of: datetime) -> int:
    """Whole months."""
    return int((end - as_of) / timedelta(days=DAYS_OF_A_MONTH))


def _economic(facts: BondFacts, as_of: datetime, rules: BondRules) -> Iterator[Bond]:
    """What leaving costs: points, and what is to be paid until contracts end."""
    last = dict[str, Deed]()
    for one in sorted(facts.points, key=lambda deed: (deed.at, deed.event_id)):
        if one.at < as_of:
            last[one.what] = one
    deeds, worth = list(last.values()), sum(one.weight for one in last.values())
    worth *= rules.point_value
    for step in running(facts.contracts, as_of):
        if step.until is not None and step.value_per_year is not None:
            left = (step.until - as_of) / timedelta(days=DAYS_OF_A_YEAR)
            worth += step.value_per_year * left
            deeds.append(Deed(step.at, step.event_id))
    if worth >= rules.economic_min:
        yield Bond(BondKind.ECONOMIC, Ground(1, f"{worth:.2f} are at stake", ids_of(deeds)))


def _technical(facts: BondFacts, as_of: datetime, rules: BondRules) -> Iterator[Bond]:
    """Something was bought that fits what had been bought before, or with it."""
    by_category = defaultdict[str, list[Deed]](list)
    for one in facts.bought:
        if one.at < as_of:
            by_category[one.what].append(one)
    for owned, accessories in sorted(rules.accessories.items()):
        if owned not in by_category:
            continue
        since = min(one.at for one in by_category[owned])
        fitting = [
            one for accessory in accessories for one in by_category.get(accessory, [])
            if one.at >= since
        ]  # fmt: skip
        if fitting:
            evidence = ids_of([*by_category[owned], *fitting])
            yield Bond(BondKind.TECHNICAL, Ground(1, f"accessories of {owned}", evidence))
            return


def _situational(facts: BondFacts, as_of: datetime) -> Iterator[Bond]:
    found = [
        one for one in facts.situations
        if one.what in SITUATIONS and as_of - timedelta(days=FEELING_DAYS) <= one.at < as_of
    ]  # fmt: skip
    if found:
        yield Bond(BondKind.SITUATIONAL, Ground(1, "said so in a survey", ids_of(found)))


def pairs(accessories: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """The categories that are owned and their accessories, as a statement takes them."""
    found = [(owned, one) for owned, those in sorted(accessories.items()) for one in those]
    return [owned for owned, _ in found], [one for _, one in found]

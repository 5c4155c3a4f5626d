"""Bonds: what ties one customer, who is bound only, and when the contracts of these end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.rules.insights import BondRules
from services.measures.catalogue.bonds import Bonds, BoundGroup, compute
from services.measures.core.bonds import (
    BondFacts,
    BondKind,
    ContractStep,
    CustomerBonds,
    bonds_of,
    pairs,
)
from services.measures.core.deeds import Deed
from services.measures.core.measure import shown
from tests.unit.measures.contexts import CONTEXT

NOW = datetime(2026, 4, 1, tzinfo=UTC)
RULES = BondRules(point_value=0.01, economic_min=20, accessories={"machines": ["capsules"]})


def ago(days: float) -> datetime:
    """So many days ago."""
    return NOW - timedelta(days=days)


def step(
    days: float, until: float | None = None, *, ended: bool = False, worth: float | None = None
) -> ContractStep:
    """A step of one contract, so many days ago; it ends so many days ahead."""
    end = None if until is None else ago(-until)
    return ContractStep(ago(days), f"c{days}", "C", ended, end, worth)


def found(rules: BondRules = RULES, **facts: list[Deed] | list[ContractStep]) -> CustomerBonds:
    """The ties of a customer."""
    return bonds_of(BondFacts(**facts), NOW, rules)  # type: ignore[arg-type]


def kinds(one: CustomerBonds) -> list[str]:
    """Of the bonds."""
    return [bond.kind.value for bond in one.bonds]


@pytest.mark.parametrize(
    ("steps", "months"),
    [
        ([step(9, 100)], 3), ([step(9)], None), ([step(9, 100), step(5, 400)], 13),
        ([step(9, 100), step(5, 100, ended=True)], 3),
    ],
    ids=["with an end", "without one", "renewed", "notice was given"],
)  # fmt: skip
def test_contracts_that_run(steps: list[ContractStep], months: int | None) -> None:
    """The last step of a contract decides, in any order; who gave notice is bound still."""
    for order in (steps, steps[::-1]):
        [bond] = found(contracts=order).bonds
        assert (bond.kind, bond.months_left) == (BondKind.CONTRACTUAL, months)
    assert found(contracts=steps).bonds[0].ground.event_ids == (steps[-1].event_id,)


@pytest.mark.parametrize(
    "steps",
    [[step(9, -1)], [step(9), step(5, ended=True)], [step(9, 100), step(5, -2, ended=True)],
     [step(-1, 100)]],
    ids=["over", "ended", "ended early", "not yet"],
)  # fmt: skip
def test_contracts_that_do_not_run(steps: list[ContractStep]) -> None:
    """They tie nobody."""
    assert found(contracts=steps).bonds == []


def test_what_leaving_costs() -> None:
    """The latest balance of each programme, and what is to be paid until a contract ends."""
    points = [Deed(ago(9), "p1", "a", 5_000), Deed(ago(5), "p2", "a", 1_500)]
    assert found(points=points).bonds == []
    [bond] = found(points=[*points, Deed(ago(7), "p3", "b", 500)]).bonds
    assert bond.ground.what == "20.00 are at stake"
    assert bond.ground.event_ids == ("p2", "p3")
    assert kinds(found(contracts=[step(9, 73, worth=100)])) == ["contractual", "economic"]
    assert kinds(found(contracts=[step(9, 72, worth=100)])) == ["contractual"]
    assert kinds(found(contracts=[step(9, worth=1e6)])) == ["contractual"]


@pytest.mark.parametrize("is_ended", [True, False], ids=["notice", "renewed"])
def test_what_a_contract_costs_is_known_still(is_ended: bool) -> None:
    """A later step that says no value, as a notice, changes nothing of it until the end."""
    steps = [step(9, 73, worth=100), step(5, 73, ended=is_ended)]
    for order in (steps, steps[::-1]):
        assert kinds(found(contracts=order)) == ["contractual", "economic"]
    assert kinds(found(contracts=[*steps, step(3, 73, worth=50)])) == ["contractual"]


def test_accessories_and_situations() -> None:
    """An accessory that came with what it fits, or later; a word about other shops of this year."""
    machine, capsules = Deed(ago(50), "m", "machines"), Deed(ago(40), "k", "capsules")
    [bond] = found(bought=[capsules, machine]).bonds
    assert (bond.kind, bond.ground.event_ids) == (BondKind.TECHNICAL, ("k", "m"))
    assert found(bought=[machine]).bonds == []
    assert found(bought=[machine, Deed(ago(60), "k", "capsules")]).bonds == []
    assert kinds(found(situations=[Deed(ago(365), "s", "market")])) == ["situational"]
    assert found(situations=[Deed(ago(366), "s", "market")]).bonds == []


def test_who_is_bound_only() -> None:
    """A bond, and the latest feeling of a year is bad; without a bond nobody is."""
    bad, good = Deed(ago(9), "f1", "nps", -1), Deed(ago(5), "f2", "referral", 1)
    contract = [step(9)]
    assert found(contracts=contract, feelings=[bad]).is_bound_only
    attached = found(contracts=contract, feelings=[good, bad])
    assert (attached.is_bound_only, attached.feeling) == (False, 1)
    assert kinds(attached) == ["contractual", "emotional"]
    assert not found(feelings=[bad]).is_bound_only
    old = [Deed(ago(366), "f", "nps", -1)]
    assert found(contracts=contract, feelings=old).feeling is None


def group(persons: int, months: int = -1, *, sad: bool = False, **ties: bool) -> BoundGroup:
    """Customers with some ties."""
    none = BoundGroup(False, False, False, False, False, sad, months, persons)
    return none._replace(**ties)


def test_how_many_are_bound_only() -> None:
    """30 of 100 who are bound are dissatisfied; the contracts of 20 of these end."""
    rows = [
        group(60, contractual=True), group(10, economic=True, emotional=True),
        group(12, 2, contractual=True, sad=True), group(8, 12, contractual=True, sad=True),
        group(10, technical=True, sad=True), group(50), group(50, sad=True),
    ]  # fmt: skip
    result = compute(Bonds(rows), CONTEXT)
    assert (result.n, result.value) == (100, 0.3)
    assert result.counts == {"customers": 200, "bound": 100, "bound_only": 30, "attached": 10}
    cells = {(one.by, one.key): one.value for one in result.breakdown}
    assert cells["bond", "contractual"] == 0.4
    assert cells["bound_only_ends_within_months", "3"] == 0.6
    assert cells["bound_only_ends_within_months", "later"] == 0.4
    assert compute(Bonds([]), CONTEXT).value is None


def test_accessories_as_pairs() -> None:
    """One for each that fits."""
    assert pairs({"b": ["y"], "a": ["x", "z"]}) == (["a", "a", "b"], ["x", "z", "y"])


def test_who_are_attached_are_counted_if_they_are_not_few() -> None:
    """As in the breakdown."""
    figures, _ = shown(
        compute(Bonds([group(60, contractual=True), group(3, emotional=True)]), CONTEXT)
    )
    assert figures.counts == {"customers": 63, "bound": 60, "bound_only": 0}

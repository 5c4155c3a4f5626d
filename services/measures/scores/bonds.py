"""What ties a customer to the retailer, and whether the customer would stay without it.

By the definition of the measure (core/bonds.py). Only customers are judged: with an order lately,
or with a running contract.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from schemas.api.insights import InsightScore, ScoreAbsence, ScoreReason
from services.measures.catalogue.bonds import BINDING, MEASURE
from services.measures.core.bonds import (
    BondFacts,
    BondKind,
    ContractStep,
    CustomerBonds,
    bonds_of,
)
from services.measures.core.deeds import Deed
from services.measures.core.person import PersonContext, PersonFacts, PersonScore, absent

NAME = MEASURE.name
BONDS = "bonds"
BOUND_ONLY, BOUND, ATTACHED, BOTH, FREE = (
    "bound_only", "bound", "attached", "bound_and_attached", "free",
)  # fmt: skip


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    found = bonds_of(bond_facts(facts), context.now, context.rules.bonds)
    since = context.now - timedelta(days=context.rules.active_days)
    has_bought = any(since <= one.at < context.now for one in facts.purchases)
    if not has_bought and all(one.kind is not BondKind.CONTRACTUAL for one in found.bonds):
        what = "no customer: nothing bought lately, and no contract runs"
        yield absent(NAME, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
        return
    reasons = [
        ScoreReason(what=f"{one.kind}: {one.ground.what}", event_ids=list(one.ground.event_ids))
        for one in found.bonds
    ]
    yield InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        value=len(found.bonds),
        unit=BONDS,
        word=_word(found),
        reasons=reasons or [ScoreReason(what="nothing that ties the customer is known")],
    )


def bond_facts(facts: PersonFacts) -> BondFacts:
    """What bonds are made of."""
    return BondFacts(
        [
            ContractStep(
                one.at, one.event_id, one.contract_id, one.is_ended, one.until, one.value_per_year
            )
            for one in facts.contracts
        ],
        facts.points,
        [Deed(one.at, one.event_id, one.category) for one in facts.lines],
        facts.situations,
        facts.feelings,
    )


def _word(found: CustomerBonds) -> str:
    kinds = {one.kind for one in found.bonds}
    is_bound, is_attached = not kinds.isdisjoint(BINDING), BondKind.EMOTIONAL in kinds
    if found.is_bound_only:
        return BOUND_ONLY
    if is_bound:
        return BOTH if is_attached else BOUND
    return ATTACHED if is_attached else FREE


SCORE = PersonScore(MEASURE.definition, compute)

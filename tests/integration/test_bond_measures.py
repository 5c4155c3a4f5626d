"""What ties customers, on the real engine: the store counts what the rule for one customer says."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.rules.insights import BondRules, InsightRules
from services.measures.core.bonds import (
    BondFacts,
    BondKind,
    ContractStep,
    bonds_of,
)
from services.measures.core.deeds import Deed
from services.measures.core.relationship import Meeting, kind_of, relationship
from services.store.database import Database
from tests.measure_stories import DAY, END, measured
from tests.profile_store import NOON, Store, event

pytestmark = pytest.mark.any_store
PERSONS = 300
ACTIVE_DAYS = 365
Event = dict[str, Any]


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def many(
    draw: random.Random, drawn: Callable[[random.Random, str], tuple[str, Event]]
) -> dict[str, list[Event]]:
    """Some events of every person, over two years up to the end of the window."""
    found = defaultdict[str, list[Event]](list)
    for person in range(PERSONS):
        who = f"email=p{person}@example.org"
        for n in range(draw.randrange(3, 14)):
            kind, body = drawn(draw, str(person))
            minutes = draw.randrange(-700 * DAY, 20 * DAY)
            found[who].append(event(f"{person}-{n}", kind, minutes, who, **body))
    return found


def at(one: Event) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(one["occurred_at"])


def deed(one: Event, what: str = "", weight: float = 1) -> Deed:
    """An event as the rule takes it."""
    return Deed(at(one), one["event_id"], what, weight)


def a_tie(draw: random.Random, person: str) -> tuple[str, Event]:
    """Something that binds, or a word."""
    until = (NOON + timedelta(days=draw.randrange(-300, 500))).isoformat()
    contract: Event = {"contract_id": f"B{person}-{draw.randrange(2)}"}
    contract |= {"until": until} if draw.random() < 0.7 else {}
    contract |= {"value_per_year": "100.00"} if draw.random() < 0.5 else {}
    category = draw.choice(["machines", "capsules"])
    order: Event = {"order_id": f"{person}-{draw.randrange(10**9)}"}
    order["lines"] = [{"sku": "S", "category": category, "total": "9.00"}]
    balance = {"programme": draw.choice("ab"), "points_balance": draw.randrange(3_000)}
    trust = [{"question": one, "score": draw.randrange(1, 6)} for one in ("trust", "trust_2")]
    parts = ("recommend", "buy_again", "try_other")[: draw.randrange(2, 4)]
    loyal = [{"question": one, "score": draw.randrange(1, 6)} for one in parts]
    said = [{"question": "bond", "choice": draw.choice(["market", "no"])}]
    recommends = [{"question": "recommend", "score": draw.randrange(11)}]
    return draw.choice([
        ("contract.started", contract), ("contract.renewed", contract),
        ("contract.ended", contract),
        ("order.placed", order), ("order.placed", order), ("loyalty.changed", balance),
        ("survey.answered", {"kind": "relationship", "answers": trust}),
        ("survey.answered", {"kind": "cli", "answers": loyal}),
        ("survey.answered", {"kind": "relationship", "answers": said}),
        ("survey.answered", {"kind": "nps", "answers": recommends}),
        ("referral.made", {}), ("complaint.opened", {"case_id": f"C{person}"}),
    ])  # fmt: skip


def feeling(one: Event) -> float | None:
    """What an event says of it; None for nothing."""
    body, kind = one["body"], one["type"]
    if kind in ("referral.made", "complaint.opened"):
        return 1 if kind == "referral.made" else -1
    if kind != "survey.answered" or "score" not in body["answers"][0]:
        return None
    given = [answer["score"] for answer in body["answers"]]
    if body["kind"] == "nps":
        return 1 if given[0] >= 9 else -1 if given[0] <= 6 else 0
    if body["kind"] == "cli" and len(given) < 3:
        return None
    index = 25 * (sum(given) / len(given) - 1)
    return 1 if index >= 80 else -1 if index < 50 else 0


def facts_of(events: list[Event]) -> BondFacts:
    """What is known of a person."""
    contracts, points, bought, said = list[ContractStep](), list[Deed](), list[Deed](), list[Deed]()
    for one in events:
        kind, body = one["type"], one["body"]
        if kind.startswith("contract."):
            until = datetime.fromisoformat(body["until"]) if "until" in body else None
            worth = 100.0 if "value_per_year" in body else None
            name, is_ended = body["contract_id"], kind == "contract.ended"
            step = ContractStep(at(one), one["event_id"], name, is_ended, until, worth)
            contracts.append(step)
        elif kind == "loyalty.changed":
            points.append(deed(one, body["programme"], body["points_balance"]))
        elif kind == "order.placed":
            bought.append(deed(one, body["lines"][0]["category"]))
        elif kind == "survey.answered":
            said.append(deed(one, body["answers"][0].get("choice", "")))
    felt = [(one, feeling(one)) for one in events]
    feelings = [deed(one, "", sign) for one, sign in felt if sign is not None]
    return BondFacts(contracts, points, bought, said, feelings)


def test_the_bonds_of_the_store(store: Store) -> None:
    """Everybody who is a customer at the end of the window, by every tie, and who is bound only."""
    rules = BondRules(point_value=0.01, economic_min=20, accessories={"machines": ["capsules"]})
    events = many(random.Random(5), a_tie)
    store.take(*(one for those in events.values() for one in those))
    counted, customers = Counter[str](), 0
    for those in events.values():
        facts = facts_of(those)
        found = bonds_of(facts, END, rules)
        ties = {bond.kind for bond in found.bonds}
        since = END - timedelta(days=ACTIVE_DAYS)
        if BondKind.CONTRACTUAL not in ties and not any(
            since <= one.at < END for one in facts.bought
        ):
            continue
        customers += 1
        counted.update(ties)
        counted["bound"] += bool(ties - {BondKind.EMOTIONAL})
        counted["bound_only"] += found.is_bound_only
    result = measured(store, "bonds", InsightRules(bonds=rules))
    assert result.counts == {
        "customers": customers, "bound": counted["bound"], "bound_only": counted["bound_only"],
        "attached": counted[BondKind.EMOTIONAL],
    }  # fmt: skip
    assert min(result.counts.values()) > 5
    cells = {one.key: one.n for one in result.breakdown if one.by == "bond" and one.n is not None}
    assert len(cells) >= 4
    assert cells == {kind: counted[kind] for kind in cells}


def a_meeting(draw: random.Random, person: str) -> tuple[str, Event]:
    """A touchpoint of any kind."""
    case = {"case_id": f"C{person}", "agent": draw.choice(["", "a", "b"])}
    talk = {"conversation_id": f"V{person}", "channel": "chat", "agent": "a"}
    order: Event = {
        "order_id": f"{person}-{draw.randrange(10**9)}",
        "channel": draw.choice(["pos", "shop", "shop"]),
    }
    order["lines"] = [{"sku": "S", "total": "9.00"}]
    return draw.choice([
        ("support.contacted", case), ("support.answered", {**case, "kind_of_agent": "bot"}),
        ("message.exchanged", {**talk, "author": draw.choice(["customer", "bot", "agent"])}),
        ("appointment.booked", {"appointment_id": "A", "agent": draw.choice(["a", "a", "b"])}),
        ("order.placed", order), ("order.placed", order), ("search.performed", {"query": "lamp"}),
        ("review.posted", {"rating": 4}), ("idea.submitted", {"text": "Mehr Lampen."}),
        ("page.viewed", {"url": "https://x.org/"}),
    ])  # fmt: skip


def meetings_of(events: list[Event]) -> Iterator[Meeting]:
    """Those that say something."""
    for one in events:
        body = one["body"]
        author = body.get("kind_of_agent") or body.get("author", "")
        kind = kind_of(one["type"], one["channel"], author)
        if kind is not None:
            yield Meeting(at(one), one["event_id"], kind, one["source"]["agent"])


def test_the_relationships_of_the_store(store: Store) -> None:
    """Everybody with a touchpoint in the year."""
    events = many(random.Random(3), a_meeting)
    store.take(*(one for those in events.values() for one in those))
    counted, since = Counter[str](), END - timedelta(days=365)
    for those in events.values():
        meetings = [*meetings_of(those)]
        if any(since <= one.at < END for one in meetings):
            counted[relationship(meetings, END).kind or ""] += 1
    result = measured(store, "relationship_kind")
    assert result.counts["persons"] == counted.total()
    assert result.counts["known"] == counted.total() - counted[""]
    shown = {one.key: one.n for one in result.breakdown if one.n is not None}
    assert len(shown) >= 3
    assert shown == {kind: counted[kind] for kind in shown}

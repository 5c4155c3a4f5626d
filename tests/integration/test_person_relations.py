"""Scores of relations with single customers on the store: as many customers are leaving, silent,
due, bound and leads by their scores as the measures count."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.api.insights import InsightScore, ScoreAbsence
from schemas.rules.insights import InsightRules, insight_rules
from schemas.rules.profile import profile_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.adapters.person import PersonScoreReader
from services.measures.adapters.values import MeasureValues
from services.measures.core.result import KeptMeasure, MeasureResult
from services.profiles.adapters.history import HistoryReader
from services.store.database import Database
from tests.measure_events import one_of_feedback, one_of_relations, one_of_service
from tests.profile_store import NOON, REALM, REALMS, Store, event, node

pytestmark = pytest.mark.any_store
MIDNIGHT = datetime.fromisoformat("2026-03-20T00:00:00+01:00")
PERSONS, BUYERS = 36, 24
DAY = 24 * 60
LAST = 17
"""Days from the noon of the tests to the time of reading."""
FIT = {"country=DE": 60.0, "category=lamps": 10.0}


def rules() -> InsightRules:
    found = insight_rules()
    bonds = found.bonds.model_copy(update={"point_value": 0.1})
    leads = found.leads.model_copy(update={"fit": FIT, "competitors": ["rival.example"]})
    return found.model_copy(update={"bonds": bonds, "leads": leads})


def person(number: int) -> str:
    return f"email=p{number}@example.org"


def purchases(draw: random.Random, who: int) -> list[dict[str, Any]]:
    """Orders of somebody with a habit: some still buy, some are late, some never came back."""
    gap, ago = draw.choice([20, 30, 40]), draw.choice([5, 12, 33, 70, 110, 420])
    found = []
    for n in range(draw.choice([1, 3, 6])):
        minutes = (LAST - ago - n * gap) * DAY + draw.randrange(5 * DAY)
        line: dict[str, Any] = {
            "sku": f"S{who % 3}",
            "category": draw.choice(["lamps", "tables"]),
            "total": "9.00",
        }
        line["quantity"] = draw.choice([1, 1, 2])
        found.append(
            event(
                f"o{who}-{n}", "order.placed", min(minutes, LAST * DAY - 700), person(who),
                order_id=f"O{who}-{n}", lines=[line],
            )
        )  # fmt: skip
    return found


def things(draw: random.Random) -> list[dict[str, Any]]:
    """What persons did beside: whatever has a number is about one person."""
    found = []
    for who in range(PERSONS):
        for n in range(draw.choice([2, 6, 16])):
            draw_one = draw.choice([one_of_service, one_of_feedback, one_of_relations, looks])
            type_name, body = draw_one(draw)
            numbers = ("case_id", "conversation_id", "contract_id")
            body |= {one: f"{body[one]}-{who}" for one in numbers if one in body}
            minutes = draw.randrange(-500, LAST) * DAY + draw.randrange(DAY)
            found.append(event(f"e{who}-{n}", type_name, minutes, person(who), **body))
        country = {"attributes": {"country": draw.choice(["DE", "FR"])}}
        found.append(event(f"c{who}", "profile.updated", -DAY, person(who), **country))
    return found


def looks(draw: random.Random) -> tuple[str, dict[str, Any]]:
    """Interest, or a contract that ends soon."""
    until = (NOON + timedelta(days=draw.randrange(15, 130))).isoformat()
    terms = {"contract_id": f"T{draw.randrange(3)}", "until": until, "value_per_year": "90.00"}
    return draw.choice([
        ("product.viewed", {"category": draw.choice(["lamps", "chairs"])}),
        ("quote.sent", {"quote_id": "Q"}),
        ("contract.started", terms),
        ("email.unsubscribed", {"channel": "email"}),
    ])  # fmt: skip


def read(database: Database, who: Sequence[int]) -> list[dict[str, InsightScore]]:
    histories, kept = HistoryReader(Store(database).reader), MeasureValues(database)
    reader = PersonScoreReader(
        database, histories, REALMS, rules(), profile_rules().consent, kept, lambda: MIDNIGHT
    )
    return [{one.score: one for one in reader.scores(REALM, each).scores} for each in who]


def keep(database: Database, *results: MeasureResult) -> None:
    values = MeasureValues(database)
    version = values.map_version(REALM)
    values.keep([KeptMeasure(map_version=version, result=one) for one in results])


def test_scores_of_all_persons_are_the_measures(database: Database) -> None:
    """Random histories, some of them of merged identifiers: every count of the measures is the
    number of persons whose score says so."""
    draw = random.Random(11)
    store = Store(database)
    store.take(*(one for who in range(BUYERS) for one in purchases(draw, who)), *things(draw))
    people = [node(*person(n).split("=", 1)) for n in range(PERSONS)]
    for one, other in ((0, 1), (2, 30), (31, 32)):
        store.place(people[one], people[one], people[other])
    held = sorted({one.profile for one in store.reader.resolve(REALM, people).values()})
    measures = MeasureReader(database, REALMS, rules(), lambda: MIDNIGHT)
    results = {
        name: measures.measure(name, REALM)
        for name in ("leaving", "due", "silent", "bonds", "lead_score")
    }
    keep(database, results["leaving"])
    found = read(database, held)

    def words(score: str) -> Counter[str | None]:
        return Counter(one[score].word for one in found if one[score].absent is None)

    def counted(name: str) -> dict[str, int]:
        return {key: n for key, n in results[name].counts.items() if n}

    states = words("leaving")
    unknown = (ScoreAbsence.NO_KEPT_ANSWER, ScoreAbsence.NOT_SHOWN)
    states["unknown"] = sum(one["leaving"].absent in unknown for one in found)
    shown = counted("leaving")
    assert {key: states[key] for key in shown if key in states} == {
        key: n for key, n in shown.items() if key not in ("customers", "declining")
    }
    assert {"active", "lost"} < {*states}
    reasons = Counter(
        word for one in found if one["leaving"].word in ("slipping", "leaving")
        for word in (one["leaving_reason"].word or "unknown").split(", ")
    )  # fmt: skip
    cells = [one for one in results["leaving"].breakdown if one.by == "reason" and one.n]
    assert {one.key: reasons[one.key] for one in cells} == {one.key: one.n for one in cells}

    def equal(name: str, **found: int) -> None:
        """What is shown of groups that are large enough."""
        shown = {key: results[name].counts[key] for key in found if key in results[name].counts}
        assert shown, name
        assert {key: found[key] for key in shown} == shown, name

    terms, silent, bonds, leads = (
        words(one) for one in ("due_contract", "silent", "bonds", "lead_score")
    )
    equal(
        "due", goods=words("due")["due"], contract_ahead=terms.total(),
        contract_soon=terms["soon"],
    )  # fmt: skip
    equal("silent", customers=silent.total(), silent=silent["silent"])
    bound = bonds["bound"] + bonds["bound_only"] + bonds["bound_and_attached"]
    attached = bonds["attached"] + bonds["bound_and_attached"]
    equal(
        "bonds", customers=bonds.total(), bound=bound, bound_only=bonds["bound_only"],
        attached=attached,
    )  # fmt: skip
    equal("lead_score", leads=leads.total(), **{one.lower(): leads[one] for one in "ABC"})
    said = "".join(one.model_dump_json() for one in results.values())
    assert not any(str(UUID(int=one)) in said or f"{one:032x}" in said for one in people)


def test_win_back_ends_with_an_objection_to_marketing(database: Database) -> None:
    """With the event that says so; it takes away nothing else."""
    store, who = Store(database), person(0)
    line = {"sku": "S1", "category": "lamps", "total": "9.00"}
    store.take(
        *(
            event(f"o{n}", "order.placed", -n * 30 * DAY, who, order_id=f"O{n}", lines=[line])
            for n in range(4, 9)
        )
    )
    key = node(*who.split("=", 1))
    [found] = read(database, [key])
    assert found["leaving"].word == "leaving"
    assert found["win_back"].absent is not ScoreAbsence.REFUSED
    store.take(event("no", "objection.made", 60, who, purpose="marketing"))
    [refused] = read(database, [key])
    assert refused["leaving"] == found["leaving"]
    assert refused["win_back"].absent is ScoreAbsence.REFUSED
    assert refused["win_back"].reasons[0].event_ids == ["no"]

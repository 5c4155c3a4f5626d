"""Recommendations on the real engine: what the store makes of looks, carts, orders and returns, and
what a single customer is told by a kept answer."""

from __future__ import annotations

from datetime import datetime
from math import sqrt
from typing import Any

import pytest

from schemas.api.insights import InsightScore
from schemas.rules.insights import InsightRules, RecommendationRules, insight_rules
from schemas.rules.profile import profile_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.adapters.person import PersonScoreReader
from services.measures.adapters.values import MeasureValues
from services.measures.core.result import KeptMeasure, MeasureResult
from services.profiles.adapters.history import HistoryReader
from services.store.database import Database
from tests.article_pairs import MEMBERS, PAIRS, buys, looks, planted, who
from tests.profile_store import REALM, REALMS, Store, event, node

pytestmark = pytest.mark.any_store
MIDNIGHT = datetime.fromisoformat("2026-03-20T00:00:00+01:00")
DAY = 24 * 60


def measured(store: Store, rules: InsightRules | None = None) -> MeasureResult:
    rules = rules or insight_rules()
    reader = MeasureReader(store.database, REALMS, rules, lambda: MIDNIGHT)
    return reader.measure("recommendations", REALM)


def told(store: Store, name: str, rules: InsightRules | None = None) -> InsightScore:
    """What a customer is told by the latest kept answer."""
    reader = PersonScoreReader(
        store.database, HistoryReader(store.reader), REALMS, rules or insight_rules(),
        profile_rules().consent, MeasureValues(store.database), lambda: MIDNIGHT,
    )  # fmt: skip
    found = reader.scores(REALM, node(*who(name).split("=", 1)))
    return next(one for one in found.scores if one.score == "recommendations")


def keep(store: Store, result: MeasureResult) -> None:
    values = MeasureValues(store.database)
    values.keep([KeptMeasure(map_version=values.map_version(REALM), result=result)])


def cells(result: MeasureResult) -> dict[tuple[str, str], Any]:
    return {(one.by, one.key): one for one in result.breakdown}


def test_what_the_store_makes_of_deeds(database: Database) -> None:
    """A look counts 1, a cart 2, an order 4, each once a day and half after 90 days: the cosine of
    the planted deeds. The last order of each is met; what sells best meets fewer."""
    store = Store(database)
    store.take(*planted(), *(looks("n0-0", 0, "A00", number) for number in range(1, 9)))
    found = measured(store)
    assert found.flags == []
    assert found.counts == {
        "persons": 2 * PAIRS * MEMBERS,
        "articles": 2 * PAIRS + 1,
        "checked": 2 * PAIRS * MEMBERS,
    }

    def weight(points: float, day: int) -> float:
        return float(points * 0.5 ** ((18 - day) / 90))  # from 2 March to the 20th: day 18

    new = (weight(1, 0) + weight(2, 1), weight(4, 10))
    old = (weight(4, -90), weight(4, -89))
    first = (old[0] + weight(4, 12), old[1])
    rows = [new] * 10 + [old] * 9 + [first]
    lengths = [sqrt(sum(row[place] ** 2 for row in rows)) for place in (0, 1)]
    cosine = sum(row[0] * row[1] for row in rows) / lengths[0] / lengths[1]
    shown = cells(found)
    assert shown["near A00", "B00"].value == pytest.approx(cosine, rel=1e-5)
    assert shown["near A00", "B00"].n == 2 * MEMBERS
    assert shown["top", "C"].value == PAIRS * (MEMBERS - 1)
    assert shown["top", "B00"].value == 2 * MEMBERS
    # New ones and one of ten old ones are met; of the best ten one of ten old ones in ten pairs.
    shares = [shown["check", key].value for key in ("recommended", "best_sellers")]
    assert shares == [132 / 240, 10 / 240]


def test_the_evening_before_is_what_counts(database: Database) -> None:
    """A look on the day of the order foretells nothing: whoever is known by it alone is not
    checked."""
    store = Store(database)
    store.take(*planted())
    before = measured(store)
    store.take(*(looks(f"x{n}", 10, "A00") for n in range(9)))
    store.take(*(buys(f"x{n}", 10, "B00") for n in range(9)))
    after = measured(store)
    assert after.counts["checked"] == before.counts["checked"]
    assert after.counts["persons"] == before.counts["persons"] + 9


def test_what_is_not_recommended(database: Database) -> None:
    """What nobody bought for 30 days, what is withheld; to one customer what was sent back or is
    owned for good, whoever else has it."""
    store = Store(database)
    long_ago = [buys(f"n0-{n}", -40, "OLD") for n in range(9)]
    store.take(*planted(), *long_ago)
    found = measured(store)
    assert ("top", "OLD") not in cells(found)
    keep(store, found)
    assert told(store, "n3-1").word == "A03"  # goes with what was bought, B03
    first = told(store, "n3-1").reasons[0]
    assert (first.what, first.event_ids) == ("A03 goes with B03", ["O-n3-1-10-B03"])
    named = {one.what.split()[0] for one in told(store, "n3-1").reasons}
    assert "B03" in named  # it goes with A03, which the customer looked at
    durable = insight_rules().model_copy(
        update={"recommendations": RecommendationRules(durable=["lamps"])}
    )
    owned = {one.what.split()[0] for one in told(store, "n3-1", durable).reasons}
    assert "A03" in owned
    assert "B03" not in owned
    withheld = insight_rules().model_copy(
        update={"recommendations": RecommendationRules(withheld=["A03"])}
    )
    assert ("top", "A03") not in cells(measured(store, withheld))
    lines = [{"sku": "A03", "total": "9.00"}]
    back = {"return_id": "R", "order_id": "O-o3-1--90-A03", "lines": lines}
    store.take(event("r", "order.returned", 12 * DAY, who("o3-1"), **back))
    assert "A03" not in {one.what.split()[0] for one in told(store, "o3-1").reasons}
    assert "A03" in {one.what.split()[0] for one in told(store, "o3-2").reasons}


def test_goods_that_were_sent_back_or_are_owned_are_no_hits(database: Database) -> None:
    """The check bars them as the list does: who bought the same again is not met by either."""
    store = Store(database)
    again = [buys(f"n{pair}-{n}", -60, f"B{pair:02d}") for pair in range(PAIRS) for n in range(9)]
    store.take(*planted(), *again)
    met = cells(measured(store))["check", "recommended"].value
    durable = insight_rules().model_copy(
        update={"recommendations": RecommendationRules(durable=["lamps"])}
    )
    assert cells(measured(store, durable))["check", "recommended"].value < met
    back = [
        event(
            f"r{pair}-{n}", "order.returned", -50 * DAY, return_id=f"R{pair}-{n}",
            order_id=f"O-n{pair}-{n}--60-B{pair:02d}",
            lines=[{"sku": f"B{pair:02d}", "total": "9.00"}],
        )
        for pair in range(PAIRS) for n in range(9)
    ]  # fmt: skip
    store.take(*back)
    assert cells(measured(store))["check", "recommended"].value < met


def test_no_better_is_said_and_then_not_recommended(database: Database) -> None:
    """Where everybody buys the same next, the answer is flagged, names nothing that goes together,
    and a customer is told what sells best."""
    store = Store(database)
    store.take(*(looks(f"p{n}", 0, f"A{n % 9}") for n in range(60)))
    store.take(*(buys(f"p{n}", -30, f"A{n % 9}") for n in range(60)))
    store.take(*(buys(f"p{n}", 10, "B") for n in range(60)))
    store.take(*(buys(f"q{n}", 10, f"A{n % 9}") for n in range(60)))
    found = measured(store)
    assert found.flags == ["not_better"]
    assert not any(one.by.startswith("near") for one in found.breakdown)
    keep(store, found)
    assert told(store, "p1").reasons[0].what == "B sells best in lamps"

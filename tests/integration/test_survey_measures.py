"""Measures of surveys on the store: whose answers count, once, and on which scales."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from schemas.rules.insights import insight_rules
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.core.result import Flag, MeasureResult
from services.store.database import Database
from tests.profile_store import READ_AT, REALM, REALMS, Store, event, node

FIRST, UNTIL = date(2026, 3, 1), date(2026, 3, 20)


def answered(number: int, score: float, *who: str, minutes: int = 0, **more: Any) -> dict[str, Any]:
    """An answer to whether somebody would recommend us."""
    answers = [{"question": "recommend", "score": score}]
    given = {"kind": "nps", "survey": "s", "wave": "1", "answers": answers} | more
    return event(f"a{number:03d}", "survey.answered", minutes, *who, **given)


def nps(store: Store) -> MeasureResult:
    """The score of three weeks."""
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    return reader.measure("nps", REALM, FIRST, UNTIL)


@pytest.mark.any_store
def test_whose_answers_count(database: Database) -> None:
    """Of one person the latest in a wave, whoever the person is by now; of nobody each; of a shared
    device each."""
    store = Store(database)
    emails = [f"email=p{n}@x.org" for n in range(6)]
    store.take(*(answered(n, 9, who, minutes=n) for n, who in enumerate(emails)))
    assert nps(store).counts["promoters"] == 6
    store.take(answered(10, 0, emails[0], minutes=60), answered(11, 0, emails[0], minutes=59))
    assert (nps(store).counts["promoters"], nps(store).counts["detractors"]) == (5, 1)
    store.take(answered(12, 8, emails[0], minutes=90, wave="2"))
    assert (nps(store).n, nps(store).counts["passives"]) == (6, 1)
    store.take(*(answered(20 + n, 8) for n in range(4)))
    assert (nps(store).n, nps(store).counts["passives"]) == (10, 5)
    nodes = [node("email", f"p{n}@x.org") for n in range(6)]
    store.place(nodes[1], nodes[1], nodes[2])
    assert (nps(store).n, nps(store).counts["promoters"]) == (9, 4)
    store.place(nodes[1], nodes[1], nodes[2], kind="shared")
    assert (nps(store).n, nps(store).counts["promoters"]) == (10, 5)


@pytest.mark.any_store
def test_scales_of_recommendations(database: Database) -> None:
    """From 0 or 1 to 10, in whole numbers; whatever other score is invalid, and of nobody. A
    comment alone is no score."""
    store = Store(database)
    store.take(*(answered(n, n) for n in range(11)))
    scaled = [
        answered(20 + n, score, answers=[{"question": "recommend", "score": score, **scale}])
        for n, (score, scale) in enumerate(
            [
                (9, {"scale_min": 1}), (0, {"scale_min": 1}), (5, {"scale_max": 5}), (11, {}),
                (-1, {}), (8.5, {}), (9, {"scale_min": 2}),
            ]
        )
    ]  # fmt: skip
    store.take(*scaled)
    comment = [{"question": "recommend", "text": "Because of the staff."}]
    store.take(answered(90, 0, answers=comment))
    found = nps(store)
    assert found.counts == {"promoters": 3, "passives": 2, "detractors": 7, "invalid": 6}
    assert found.n == 12
    assert found.flags == [Flag.SMALL_SAMPLE, Flag.MIXED_SCALE]


@pytest.mark.any_store
def test_every_question_and_occasion_has_its_latest_answer(database: Database) -> None:
    """A later answer replaces none to another question or about another occasion, and a comment
    replaces no score."""
    store = Store(database)
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    who = [f"email=p{n}@x.org" for n in range(6)]

    def rated(name: str, kind: str, question: str, score: float, at: int, **more: Any) -> None:
        answers = [{"question": question, "score": score}]
        given = {"kind": kind, "answers": answers} | more
        store.take(
            *(event(f"{name}{n}", "survey.answered", at, one, **given) for n, one in enumerate(who))
        )

    rated("a", "stars", "product_a", 5, 1, survey="s")
    rated("b", "stars", "product_b", 1, 2, survey="s")
    rated("c", "csat", "overall", 1, 3, touchpoint="delivery")
    rated("d", "csat", "overall", 5, 4, touchpoint="support")
    rated("e", "csat", "overall", 4, 5, touchpoint="support")
    rated("f", "csat", "overall", 4, 6, touchpoint="support", case_id="c2")
    stars = reader.measure("stars", REALM, FIRST, UNTIL)
    assert (stars.value, stars.counts["ratings"]) == (3, 12)
    csat = reader.measure("csat", REALM, FIRST, UNTIL)
    assert csat.counts == {"answers": 18, "top_two": 12, "invalid": 0}

    store.take(*(answered(n, 10, one) for n, one in enumerate(who)))
    comment = [{"question": "recommend", "text": "Because of the staff."}]
    store.take(*(answered(20 + n, 0, one, minutes=9, answers=comment) for n, one in enumerate(who)))
    assert nps(store).counts == {"promoters": 6, "passives": 0, "detractors": 0, "invalid": 0}


@pytest.mark.any_store
def test_reviews_of_the_window(database: Database) -> None:
    """Of one person and product the latest; those of no product each; none from outside."""
    store = Store(database)

    def review(number: int, rating: float, person: int, minutes: int, **more: Any) -> Any:
        who = f"email=p{person}@x.org"
        return event(f"r{number}", "review.posted", minutes, who, rating=rating, **more)

    day = 24 * 60
    store.take(
        *(review(n, 4, n, n, sku="a") for n in range(6)),
        review(10, 1, 0, 60, sku="a"),
        review(11, 5, 0, 60, sku="b"),
        review(12, 5, 0, 60),
        review(13, 5, 0, 61),
        review(14, 6, 1, 60, sku="b"),
        review(15, 2, 1, -20 * day, sku="c"),
        review(16, 2, 1, 20 * day, sku="c"),
    )
    reader = MeasureReader(store.database, REALMS, insight_rules(), lambda: READ_AT)
    found = reader.measure("reviews", REALM, FIRST, UNTIL)
    assert found.counts == {"ratings": 9, "top_two": 8, "invalid": 1}
    assert (found.n, found.value) == (6, 36 / 9)
    assert {one.key for one in found.breakdown if one.by == "sku"} == {"a", "b"}

"""Customer lifetime value: parameters and predictions that were published, and refusals."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from services.measures.catalogue.clv import Histories, HistoryGroup, Spender, compute
from services.measures.core.buying_and_dying import (
    Buying,
    History,
    Spending,
    chance_alive,
    expected_purchases,
    expected_spend,
    fitted_spending,
)
from services.measures.core.measure import Figures
from services.measures.core.result import Flag
from services.runtime.errors import ConfigurationError
from tests.published_purchases import CALIBRATED, PublishedPurchase, cdnow
from tests.unit.measures.contexts import CONTEXT

PUBLISHED = Buying(0.243, 4.414, 0.793, 2.426, -9_582.4)


def histories(purchases: list[PublishedPurchase], until: date = CALIBRATED) -> Histories:
    """As the store counts them: the purchases of a day are one."""
    days: defaultdict[int, defaultdict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in purchases:
        if one.day < until:
            days[one.customer][one.day] += one.dollars
    groups: Counter[tuple[int, int, int]] = Counter()
    spent: defaultdict[tuple[int, int, int], list[float]] = defaultdict(list)
    for found in days.values():
        first, *later = sorted(found)
        last = max(found)
        key = len(later), (last - first).days, (until - timedelta(days=1) - first).days
        groups[key] += 1
        mean = float(sum(found[day] for day in later)) / max(1, len(later))
        if mean > 0:
            spent[key].append(mean)
    repeaters = sum(count for key, count in groups.items() if key[0])
    return Histories(
        [
            HistoryGroup(*key, persons, len(spent[key]), sum(spent[key]), len(days), repeaters)
            for key, persons in groups.items()
        ],
        [Spender(key[0], mean) for key, means in spent.items() for mean in means],
    )


def cells(found: Figures) -> dict[str, float | None]:
    """The values of the breakdown by key."""
    return {cell.key: cell.value for cell in found.breakdown}


def test_published_parameters() -> None:
    """Those of BG/NBD (r 0.243, alpha 4.414, a 0.793, b 2.426) and of Gamma-Gamma (p 6.25, q 3.74,
    v 15.45) within one per cent."""
    found = compute(histories(list(cdnow())), CONTEXT)
    assert found.counts == {"customers": 2_357, "repeat_buyers": 946}
    values = cells(found)
    for name, value in PUBLISHED._asdict().items():
        assert values[name] == pytest.approx(value, rel=0.01), name
    for name, value in {"p": 6.25, "q": 3.74, "v": 15.45}.items():
        assert values[name] == pytest.approx(value, rel=0.01), name
    assert found.flags == [Flag.NO_MARGIN]
    assert (found.n, found.unit) == (2_357, "EUR")


def test_published_customer() -> None:
    """Two repeat purchases, the last after 30.43 weeks, of 38.86: alive by 0.7266, 1.226 purchases
    in 39 weeks, 22.74 on each if the mean was 20."""
    one = History(*(np.array([value]) for value in (2, 30.43, 38.86, 1)))
    assert chance_alive(PUBLISHED, one)[0] == pytest.approx(0.7266, abs=0.0002)
    assert expected_purchases(PUBLISHED, one, 39)[0] == pytest.approx(1.226, abs=0.0005)
    spending = Spending(6.25, 3.74, 15.45)
    [spend] = expected_spend(spending, np.array([2.0]), np.array([20.0]))
    assert spend == pytest.approx(22.74, abs=0.005)


def test_what_was_predicted_happened() -> None:
    """Of 1,882 purchases in the 39 weeks that follow, the model misses one in eight; that all go on
    as before misses a third."""
    purchases = list(cdnow())
    rows, until = histories(purchases), CALIBRATED + timedelta(weeks=39)
    later = {(one.customer, one.day) for one in purchases if CALIBRATED <= one.day < until}
    groups = np.array([one[:4] for one in sorted(rows.customers)], dtype=float).T
    history = History(groups[0], groups[1] / 7, groups[2] / 7, groups[3])
    expected = float((expected_purchases(PUBLISHED, history, 39) * history.persons).sum())
    naive = float((history.repeats * history.persons).sum())
    missed = abs(expected - len(later))
    assert (len(later), missed < len(later) / 8) == (1_882, True)
    assert missed < abs(naive - len(later)) / 2


def test_the_margin_is_what_customers_are_worth() -> None:
    """With a margin of 30 % a customer is worth 30 % of the revenue, and nothing is flagged."""
    rows = histories(list(cdnow()))
    own = CONTEXT.rules.model_copy(update={"margin": 0.3})
    revenue, profit = compute(rows, CONTEXT), compute(rows, CONTEXT._replace(rules=own))
    assert profit.value == pytest.approx(0.3 * (revenue.value or 0), abs=0.01)
    assert profit.flags == []


def test_refused() -> None:
    """Too few customers; amounts that grow with the number of purchases; nothing to fit."""
    purchases = list(cdnow())
    few = compute(histories([one for one in purchases if one.customer < 500]), CONTEXT)
    assert (few.value, few.flags) == (None, [Flag.SMALL_SAMPLE])
    rows = histories(purchases)
    dear = [Spender(one.repeats, one.repeats * 10.0) for one in rows.spenders]
    found = compute(rows._replace(spenders=dear), CONTEXT)
    assert (found.value, found.flags) == (None, [Flag.NO_FIT])
    assert (cells(found)["correlation"] or 0) > 0.99
    with pytest.raises(ValueError, match="fit"):
        fitted_spending(np.array([1.0] * 200), np.array([5.0] * 200))


@pytest.mark.parametrize(("repeats", "recency"), [(1_100, 364), (1_500, 364), (600, 90)])
def test_a_card_that_everybody_uses(repeats: int, recency: int) -> None:
    """One customer with several purchases a day is one customer: the others are worth as much."""
    rows = histories(list(cdnow()))
    usual = compute(rows, CONTEXT).value
    card = HistoryGroup(repeats, recency, 364, 1, 1, 9.0, 2_357, 946)
    found = compute(rows._replace(customers=[*rows.customers, card]), CONTEXT)
    assert found.value is None or found.value == pytest.approx(usual, rel=0.5)
    assert found.value is not None or found.flags == [Flag.NO_FIT]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SciPy is missing, the message says what to install."""
    rows = histories(list(cdnow()))
    monkeypatch.delitem(sys.modules, "services.measures.core.buying_and_dying")
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ConfigurationError, match=r"customer360\[insights\]"):
        compute(rows, CONTEXT)

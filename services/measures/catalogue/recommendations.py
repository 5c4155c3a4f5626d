"""Recommendations: which articles go with those that a customer looked at, kept or bought, and
whether that foretells the next order better than what sells best.

A look counts 1, a cart 2, an order 4, each once a day, and half of it after 90 days. The value is
the share of customers whose last order held one of ten articles that would have been recommended
the day before. Only where that is better than the ten that sell best are articles named that go
with others (`near`); else there is what sells best alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.instants import to_ms
from services.measures.core.measure import Figures, Measure, MeasureContext
from services.measures.core.population import GROUP_MIN, PERSONS
from services.measures.core.result import SHARE, Cell, Flag
from services.measures.core.shares import share_cell
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from services.measures.core.recommending import ShopperMatrices

VIEWED, KEPT, BOUGHT = 1, 2, 4
HALF_LIFE_DAYS = 90
ARTICLES_MAX, SAMPLE_MAX = 500, 10_000
"""The articles that most persons bought; so many persons, the same each time."""
SOLD_DAYS = 30
"""What nobody bought for so long is probably not for sale."""
CHECKED_MIN = 50
CATEGORIES_MAX, TOP_MAX = 20, 20
TOP, NEAR, CHECK = "top", "near", "check"
PRECISION = 1_000_000
"""Weights are whole parts of this, so that their sums are the same in any order."""
MISSING = "this measure needs NumPy, which is not installed: pip install 'customer360[insights]'"


class SoldArticle(NamedTuple):
    """An article that may be recommended."""

    sku: str
    category: str
    buyers: int


class Shopper(NamedTuple):
    """What one person of the sample has to do with these articles."""

    items: Sequence[str]
    weights: Sequence[int]
    """Of each of them, at the end of the window."""
    before: Sequence[int]
    """Of what was until the day before the last order; 0 without an order."""
    bought_before: Sequence[bool]
    barred: Sequence[bool]
    """Owned for good by then, or sent back."""
    last: Sequence[bool]
    """In the last order."""
    shoppers: int
    """Of all, also those who are not in the sample."""


class RecommendationRows(NamedTuple):
    """What the measure is made of."""

    articles: Sequence[SoldArticle]
    shoppers: Sequence[Shopper]


def compute(rows: RecommendationRows, _context: MeasureContext) -> Figures:
    """See the module. Raises ConfigurationError without NumPy."""
    shoppers = sorted(rows.shoppers)
    persons = shoppers[0].shoppers if shoppers else 0
    articles = sorted(rows.articles, key=lambda one: (-one.buyers, one.sku))
    counts = {"persons": persons, "articles": len(articles)}
    cells = list(_best_sellers(articles))
    if not shoppers or not articles:
        return Figures(persons, None, SHARE, None, counts, cells, [Flag.SMALL_SAMPLE])
    try:
        from services.measures.core.recommending import checked, nearness
    except ModuleNotFoundError as error:
        raise ConfigurationError(MISSING, reason="insights_missing") from error
    names = _by_sales(shoppers, articles)
    known = _matrices(shoppers, names)
    found = checked(known, GROUP_MIN)
    recommended = share_cell(CHECK, "recommended", found.checked, found.recommended, found.checked)
    cells += [
        recommended,
        share_cell(CHECK, "best_sellers", found.checked, found.popular, found.checked),
    ]
    flags = list[Flag]()
    if found.checked < CHECKED_MIN:
        flags.append(Flag.SMALL_SAMPLE)
    elif not found.is_better:
        flags.append(Flag.NOT_BETTER)
    else:
        seen = (known.weights > 0).astype(float)
        cells += _near(names, nearness(known.weights, GROUP_MIN), seen.T @ seen)
    counts |= {"checked": found.checked}
    return Figures(persons, recommended.value, SHARE, recommended.interval, counts, cells, flags)


def _by_sales(shoppers: Sequence[Shopper], articles: Sequence[SoldArticle]) -> list[str]:
    """The articles, first what most had bought before their last orders: these are not known to
    the lists that are checked by them."""
    sold = Counter(
        item
        for one in shoppers
        for item, was_bought in zip(one.items, one.bought_before, strict=True)
        if was_bought
    )
    return sorted((one.sku for one in articles), key=lambda name: (-sold[name], name))


def _matrices(shoppers: Sequence[Shopper], names: Sequence[str]) -> ShopperMatrices:
    """The same as rows and columns. Needs NumPy."""
    import numpy as np

    from services.measures.core.recommending import ShopperMatrices

    place = {name: number for number, name in enumerate(names)}
    shape = (len(shoppers), len(names))
    known = ShopperMatrices(
        np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    )
    for row, one in enumerate(shoppers):
        columns = [place[item] for item in one.items]
        known.weights[row, columns] = np.array(one.weights) / PRECISION
        known.before[row, columns] = np.array(one.before) / PRECISION
        known.barred[row, columns] = one.barred
        known.last[row, columns] = one.last
    return known


def _best_sellers(articles: Sequence[SoldArticle]) -> Iterator[Cell]:
    """What most persons bought, of all and of each of the largest categories."""
    by_category = defaultdict[str, list[SoldArticle]](list)
    for one in articles:
        if one.category:
            by_category[one.category].append(one)
    largest = sorted(by_category, key=lambda name: (-_buyers(by_category[name]), name))
    lists = [(TOP, articles)]
    lists += ((f"{TOP} {name}", by_category[name]) for name in largest[:CATEGORIES_MAX])
    for by, some in lists:
        for one in some[:TOP_MAX]:
            yield Cell(by=by, key=one.sku, n=one.buyers, value=float(one.buyers), unit="customers")


def _buyers(articles: Sequence[SoldArticle]) -> int:
    return sum(one.buyers for one in articles)


def _near(names: Sequence[str], near: Any, both: Any) -> Iterator[Cell]:
    """What goes with each article, the nearest first."""
    for row, name in enumerate(names):
        columns = sorted(
            (column for column in range(len(names)) if near[row, column] > 0),
            key=lambda column: (-near[row, column], names[column]),
        )
        for column in columns:
            yield Cell(
                by=f"{NEAR} {name}", key=names[column], n=int(both[row, column]),
                value=float(near[row, column]), unit="",
            )  # fmt: skip


def parameters(context: MeasureContext) -> Mapping[str, Any]:
    """What the statements ask for."""
    rules = context.rules.recommendations
    return {
        "interaction_kinds": ["browsing"],
        "viewed": VIEWED,
        "kept": KEPT,
        "bought": BOUGHT,
        "articles_max": ARTICLES_MAX,
        "sample_max": SAMPLE_MAX,
        "persons_min": GROUP_MIN,
        "half_life_days": HALF_LIFE_DAYS,
        "precision": PRECISION,
        "sold_since_ms": to_ms(context.window.end - timedelta(days=SOLD_DAYS)),
        "durable": rules.durable,
        "withheld": rules.withheld,
    }


MEASURE = Measure(
    "recommendations",
    1,
    "What to recommend, and whether that is better than what sells best",
    PERSONS,
    RecommendationRows,
    compute,
    parameters,
)

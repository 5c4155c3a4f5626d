"""Potential: the published customer, priorities, and means of customers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.measures.catalogue.potential import (
    CategoryGap,
    PotentialRows,
    PriorityGroup,
    compute,
)
from services.measures.core.customer_potential import (
    PeerSpending,
    Priority,
    potential_of,
    priorities,
)
from tests.unit.measures.contexts import CONTEXT


def test_the_published_customer() -> None:
    """60 spent where good ones spend 200 and 40 % of the peers buy, nothing where they spend 90 and
    10 % buy: 56 and 9, 65 in all."""
    peers = {"food": PeerSpending(90, 0.1), "lamps": PeerSpending(200, 0.4)}
    found = potential_of({"lamps": 60}, peers)
    assert found.total == pytest.approx(65)
    assert [one.category for one in found.categories] == ["lamps", "food"]
    assert [one.potential for one in found.categories] == pytest.approx([56, 9])
    assert (found.categories[0].gap, found.categories[0].need) == (140, 0.4)


def test_who_spends_more_than_peers_has_no_potential() -> None:
    """Nothing is taken off for it elsewhere; the five largest categories are named."""
    peers = {f"c{n}": PeerSpending(10.0 + n, 0.5) for n in range(7)}
    found = potential_of({"c6": 500}, peers)
    assert [one.category for one in found.categories] == ["c5", "c4", "c3", "c2", "c1"]
    assert found.total == pytest.approx(sum((10 + n) / 2 for n in range(6)))


def test_priorities() -> None:
    """A until half of the whole is reached, B until four fifths are."""
    assert priorities([10, 40, 20, 30]) == [Priority.A, Priority.A, Priority.B, Priority.C]
    assert priorities([0, 0]) == [Priority.C, Priority.C]


def test_customers_and_categories() -> None:
    """The mean of those who have peers; shares of customers and of the potential by priority."""
    rows = PotentialRows(
        [
            PriorityGroup("A", 1, 20, Decimal(5_000)),
            PriorityGroup("B", 2, 30, Decimal(3_000)),
            PriorityGroup("C", 3, 50, Decimal(2_000)),
            PriorityGroup("", 0, 7, Decimal(0)),
        ],
        [CategoryGap("lamps", 90, Decimal(7_000)), CategoryGap("food", 60, Decimal(3_000))],
    )
    found = compute(rows, CONTEXT)
    assert (found.n, found.value, found.unit) == (100, 100.0, "EUR")
    assert found.counts == {
        "persons": 100, "without_peers": 7, "peers_1": 20, "peers_2": 30, "peers_3": 50,
    }  # fmt: skip
    cells = {(one.by, one.key): (one.n, one.value) for one in found.breakdown}
    shown = {
        ("category", "lamps"): (90, 7_000),
        ("priority", "A"): (20, 0.2),
        ("potential_of_priority", "A"): (20, 0.5),
    }
    assert shown.items() <= cells.items()


def test_nobody_has_peers() -> None:
    """Then nothing is known."""
    found = compute(PotentialRows([PriorityGroup("", 0, 7, Decimal(0))], []), CONTEXT)
    assert (found.n, found.value) == (0, None)


def test_few_with_the_same_peers_are_no_count() -> None:
    """Nor the next smallest group: the three make up the whole."""
    groups = [PriorityGroup("A", width, n, Decimal(9)) for width, n in ((1, 20), (2, 9), (3, 2))]
    found = compute(PotentialRows([*groups, PriorityGroup("", 0, 3, Decimal(0))], []), CONTEXT)
    assert found.counts == {"persons": 31, "peers_1": 20}

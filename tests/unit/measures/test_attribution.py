"""Attribution: what each model credits, the chain of journeys, and that nothing is lost."""

from __future__ import annotations

import pytest

from services.measures.catalogue.attribution import (
    LEADING,
    Attributions,
    ChannelSteps,
    CreditedChannel,
    compute,
)
from services.measures.core.chains import order_chance, removal_shares
from services.measures.core.measure import shown
from services.measures.core.result import Flag
from tests.unit.measures.contexts import CONTEXT

STEPS = {
    ("", "email"): 2, ("", "social"): 1, ("email", "order"): 1, ("email", "social"): 1,
    ("social", "order"): 1, ("social", "nothing"): 1,
}  # fmt: skip
"""Three journeys: email, order; email, social, order; social, nothing."""


def test_what_a_channel_is_worth() -> None:
    """An order is reached by 2/3·(1/2 + 1/4) + 1/3·1/2 = 2/3. Without email 1/6 is left, without
    social 1/3: effects of 3/4 and 1/2, shares of 60 and 40 %."""
    assert order_chance(STEPS) == pytest.approx(2 / 3)
    assert order_chance(STEPS, without="email") == pytest.approx(1 / 6)
    assert order_chance(STEPS, without="social") == pytest.approx(1 / 3)
    assert removal_shares(STEPS, 2_000_000) == {"email": 1_200_000, "social": 800_000}


def test_journeys_that_go_round() -> None:
    """From a to b and back, and with a chance of a half to an order: 1/2 · (1 + 1/4 + …) = 2/3."""
    steps = {
        ("", "a"): 1, ("a", "b"): 1, ("a", "order"): 1, ("b", "a"): 1, ("b", "nothing"): 1
    }  # fmt: skip
    assert order_chance(steps) == pytest.approx(2 / 3)
    assert sum(removal_shares(steps, 1_000_001).values()) == 1_000_001


def test_no_order_has_no_shares() -> None:
    """Nor have no journeys."""
    assert removal_shares({("", "a"): 1, ("a", "nothing"): 1}, 0) == {}
    assert removal_shares({}, 0) == {}


def test_credits_add_up_to_the_orders() -> None:
    """Of 10 orders 8 were led to; those to which nothing led are credited to nothing."""
    rows = [
        CreditedChannel(model, channel, persons, millionths)
        for model in ("first", "linear")
        for channel, persons, millionths in (
            ("email", 5, 4_800_000), ("social", 5, 3_200_000), ("", 2, 2_000_000),
        )
    ]  # fmt: skip
    rows.append(CreditedChannel("", "", 11, 20_000_000))
    steps = [ChannelSteps(*step, many) for step, many in STEPS.items()]
    found = compute(Attributions(rows, steps), CONTEXT)
    assert (found.n, found.value, found.counts) == (11, 0.8, {"orders": 10, "led": 8})
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells["linear", "none"] == 2
    assert (cells["markov", "email"], cells["markov", "social"]) == (4.8, 3.2)


def test_what_may_lead_to_an_order() -> None:
    """What comes before it; to buy or to be asked afterwards does not."""
    assert {"campaign.reached", "email.clicked", "product.viewed", "store.visited"} <= {*LEADING}
    assert not {"order.placed", "survey.answered", "email.sent", "review.posted"} & {*LEADING}


def test_a_customer_of_many_channels_is_one() -> None:
    """Five orders, each led to by another channel, are still of one person: nothing is shown."""
    rows = [CreditedChannel("first", channel, 1, 1_000_000) for channel in "abcde"]
    found = compute(Attributions([*rows, CreditedChannel("", "", 1, 5_000_000)], []), CONTEXT)
    assert found.n == 1
    figures, flags = shown(found)
    assert (figures.n, figures.counts, [*figures.breakdown], flags) == (
        None, {}, [], [Flag.SUPPRESSED],
    )  # fmt: skip


def test_what_nothing_led_to_does_not_follow() -> None:
    """Orders of two persons to which nothing led are not shown, nor what says how many they are."""
    rows = [
        CreditedChannel("first", channel, persons, orders * 1_000_000)
        for channel, persons, orders in (("email", 30, 40), ("shop", 20, 30), ("", 2, 3))
    ]
    found = compute(Attributions([*rows, CreditedChannel("", "", 50, 73_000_000)], []), CONTEXT)
    figures, _ = shown(found)
    assert (figures.n, figures.value, figures.interval, figures.counts) == (50, None, None, {})
    assert [one.value for one in figures.breakdown if one.by == "first"] == [None, 40, None]

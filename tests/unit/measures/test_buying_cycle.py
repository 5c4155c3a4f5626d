"""The buying cycle: the worked examples, what proves each phase and for how long, the figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.measures.catalogue.buying_cycle import PhaseGroup, Phases, compute
from services.measures.core.measure import shown
from services.measures.core.phases import PlacedOrder, Proof, Sign, phase_at, proofs
from tests.unit.measures.contexts import BERLIN, CONTEXT

START = datetime(2026, 1, 5, 12, tzinfo=UTC)


def day(number: float) -> datetime:
    """The instant so many days after the first one."""
    return START + timedelta(days=number)


def order(at: float, delivered: float | None = None, *, channel: str = "shop") -> PlacedOrder:
    """An order of lamps."""
    there = None if delivered is None else day(delivered)
    return PlacedOrder(day(at), f"o{at}", channel, ["lamps"], there, f"d{at}")


def sign(at: float, type_name: str, category: str = "") -> Sign:
    """An event."""
    return Sign(day(at), f"s{at}", type_name, "shop", category)


def phases(found: list[Proof], *days: float, category: str | None = None) -> list[str]:
    """On these days."""
    return [phase_at(found, day(one), category).phase.name.lower() for one in days]


def test_from_an_order_to_unaware() -> None:
    """Delivered on day 3, and nothing else: experiencing to day 93."""
    found = proofs([], [order(0, 3)], BERLIN)
    assert phases(found, -0.01, 0, 2.99, 3, 92.99, 93) == [
        "unaware", "buying", "buying", "experiencing", "experiencing", "unaware",
    ]  # fmt: skip
    now = phase_at(found, day(50))
    assert (now.until, now.grounds[0].event_ids) == (day(93), ("d0",))


def test_a_second_order_bonds() -> None:
    """Of day 60: bonding to day 425."""
    found = proofs([], [order(60), order(0, 3)], BERLIN)
    assert phases(found, 59.99, 60, 424.99, 425) == [
        "experiencing", "bonding", "bonding", "unaware",
    ]  # fmt: skip
    assert phase_at(found, day(60)).until == day(425)
    assert phases(proofs([], [order(0), order(0.1)], BERLIN), 0.2) == ["buying"]


@pytest.mark.parametrize(
    ("type_name", "phase", "days"),
    [
        ("campaign.reached", "aware", 30), ("search.performed", "searching", 30),
        ("cart.updated", "choosing", 14), ("support.contacted", "experiencing", 90),
        ("referral.made", "bonding", 365), ("page.viewed", "unaware", 0),
    ],
)  # fmt: skip
def test_how_long_a_sign_proves(type_name: str, phase: str, days: float) -> None:
    """From its instant on, and not up to the end of its time."""
    found = proofs([sign(0, type_name)], [], BERLIN)
    assert phases(found, 0, days) == [phase, "unaware"]


def test_three_views_of_a_category_are_a_comparison() -> None:
    """Within a week; of two categories they are none."""
    views = [sign(one, "product.viewed", "lamps") for one in (0, 3, 6.9)]
    assert phases(proofs(views, [], BERLIN), 6.8, 6.9) == ["searching", "choosing"]
    assert phases(proofs([*views[:2], sign(7, "product.viewed", "lamps")], [], BERLIN), 7) == [
        "searching"
    ]
    mixed = [*views[:2], sign(6.9, "product.viewed", "chairs")]
    assert phases(proofs(mixed, [], BERLIN), 6.9) == ["searching"]


def test_goods_of_a_till_are_there_at_once() -> None:
    """What is never said to be delivered is bought for two weeks."""
    assert phases(proofs([], [order(0, channel="pos")], BERLIN), 0, 90) == [
        "experiencing", "unaware",
    ]  # fmt: skip
    assert phases(proofs([], [order(0)], BERLIN), 13.99, 14) == ["buying", "unaware"]


def test_categories_have_phases_of_their_own() -> None:
    """What is about no category counts for none."""
    found = proofs(
        [sign(0, "product.viewed", "chairs"), sign(0, "referral.made")], [order(0)], BERLIN
    )
    assert phases(found, 1, category="lamps") == ["buying"]
    assert phases(found, 1, category="chairs") == ["searching"]
    assert phases(found, 1) == ["bonding"]


def test_how_many_are_in_each_phase() -> None:
    """60 of 100 are in one; ten of the 25 who are in one of lamps compare them."""
    rows = [
        PhaseGroup("", 0, 40), PhaseGroup("", 2, 50), PhaseGroup("", 6, 10),
        PhaseGroup("lamps", 0, 30), PhaseGroup("lamps", 2, 15), PhaseGroup("lamps", 3, 10),
    ]  # fmt: skip
    found = compute(Phases(rows), CONTEXT)
    assert (found.n, found.value) == (100, 0.6)
    assert (found.counts["unaware"], found.counts["bonding"], found.counts["aware"]) == (40, 10, 0)
    cells = {(one.by, one.key): one.value for one in found.breakdown}
    assert cells == {
        ("phase", "unaware"): 0.4, ("phase", "searching"): 0.5, ("phase", "bonding"): 0.1,
        ("in lamps", "searching"): 0.6, ("in lamps", "choosing"): 0.4,
    }  # fmt: skip


def test_phases_of_few_do_not_follow_from_the_others() -> None:
    """One of 71 buys lamps, which neither another phase of lamps nor a count says; and the value
    says who is unaware."""
    lamps = [PhaseGroup("lamps", 2, 40), PhaseGroup("lamps", 3, 30), PhaseGroup("lamps", 4, 1)]
    every = [PhaseGroup("", 2, 60), PhaseGroup("", 3, 40), PhaseGroup("", 4, 1)]
    figures, _ = shown(compute(Phases([*every, *lamps]), CONTEXT))
    assert {(one.by, one.key) for one in figures.breakdown if one.n} == {
        ("phase", "searching"), ("in lamps", "searching"),
    }  # fmt: skip
    assert (figures.counts["persons"], figures.counts["searching"], figures.value) == (101, 60, 1)
    assert not {"buying", "choosing"} & {*figures.counts}
    figures, _ = shown(compute(Phases([*every, PhaseGroup("", 0, 9)]), CONTEXT))
    assert (figures.n, figures.value, "unaware" in figures.counts) == (110, None, False)

"""What the reports of the benchmarks compute from their runs."""

from __future__ import annotations

from typing import Any

import pytest

from bench import ingest, workers
from bench.children import ChildFailed
from bench.worker_steady import bucket_of
from bench.worker_steady import tell as tell_steady

STEADY: dict[str, Any] = {
    "rate": 2_000,
    "seconds": 70.0,
    "sampled": 100,
    "never_seen": 0,
    "sender_late_ms_max": 3.0,
    "p50_ms": 300.0,
    "p99_ms": 1_000.0,
    "max_ms": 1_200.0,
    "peak_mib": {"ingest": 300.0},
    "cpu_share": {"ingest": 0.4},
}


def run(contestant: str, speed: int, cpu_us: float, stored: int = 1_000) -> dict[str, Any]:
    """One run of a contestant."""
    return {
        "contestant": contestant,
        "events_per_second": speed,
        "cpu_us_per_event": cpu_us,
        "peak_mib": 100.0,
        "stored": stored,
    }


def test_speed_and_processor_time_are_compared_round_by_round() -> None:
    """Ours by theirs; of two members theirs by ours; processor time always by ours."""
    runs = [
        run("ours", 1_000, 100.0), run("bare", 4_000, 25.0), run("ours-2", 1_500, 110.0),
        run("ours", 2_000, 200.0), run("bare", 4_000, 20.0), run("ours-2", 3_600, 200.0),
        run("ours", 900, 100.0), run("bare", 1_000, 50.0), run("ours-2", 1_800, 120.0),
    ]  # fmt: skip
    bare = {"speed": 0.5, "lowest": 0.25, "highest": 0.9, "cpu": 0.25}
    assert workers._ratio(runs, "bare") == bare
    pair = {"speed": 1.8, "lowest": 1.5, "highest": 2.0, "cpu": 1.1}
    assert workers._ratio(runs, "ours-2") == pair


@pytest.mark.parametrize(
    ("name", "speed", "told"),
    [
        ("bare", 0.55, "0.55 (0.20 – 0.90), CPU 0.30, aim 0.55: reached"),
        ("kafka-streams", 0.49, "0.49 (0.20 – 0.90), CPU 0.30, aim 0.5: not reached"),
        ("ours-2", 1.7, "it ÷ ours 1.70 (0.20 – 0.90), CPU 0.30, aim 1.7: reached"),
        ("quix-split", 0.5, "0.50 (0.20 – 0.90), CPU 0.30"),
    ],
)
def test_an_aim_is_told_with_whether_it_is_reached(name: str, speed: float, told: str) -> None:
    """Of those that have one."""
    ratio = {"speed": speed, "lowest": 0.2, "highest": 0.9, "cpu": 0.3}
    assert workers._told_ratio(name, ratio) == told


def test_a_steady_stream_is_held_against_the_aim_of_its_pace() -> None:
    """1 s at 2,000 events a second, 2 s at 5,000; another pace has no aim."""
    assert "1,000 ms (p99, aim 1,000: reached)" in tell_steady(STEADY)
    late = STEADY | {"rate": 5_000, "p99_ms": 2_000.5}
    assert "(p99, aim 2,000: not reached)" in tell_steady(late)
    assert "1,000 ms (p99)," in tell_steady(STEADY | {"rate": 300})


def test_contestants_must_store_the_same() -> None:
    """To the event; those with rules of their own within a hundredth; who stores nothing counts
    not at all."""
    same = [run("bare", 1, 1.0, 0), run("ours", 1, 1.0), run("faust-take", 1, 1.0)]
    workers.require_same([*same, run("quix-plain", 1, 1.0, 1_010)])
    with pytest.raises(ChildFailed, match="different numbers of events: \\[999, 1000\\]"):
        workers.require_same([*same, run("quix-whole", 1, 1.0, 999)])
    with pytest.raises(ChildFailed, match="kafka-streams stored 989 events where ours stored"):
        workers.require_same([*same, run("kafka-streams", 1, 1.0, 989)])


def test_every_member_has_a_cpu_of_its_own_and_the_servers_the_rest() -> None:
    """Or nothing is pinned: two members, broker and store do not fit on two CPUs."""
    assert workers.placement([0, 1], ["ours", "bare"]) == [{0}, {1}]
    assert workers.placement([0, 1, 2, 3], ["ours", "ours-2"]) == [{0}, {1}, {2, 3}]
    with pytest.raises(ChildFailed, match="needs 3 CPUs"):
        workers.placement([0, 1], ["ours", "ours-2"])


def test_a_short_run_has_known_contestants() -> None:
    """Ours among them, and only options that the benchmark takes."""
    assert set(workers.SHORT["contestants"]) <= set(workers.CONTESTANTS)
    assert workers.OURS in workers.SHORT["contestants"]
    names = workers.measure.__code__.co_varnames[: workers.measure.__code__.co_argcount]
    assert set(workers.SHORT) <= set(names)


def test_the_engine_is_compared_with_both_loops() -> None:
    """Round by round, each with the runs of its own round."""
    runs = [
        run("bare", 100, 10.0), run("msgspec", 200, 5.0), run("engine", 50, 20.0),
        run("bare", 200, 10.0), run("msgspec", 400, 4.0), run("engine", 40, 40.0),
    ]  # fmt: skip
    assert ingest._ratios(runs) == {
        "speed": 0.35,
        "speed_lowest": 0.2,
        "speed_highest": 0.5,
        "cpu_per_event": 3.0,
        "peak_memory": 1.0,
        "msgspec_speed": 0.175,
        "msgspec_cpu_per_event": 7.0,
    }


@pytest.mark.parametrize(("share", "bound"), [(0.5, 0.5), (0.99, 2.5), (1.0, float("inf"))])
def test_a_share_of_batches_is_read_off_the_metric(share: float, bound: float) -> None:
    """The bound of the first bucket that holds the share; other labels do not count."""
    counts = {"0.25": 0, "0.5": 60, "2.5": 99, "+Inf": 100}
    page = "".join(
        f'c360_freshness_seconds_bucket{{le="{le}",since="{since}"}} {count}.0\n'
        for since in ("occurred", "received")
        for le, count in counts.items()
        if since == "received" or le == "+Inf"
    )
    assert bucket_of(page, share) == bound

"""Turns of requests: everyone's events advance, and a turn is as long as the one before allows."""

from __future__ import annotations

from typing import NamedTuple

from services.ingest.lines import Line
from services.ingest.stage import Result, Status
from services.intake.turns import LEAST_EVENTS, LONG_S, Turn, Turns


class Request(NamedTuple):
    """A request with its name."""

    name: str
    lines: list[Line]


def request(name: str, events: int) -> Request:
    """A request of that many events."""
    return Request(name, [Line(f"{name}-{number}".encode(), 1) for number in range(events)])


def results_of(turn: Turn[Request]) -> list[Result]:
    """A result for each event, which names it."""
    return [Result(one.content.decode(), Status.ACCEPTED) for one in turn.lines]


def test_small_requests_do_not_wait_for_a_large_one() -> None:
    """A turn takes a part of each; everything gets its results once, in its order."""
    turns: Turns[Request] = Turns(1_000)
    sent = [request("large", 5_000), *(request(f"small{n}", 3) for n in range(20))]
    for one in sent:
        turns.add(one)
    order: list[str] = []
    while turns:
        turn = turns.next()
        assert 0 < len(turn.lines) <= 1_000
        for done, results in turns.finish(turn, results_of(turn), 0.7):
            order.append(done.name)
            assert [one.event_id for one in results] == [
                line.content.decode() for line in done.lines
            ]
    assert sorted(order) == sorted(one.name for one in sent)
    assert order[-1] == "large"


def test_a_request_alone_has_the_whole_turn() -> None:
    """Also one without events, which is complete at once."""
    turns: Turns[Request] = Turns(1_000)
    turns.add(request("one", 150))
    assert len(turns.next().lines) == 150
    turns.clear()
    turns.add(request("empty", 0))
    turn = turns.next()
    assert [done.name for done, _ in turns.finish(turn, [], 0.0)] == ["empty"]
    assert not turns.next().parts


def test_turns_follow_the_time_they_take() -> None:
    """Slow events make them small, never smaller than a floor; quick ones large, up to a bound."""
    turns: Turns[Request] = Turns(4_000)
    turns.add(request("endless", 200_000))

    def sizes(took_s: float, times: int) -> list[int]:
        found: list[int] = []
        for _ in range(times):
            turn = turns.next()
            found.append(len(turn.lines))
            turns.finish(turn, results_of(turn), took_s)
        return found

    assert sizes(0.01, 6) == [200, 400, 800, 1_600, 3_200, 4_000]
    assert sizes(LONG_S * 2, 9)[-1] == LEAST_EVENTS
    assert sizes(0.7, 3) == [LEAST_EVENTS] * 3


def test_cleared_turns_know_who_waited() -> None:
    """Also those of which a part is done."""
    turns: Turns[Request] = Turns(10)
    sent = [request("a", 30), request("b", 5)]
    for one in sent:
        turns.add(one)
    turn = turns.next()
    turns.finish(turn, results_of(turn), 0.7)
    assert sorted(one.name for one in turns.clear()) == ["a", "b"]
    assert len(turns) == 0

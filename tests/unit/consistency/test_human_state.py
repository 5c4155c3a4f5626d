"""What people do with an incident is laid over it, in whatever order it arrives."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.claim import PriceClaim
from schemas.incident import AnyIncident, IncidentState
from schemas.incident_action import ActionKind, IncidentAction
from services.consistency.adapters.memory import MemoryStore
from services.consistency.core.human_state import mute_ends, overlaid
from services.consistency.writer import ConsistencyWriter

from .histories import QUICK, some_claims
from .market import BOOK, claim, hour, only, rules

ACK, UNACK, MUTE, UNMUTE = ActionKind
OPEN, ACKNOWLEDGED = IncidentState.OPEN, IncidentState.ACKNOWLEDGED
MUTED, RESOLVED = IncidentState.MUTED, IncidentState.RESOLVED
WRONG = [
    *(claim(channel, "10", 0) for channel in ("shop", "app", "pos")),
    claim("shop", "12", 10),
]
HEALED = claim("shop", "10", 50)
LAST = hour(76)


def incident(*more: PriceClaim, now: float = 30) -> AnyIncident:
    """A wrong shop price from hour 10 on, as of an hour."""
    return only([*WRONG, *more], now)


ID = incident().incident_id


def act(action: ActionKind, at: float, until: float | None = None, **fields: Any) -> IncidentAction:
    """An action at an hour, with an end in event time."""
    usual = {
        "incident_id": ID, "action": action, "by": "kim", "reason": "known", "acted_at": hour(at),
        "until": None if until is None else hour(until),
    }  # fmt: skip
    return IncidentAction.model_validate(usual | fields)


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        ([], OPEN),
        ([act(ACK, 1)], ACKNOWLEDGED),
        ([act(ACK, 1), act(UNACK, 2)], OPEN),
        ([act(UNACK, 1), act(ACK, 2)], ACKNOWLEDGED),
        ([act(MUTE, 1)], MUTED),
        ([act(MUTE, 1, until=40)], MUTED),  # it is hour 30
        ([act(MUTE, 1, until=30)], OPEN),  # the end itself is no longer muted
        ([act(MUTE, 1), act(UNMUTE, 2)], OPEN),
        ([act(MUTE, 1), act(MUTE, 2, until=20)], OPEN),  # the later mute counts, and has ended
        ([act(ACK, 1), act(MUTE, 2)], MUTED),  # a mute hides an acknowledgement
        ([act(ACK, 1), act(MUTE, 2), act(UNMUTE, 3)], ACKNOWLEDGED),  # … and gives it back
        ([act(MUTE, 1), act(UNACK, 2)], MUTED),  # each takes back its own only
        ([act(ACK, 1), act(UNACK, 1)], OPEN),  # at the same time, taking back counts
        ([act(MUTE, 1), act(UNMUTE, 1)], OPEN),
    ],
)
def test_the_latest_of_each_switch_counts(
    actions: Sequence[IncidentAction], state: IncidentState
) -> None:
    """Only the state of the incident differs, and the order of arrival changes nothing."""
    judged = incident()
    for arrived in (actions, actions[::-1], [*actions, *actions]):
        shown = overlaid(judged, arrived, hour(30))
        assert shown == judged.model_copy(update={"state": state})


@pytest.mark.parametrize(
    ("mutes", "ends"),
    [
        ([(40, "kim"), (50, "ann")], 50),
        ([(None, "kim"), (40, "ann")], 40),  # the one with an end, as it is the more cautious
    ],
)
def test_of_two_mutes_in_one_instant_the_end_decides(
    mutes: list[tuple[float | None, str]], ends: float
) -> None:
    """The later end counts, whoever set it; one without end counts least."""
    actions = [act(MUTE, 1, until=until, by=by) for until, by in mutes]
    for order in (actions, actions[::-1]):
        assert mute_ends(order, hour(30)) == hour(ends)


@pytest.mark.parametrize(("now", "claims"), [(60, [HEALED]), (11, [])])
def test_only_an_open_incident_takes_a_state(now: float, claims: list[PriceClaim]) -> None:
    """Neither one that is over nor one that is still within its grace changes."""
    judged = incident(*claims, now=now)
    assert judged.state is not OPEN
    assert overlaid(judged, [act(MUTE, 1), act(ACK, 1)], hour(now)) is judged


def test_when_a_mute_ends() -> None:
    """Only the mute that counts has an end, and only one that lies ahead."""
    assert mute_ends([act(MUTE, 1, until=40)], hour(30)) == hour(40)
    assert mute_ends([act(MUTE, 1, until=40)], hour(40)) is None
    assert mute_ends([act(MUTE, 1, until=40), act(MUTE, 2)], hour(30)) is None
    assert mute_ends([act(MUTE, 1, until=40), act(UNMUTE, 2)], hour(30)) is None
    assert mute_ends([act(ACK, 1)], hour(30)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"by": " "},
        {"reason": ""},
        {"reason": "x" * 301},
        {"by": "x" * 101},
        {"incident_id": ID[:8]},
        {"action": "close"},
        {"until": hour(9)},  # an acknowledgement does not end
        {"acted_at": "2026-03-02T10:00:00"},  # no zone
    ],
)
def test_who_and_why_are_needed(fields: dict[str, Any]) -> None:
    """Nothing enters the audit trail without them, or without bounds."""
    with pytest.raises(ValidationError):
        IncidentAction.model_validate(act(ACK, 1).model_dump() | fields)


class Applied:
    """A writer that is fed step by step; a new one takes over before each step."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._version = 0

    def apply(
        self,
        claims: Sequence[PriceClaim] = (),
        now: datetime | None = None,
        actions: Sequence[IncidentAction] = (),
    ) -> list[AnyIncident]:
        """Apply and commit; what is to be published."""
        self._version += 1
        writer = ConsistencyWriter(self.store, rules())
        told = writer.apply(claims, now, {BOOK: actions} if actions else None)
        writer.commit(self._version)
        return told

    @property
    def incidents(self) -> dict[str, AnyIncident]:
        """The stored incidents."""
        found = self.store.incidents_of([BOOK]).get(BOOK, ())
        return {one.incident_id: one for one in found if one.state is not IncidentState.RETRACTED}


def test_told_when_done_and_when_the_mute_ends() -> None:
    """An action publishes the incident, and so does the tick that reaches the end of a mute."""
    shop = Applied()
    assert [one.state for one in shop.apply(WRONG, hour(20))] == [OPEN]
    assert [one.state for one in shop.apply(actions=[act(ACK, 1)])] == [ACKNOWLEDGED]
    assert [one.state for one in shop.apply(actions=[act(MUTE, 2, until=40)])] == [MUTED]
    assert shop.apply(actions=[act(MUTE, 2, until=40)]) == []  # delivered again
    assert shop.apply(now=hour(39)) == []
    assert [one.state for one in shop.apply(now=hour(40))] == [ACKNOWLEDGED]
    assert [one.state for one in shop.apply([HEALED], hour(60))] == [RESOLVED]


def test_a_reopened_incident_is_still_acknowledged() -> None:
    """The same incident comes back within a day: whoever takes care of it, still does."""
    shop = Applied()
    shop.apply(WRONG, hour(20))
    shop.apply(actions=[act(ACK, 1)])
    shop.apply([HEALED], hour(51))
    assert [one.state for one in shop.apply([claim("shop", "12", 52)], hour(60))] == [ACKNOWLEDGED]
    assert shop.incidents.keys() == {ID}


def test_a_later_incident_begins_untouched() -> None:
    """A deviation that comes after that is another incident, which nobody has acknowledged."""
    shop = Applied()
    shop.apply(WRONG, hour(20))
    shop.apply(actions=[act(ACK, 1)])
    shop.apply([HEALED], hour(51))
    shop.apply([claim("shop", "12", 90)], hour(100))
    assert [(key == ID, one.state) for key, one in shop.incidents.items()] == [
        (True, RESOLVED),
        (False, OPEN),
    ]


def test_an_action_stored_alone_takes_effect_at_the_next_tick() -> None:
    """Killed after the action was stored and before the incident: the book is due."""

    class Dying(MemoryStore):
        def write_incidents(self, incidents: Sequence[AnyIncident], version: int) -> None:
            if any(one.state is ACKNOWLEDGED for one in incidents) and not self.died:
                self.died = True
                raise RuntimeError("killed")
            super().write_incidents(incidents, version)

        died = False

    shop = Applied()
    shop.store = Dying()
    shop.apply(WRONG, hour(20))
    with pytest.raises(RuntimeError, match="killed"):
        shop.apply(actions=[act(ACK, 1)])
    assert shop.incidents[ID].state is OPEN
    assert [one.state for one in shop.apply(now=hour(21))] == [ACKNOWLEDGED]


def some_actions(rng: random.Random, ids: Sequence[str]) -> list[IncidentAction]:
    """Actions at few instants, so that many tie, on incidents that exist at some time."""
    return [
        act(
            action,
            rng.randint(0, 2),
            until=rng.choice([None, 12, 48, 99]) if action is MUTE else None,
            incident_id=rng.choice(ids),
            by=rng.choice(["kim", "lee"]),
        )
        for action in rng.choices(list(ActionKind), k=rng.randint(1, 8))
    ]


def shuffled(rng: random.Random, items: Iterable[Any]) -> list[Any]:
    """All items, some of them twice, in any order."""
    found = list(items)
    found += rng.sample(found, k=len(found) // 3)
    rng.shuffle(found)
    return found


def test_any_order_ends_in_the_same_state() -> None:
    """Claims, actions and ticks in any order, any batches, some twice: the same incidents."""
    using, overlaid_count = rules(**QUICK), 0
    for seed in range(300):
        rng = random.Random(seed)
        claims = some_claims(rng)
        plain = ConsistencyWriter(MemoryStore(), using)
        ids = [one.incident_id for one in plain.apply(claims, LAST)]
        if not ids:
            continue
        actions = some_actions(rng, ids)
        reference = MemoryStore()
        once = ConsistencyWriter(reference, using)
        once.apply(claims, LAST, {BOOK: actions})
        once.commit(1)
        store = MemoryStore()
        writer = ConsistencyWriter(store, using)
        for version, item in enumerate(
            shuffled(rng, [*claims, *actions, hour(rng.randint(0, 70))])
        ):
            if rng.random() < 0.2:
                writer = ConsistencyWriter(store, using)
            if isinstance(item, PriceClaim):
                writer.apply([item], None)
            elif isinstance(item, IncidentAction):
                writer.apply([], None, {BOOK: [item]})
            else:
                writer.apply([], item)
            writer.commit(version)
        writer.apply([], LAST)
        writer.commit(10_000)
        kept = [_kept(one) for one in (reference, store)]
        assert kept[0] == kept[1], seed
        overlaid_count += sum(one.state in (MUTED, ACKNOWLEDGED) for one in kept[0].values())
    assert overlaid_count > 40


def _kept(store: MemoryStore) -> dict[str, AnyIncident]:
    found = store.incidents_of([BOOK]).get(BOOK, ())
    return {one.incident_id: one for one in found if one.state is not IncidentState.RETRACTED}


def test_times_count_in_whole_milliseconds() -> None:
    """As they are stored, so that an action read back is the same action."""
    odd = datetime(2026, 3, 2, 1, 2, 3, 4_567, tzinfo=UTC)
    assert act(ACK, 1, acted_at=odd).acted_at == odd - timedelta(microseconds=567)

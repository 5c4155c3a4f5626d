"""Loyalty accounts: what contradicts, what a movement explains, and whose account it is."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.offer import Basis
from schemas.subject import SEPARATOR, Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.loyalty_balance_mismatch import (
    BALANCE,
    KIND,
    NAME,
    TIER,
    Account,
    Cause,
    LoyaltyRules,
    assigned,
    claims,
    met,
)
from tests.events import event, identifier
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.customer(7))
RULES = LoyaltyRules()
DAY = 24


def says(
    channel: str,
    balance: float | None,
    at: float,
    change: float | None = None,
    *,
    tier: str = "",
    card: str = "c",
    programme: str = "plus",
) -> Statement:
    """A channel names a balance, a movement, or a tier, at an hour."""
    moved = f"{SEPARATOR}{change:g}" if change else ""
    value = tier or f"{'' if balance is None else f'{balance:g}'}{moved}"
    terms = SEPARATOR.join((card, programme, TIER if tier else BALANCE))
    name = f"{channel}-{at:g}-{value}-{card}"
    return Statement(BOOK, hour(at), name, 0, 0, channel, "", "", Basis.PUBLISHED, value, terms)


def incidents(said: list[Statement], now: float, rules: LoyaltyRules = RULES) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))


def told(said: list[Statement], now: float = 60 * DAY, **rules: Any) -> list[tuple[str, str]]:
    """Who is open, and why."""
    found = incidents(said, now, LoyaltyRules(**rules))
    return [(one.channel, one.cause) for one in found if one.state is IncidentState.OPEN]


def test_two_channels_at_the_same_time() -> None:
    """Pending for the grace of the second; of two, nobody knows which is right."""
    said = [says("shop", 500, 0), says("app", 480, 1)]
    [found] = incidents(said, 48.9)
    assert (found.state, found.due_at, found.opened_at) == (
        IncidentState.PENDING, hour(49), None,
    )  # fmt: skip
    [found] = incidents(said, 49)
    assert (found.state, found.since, found.opened_at) == (IncidentState.OPEN, hour(1), hour(49))
    assert (found.channel, found.severity) == ("app", Severity.MEDIUM)
    assert found.cause == Cause.UNDECIDED_BALANCE
    assert found.evidence == [["app-1-480-c"], ["shop-0-500-c"]]
    assert found.details.model_dump() == {
        "programme": "plus", "card": "c", "field": "points_balance",
        "expected": "500", "observed": "480",
    }  # fmt: skip
    assert found.details.in_words() == "points_balance 480 instead of 500"
    [over] = incidents([*said, says("app", 500, 100)], 200)
    assert (over.incident_id, over.until) == (found.incident_id, hour(100))
    assert incidents([*said, says("app", 500, 49)], 200) == []  # at the last moment


def test_a_channel_that_stands_still() -> None:
    """It names the balance of before the movement, after its grace."""
    said = [says("app", 500, 0), says("pos", 550, DAY, 50)]
    assert incidents([*said, says("app", 500, DAY + 47.9)], 60 * DAY) == []
    [found] = incidents([*said, says("app", 500, DAY + 48)], 5 * DAY)
    assert (found.state, found.opened_at) == (IncidentState.OPEN, hour(72))
    assert found.cause == Cause.STALE_BALANCE
    assert incidents(said, 60 * DAY) == []  # whoever is silent is not wrong


def test_an_old_base() -> None:
    """Its movement starts from what the others left: the balance is as wrong as its base."""
    said = [says("app", 500, 0), says("pos", 550, DAY, 50), says("app", 510, 5 * DAY, 10)]
    assert told(said) == [("app", Cause.STALE_BALANCE)]
    said += [says("pos", 560, 6 * DAY), says("app", 560, 7 * DAY)]
    assert told(said) == []


@pytest.mark.parametrize(
    "said",
    [
        # a movement that is named
        [says("shop", 500, 0), says("app", 480, 1, -20), says("shop", 480, 2)],
        # the same movement, told by two
        [says("shop", 500, 0), says("pos", 520, 1, 20), says("app", 520, 2, 20)],
        # late: as it was within the grace
        [says("pos", 520, 1, 20), says("app", 500, 2)],
        [says("shop", 500, 0), says("app", 500, 1), says("pos", 530, 2, 30), says("app", 500, 40)],
        # told in the wrong order, by a clock that is ahead
        [says("shop", 500, 0), says("pos", 530, 1, 10), says("app", 520, 1.1, 20)],
        # a movement without a balance: nobody knows the balance until somebody says it
        [says("shop", 500, 0), says("pos", None, 1, 20), says("app", 520, 2)],
        # a channel that was right says something new: it knows of a movement
        [says("shop", 500, 0), says("app", 500, 1), says("app", 480, 2)],
        # a value that was right for a moment, unseen
        [says("shop", 500, 0), says("app", 500, 0), says("shop", 530, 9), says("app", 520, 10),
         says("shop", 530, 80)],
        # silence: points may have moved or expired
        [says("shop", 500, 0), says("app", 480, 72.1)],
        # after a month the former balance may be right again
        [says("app", 0, 0), says("pos", 50, 1, 50), says("app", 0, 32 * DAY)],
        # parts of a point
        [says("shop", 500.5, 0), says("app", 500, 1)],
        # a lag of an hour in a movement on a late base
        [says("shop", 500, 0), says("app", 520, 1, 20), says("pos", 505, 2, 5),
         says("app", 525, 3)],
        # one channel alone
        [says("shop", 500, 0), says("shop", 480, 1), says("shop", 500, 100)],
    ],
)  # fmt: skip
def test_what_a_movement_explains(said: list[Statement]) -> None:
    """Nothing is told, not even pending at the end."""
    assert incidents(said, 60 * DAY) == []


def test_more_channels_are_right() -> None:
    """At the same moment the odd one is told; later ones may know of a movement."""
    said = [says("shop", 500, 0), says("app", 480, 0), says("pos", 480, 0)]
    assert told(said) == [("shop", Cause.WRONG_BALANCE)]
    later = [says("shop", 500, 0), says("app", 480, 1), says("pos", 480, 2)]
    assert told(later) == []
    assert told([*later, says("shop", 500, 60)]) == [("shop", Cause.STALE_BALANCE)]


def test_a_reference_channel() -> None:
    """Its word counts, also against two, after silence, and for who was right before."""
    said = [says("erp", 500, 0), says("app", 480, 0), says("pos", 480, 1)]
    said += [says("erp", 500, 10)]
    assert told(said, reference_channels=["erp"]) == [
        ("app", Cause.WRONG_BALANCE), ("pos", Cause.WRONG_BALANCE),
    ]  # fmt: skip
    own = [says("erp", 500, 0), says("app", 500, 1), says("app", 490, 20 * DAY)]
    assert told(own) == []
    assert told(own, reference_channels=["erp"]) == [("app", Cause.WRONG_BALANCE)]
    follows = [*own, says("erp", 490, 20 * DAY + 5)]
    assert told(follows, reference_channels=["erp"]) == []


def test_what_nobody_repeats_is_forgotten() -> None:
    """After ninety days without a word of it."""
    said = [says("shop", 500, 0), says("app", 480, 1)]
    assert [one.until for one in incidents(said, 91 * DAY)] == [hour(1 + 90 * DAY)]
    again = [*said, says("app", 480, 50 * DAY)]
    assert [one.state for one in incidents(again, 91 * DAY)] == [IncidentState.OPEN]


def test_tiers() -> None:
    """Names are compared without case, language and words beside them; codes with nothing."""
    shop = says("shop", None, 0, tier="Silver")
    for alike in ("SILBER", "silver member", "Silber-Status", "S", "03"):
        assert incidents([shop, says("app", None, 1, tier=alike)], 60 * DAY) == []
    [found] = incidents([shop, says("app", None, 1, tier="Gold")], 60 * DAY)
    assert (found.severity, found.model_dump()["details"]["field"]) == (Severity.LOW, "tier")
    assert told([shop, says("app", None, 1, tier="Stufe 3")], same_tiers=[["gold", "stufe 3"]])


def test_channels_that_count_something_else() -> None:
    """They may be left out."""
    said = [says("shop", 500, 0), says("app", 480, 1)]
    assert told(said, ignored_channels=["app"]) == []


def account(card: str, programme: str) -> Account:
    return Account(card, programme, BALANCE)


def test_which_account_is_meant() -> None:
    """Without card or programme the only one there is; none of several."""
    one, unnamed, cardless, nothing = (
        account("a", "plus"), account("a", ""), account("", "plus"), account("", ""),
    )  # fmt: skip
    assert assigned([one, unnamed, cardless, nothing]) == dict.fromkeys(
        [one, unnamed, cardless, nothing], one
    )
    other = account("b", "plus")
    found = assigned([one, other, cardless, nothing])
    assert found == {one: one, other: other, cardless: None, nothing: None}
    club = account("a", "club")
    assert assigned([one, club, unnamed, nothing]) == {
        one: one, club: club, unnamed: None, nothing: None,
    }  # fmt: skip
    assert assigned([cardless, nothing]) == {cardless: cardless, nothing: cardless}
    assert assigned([nothing]) == {nothing: nothing}


def test_cards_and_programmes_are_apart() -> None:
    """A household's cards, and two programmes; a programme is one however it is written."""
    assert told([says("pos", 500, 0, card="a"), says("app", 20, 0, card="b")]) == []
    assert told([says("pos", 500, 0), says("app", 20, 0, programme="club")]) == []
    assert told([says("pos", 500, 0), says("app", 20, 1, programme="PLUS", card="")])


def test_a_true_account_is_never_told() -> None:
    """400 accounts that move, told by three channels with delays within the grace, some movements
    by nobody: silence. A channel that stops following is told as soon as it speaks after its grace,
    and no other one ever."""
    rng = random.Random(11)
    for _ in range(400):
        times = sorted(rng.sample(range(1, 400), k=6))
        steps = {at: rng.choice((-41, 7, 13, 22, 55)) for at in times}

        def balance(at: float, steps: dict[int, int] = steps) -> int:
            return 1000 + sum(step for time, step in steps.items() if time <= at)

        lags = {channel: rng.choice((0, 3, 20)) for channel in ("app", "shop")} | {"pos": 0}
        said = [says(channel, 1000, 0) for channel in lags]
        for at in rng.sample(range(1, 450), k=12):
            channel = rng.choice(list(lags))
            said.append(says(channel, balance(at - lags[channel]), at + 0.5))
        said += [
            says("pos", balance(at), at + 0.1, step)
            for at, step in steps.items()
            if rng.random() < 0.7
        ]
        assert incidents(said, 60 * DAY) == []
        known = [one for one in said if one.channel != "app" or one.occurred_at == hour(0)]
        moves = [one for one in known if SEPARATOR in one.value]
        if not moves or balance(500) == 1000:
            continue
        left_at = min(one.occurred_at for one in known if one.value != "1000")
        frozen = [says("app", 1000, at) for at in range(20, 700, 40)]
        found = incidents([*known, says("pos", balance(500), 500), *frozen], 40 * DAY)
        grace = timedelta(hours=48)
        proven = [
            one.occurred_at
            for one in frozen
            if one.occurred_at >= left_at + grace and one.occurred_at > hour(500)
        ]
        assert {one.channel for one in found} == {"app"}
        assert any(one.opened_at and one.opened_at <= proven[1] for one in found)


def random_history(rng: random.Random) -> list[Statement]:
    """Balances, movements and tiers of a few accounts that make no sense."""
    said = []
    for at in sorted(rng.sample(range(200), k=12)):
        channel = rng.choice(["shop", "app", "pos"])
        names: dict[str, Any] = {
            "card": rng.choice(["c", "c", "", "d"]),
            "programme": rng.choice(["plus", ""]),
        }
        if rng.random() < 0.2:
            said.append(says(channel, None, at, tier=rng.choice(["gold", "silver"]), **names))
        else:
            value = rng.choice([500, 520, 540, None])
            change = rng.choice([None, 20, -20]) if value else 20
            said.append(says(channel, value, at, change, **names))
    return said


def test_order_repetition_and_batches_change_nothing() -> None:
    """60 random histories, shuffled, doubled and judged step by step, give the same incidents; the
    times at which something is due are all that a judge needs to look at."""
    rng = random.Random(5)
    for _ in range(60):
        said = random_history(rng)
        wanted = incidents(said, 3000)
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=24):
            book.add([one])
            book.advance(hour(rng.randint(0, 200)))
            book.incidents()
        book.advance(hour(3000))
        found = sorted(book.incidents().values(), key=lambda one: (one.since, one.incident_id))
        assert found == wanted
        for it in wanted:
            assert it.since <= it.due_at
            assert it.opened_at is None or it.due_at <= it.opened_at
            assert it.until is None or (it.opened_at or it.until) <= it.until
        lazy = KIND.judge(BOOK, RULES)
        lazy.add(said)
        lazy.advance(hour(-1))
        before = lazy.incidents()
        while (due := lazy.next_due) is not None and due <= hour(3000):
            lazy.advance(due - timedelta(milliseconds=1))
            assert lazy.incidents() == before
            lazy.advance(due)
            before = lazy.incidents()
        lazy.advance(hour(3000))
        assert (
            sorted(lazy.incidents().values(), key=lambda one: (one.since, one.incident_id))
            == wanted
        )


def test_before_the_first_tick_and_corrections() -> None:
    """Nothing is told before it; the newest version counts; claims of others are refused."""
    said = [says("shop", 500, 0), says("app", 480, 1)]
    book = KIND.judge(BOOK, RULES)
    assert book.next_due is None
    assert book.add([*said, said[0]]) == said
    assert book.incidents() == {}
    assert book.next_due == hour(0)
    corrected = said[1]._replace(version=1, value="500")
    assert book.add([corrected, said[1]]) == [corrected]
    book.advance(hour(200))
    assert book.incidents() == {}
    with pytest.raises(ValueError, match="in the book of"):
        book.add([said[0]._replace(book=BOOK._replace(realm="other"))])


CARD = [identifier("loyalty_card", "77", verified=True)]


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        ({"programme": "Plus", "points_balance": 120}, [("Plus", BALANCE, "120")]),
        ({"points_balance": "120.50", "points_change": "-50"}, [("", BALANCE, "120.5;-50")]),
        ({"points_balance": 0, "points_change": 0}, [("", BALANCE, "0")]),
        ({"points_change": 5}, [("", BALANCE, ";5")]),
        ({"tier": "Gold", "points_balance": 1000}, [("", BALANCE, "1000"), ("", TIER, "Gold")]),
        ({"tier": "-"}, []),
        ({}, []),
    ],
)
def test_what_is_heard(body: dict[str, Any], heard: list[tuple[str, str, str]]) -> None:
    """Balance with movement, and tier, each a claim with a number of its own."""
    one = TouchpointAdapter.validate_python(event("loyalty.changed", identifiers=CARD, body=body))
    found = claims(Heard(one, hour(0), 3, 7, "DE", "EUR", cards=(9,)))
    card = "00000000-0000-0000-0000-000000000009"
    assert [(claim.terms, claim.value) for claim, _ in found] == [
        (SEPARATOR.join((card, programme, field)), value.replace(";", SEPARATOR))
        for programme, field, value in heard
    ]
    assert [claim.ordinal for claim, _ in found] == list(range(len(heard)))
    for claim, quantity in found:
        assert (claim.book, claim.version, quantity) == (BOOK, 3, Decimal(0))


def test_whose_events_count() -> None:
    """Not those of a device or a typed address, nor of two cards at once, nor other events."""
    one = TouchpointAdapter.validate_python(
        event("loyalty.changed", identifiers=CARD, body={"points_balance": 5})
    )
    heard = Heard(one, hour(0), 3, 7, "DE", "EUR", cards=(9,))
    assert len(claims(heard)) == 1
    assert claims(heard._replace(is_personal=False)) == []
    assert claims(heard._replace(cards=(8, 9))) == []
    other = TouchpointAdapter.validate_python(event())
    assert claims(heard._replace(event=other)) == []


def test_nobody_else_met_it() -> None:
    """It concerns the customer who is its subject."""
    found: Any = incidents([says("shop", 500, 0), says("app", 480, 1)], 200)[0]
    assert met(found, [], RULES) == []

"""Availability: which states contradict each other, which is right, and what is heard."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, Exposure, IncidentState, Severity
from schemas.offer import Availability, Basis
from schemas.subject import Subject
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.expectation import expected_of
from services.consistency.core.exposure import exposure_of
from services.consistency.core.kind import Heard, Observation
from services.consistency.kinds.availability_mismatch import (
    KIND,
    NAME,
    AvailabilityComparison,
    AvailabilityDetails,
    AvailabilityRules,
    Cause,
    claims,
    met,
)
from tests.events import event
from tests.unit.consistency.market import hour

BOOK = Book("default", NAME, Subject.product("DE", "A-1"))
RULES = AvailabilityRules()
COMPARISON = AvailabilityComparison(RULES)
HERE, FEW, GONE, SOON, OVER = (
    Availability.IN_STOCK,
    Availability.LIMITED,
    Availability.OUT_OF_STOCK,
    Availability.PREORDER,
    Availability.DISCONTINUED,
)


def says(channel: str, state: Availability, at: float, **fields: Any) -> Statement:
    """A channel states an availability at an hour."""
    basis = fields.pop("basis", Basis.PUBLISHED)
    name = f"{channel}-{basis[0]}{at:g}-{state}"
    return Statement(BOOK, hour(at), name, 0, 0, channel, "", "", basis, state)._replace(**fields)


def incidents(said: list[Statement], now: float) -> list[AnyIncident]:
    """What follows when the latest tick is at an hour."""
    book = KIND.judge(BOOK, RULES)
    book.add(said)
    book.advance(hour(now))
    return sorted(book.incidents().values(), key=lambda one: one.since)


def test_only_here_and_not_here_contradict() -> None:
    """Of all pairs of states, with `limited` between them, agreement is symmetric."""
    contradicting = {
        frozenset(pair) for pair in product(Availability, repeat=2) if not COMPARISON.agrees(*pair)
    }
    assert contradicting == {frozenset({HERE, other}) for other in (GONE, SOON, OVER)}


@pytest.mark.parametrize(
    ("states", "right"),
    [
        ([HERE, HERE, GONE], HERE),
        (
            [GONE, OVER, HERE],
            GONE,
        ),  # two say that it cannot be had
        ([HERE, GONE], GONE),  # without a majority, what promises least
        ([HERE, SOON], SOON),
        ([HERE, FEW, GONE], FEW),  # few are left: everybody may be right
        ([HERE], HERE),
    ],
)
def test_which_state_is_right(states: list[Availability], right: Availability) -> None:
    """More than half agree, or else nothing is promised."""
    votes = [says(f"c{number}", state, 0) for number, state in enumerate(states)]
    expected = expected_of(COMPARISON, votes)
    assert expected is not None
    assert COMPARISON.agrees(expected.value, right)
    assert expected.value in states


@pytest.mark.parametrize(
    ("states", "right"),
    [
        ([GONE, OVER, HERE], OVER),  # of states that agree, the one that promises least
        ([GONE, GONE, OVER], GONE),  # unless another one is claimed more often
        ([SOON, GONE, GONE, OVER, HERE], GONE),  # four agree that it cannot be had
        ([HERE, HERE, GONE, OVER], OVER),  # half of the votes are no majority
    ],
)
def test_which_of_the_states_that_agree(states: list[Availability], right: Availability) -> None:
    """The majority's most frequent state, or the least promise of all."""
    votes = [says(f"c{number}", state, 0) for number, state in enumerate(states)]
    assert COMPARISON.choose(votes) is right


def test_a_channel_that_does_not_follow_opens_after_its_grace() -> None:
    """The app has an hour; then its promise is an incident, until it is taken back."""
    said = [says(channel, HERE, 0) for channel in ("shop", "app", "pos")]
    said += [says(channel, GONE, 10) for channel in ("shop", "pos")]
    assert [one.state for one in incidents(said, 10.5)] == [IncidentState.PENDING]
    [opened] = incidents(said, 20)
    assert (opened.channel, opened.opened_at, opened.severity) == ("app", hour(11), Severity.HIGH)
    assert (opened.cause, opened.kind) == (Cause.STALE_AVAILABILITY, NAME)
    assert opened.details == AvailabilityDetails(expected=GONE, observed=HERE)
    [resolved] = incidents([*said, says("app", GONE, 15)], 20)
    assert (resolved.incident_id, resolved.until) == (opened.incident_id, hour(15))


def test_a_lost_sale_is_less_severe() -> None:
    """Who hides what is there loses a sale; nobody orders in vain."""
    said = [says("shop", HERE, 0), says("pos", HERE, 0), says("app", GONE, 0)]
    [found] = incidents(said, 9)
    assert (found.severity, found.cause) == (Severity.MEDIUM, Cause.WRONG_AVAILABILITY)


def test_variants_are_compared_apart() -> None:
    """The red one may be sold out while the blue one is there."""
    said = [says(channel, HERE, 0) for channel in ("shop", "app")]
    said += [says(channel, GONE, 0, terms='{"variant":"red"}') for channel in ("shop", "app")]
    assert incidents(said, 50) == []
    [found] = incidents([*said, says("app", HERE, 5, terms='{"variant":"red"}')], 50)
    assert isinstance(found.details, AvailabilityDetails)
    assert found.details.terms == {"variant": "red"}


def test_an_old_observation_stands_for_nobody() -> None:
    """What a customer was shown this morning does not vote in the evening."""
    said = [says("shop", HERE, 0), says("app", GONE, 1, basis=Basis.DISPLAYED)]
    assert incidents([*said, says("pos", GONE, 2)], 3)[0].channel == "shop"
    late = [says("shop", HERE, 0), says("app", GONE, 1, basis=Basis.DISPLAYED)]
    late += [says("shop", HERE, 9), says("pos", HERE, 9)]
    assert [one.state for one in incidents(late, 40) if one.state == "open"] == []


def test_order_repetition_and_batches_change_nothing() -> None:
    """200 random histories, shuffled, doubled and judged step by step, give the same incidents."""
    rng = random.Random(11)
    for _ in range(200):
        said = [
            says(rng.choice(["shop", "app", "pos"]), rng.choice(list(Availability)), at)
            for at in sorted(rng.sample(range(60), k=8))
        ]
        wanted = incidents(said, 70)
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=16):
            book.add([one])
            book.advance(hour(rng.randint(0, 60)))
            book.incidents()
        book.advance(hour(70))
        assert sorted(book.incidents().values(), key=lambda one: one.since) == wanted


OFFER = {"sku": "A-1", "availability": "in_stock"}


@pytest.mark.parametrize(
    ("fields", "heard"),
    [
        ({"type": "offer.published", "body": OFFER}, [("in_stock", "published", "", "")]),
        ({"type": "product.viewed", "body": {"sku": "A-1", "offer": OFFER}},
         [("in_stock", "displayed", "", "")]),
        ({"type": "offer.published", "channel": "pos", "source": {"store": "12"}, "body": OFFER},
         [("in_stock", "published", "12", "")]),
        ({"type": "offer.published", "body": {**OFFER, "variant": "red", "condition": "used"}},
         [("in_stock", "published", "", '{"condition":"used","variant":"red"}')]),
        ({"type": "offer.published", "body": {"sku": "A-1", "price": "9.99"}}, []),
        ({"type": "offer.published", "body": {**OFFER, "seller": "somebody"}}, []),
        ({"type": "offer.published", "channel": "email", "body": OFFER}, []),  # sent is sent
    ],
)  # fmt: skip
def test_what_is_heard(fields: dict[str, Any], heard: list[tuple[str, ...]]) -> None:
    """Offers with an availability, of the retailer's own, on channels that can be updated."""
    one = TouchpointAdapter.validate_python(event() | fields)
    found = [claim for claim, _ in claims(Heard(one, hour(0), 7, 1, "DE", "EUR"))]
    assert [(c.value, c.basis, c.location, c.terms) for c in found] == heard
    assert all(claim.book == BOOK and claim.version == 7 for claim in found)


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"channel": "app", "source": {"store": "12"}}, [("", "", 0)]),  # not a store's channel
        ({"channel": "pos", "source": {"store": "12"}, "zone": "south"}, [("", "south", 0)]),
        ({"channel": "pos", "source": {"store": "12"}, "location": "7"}, [("7", "", 0)]),
        ({"channel": "pos", "source": {"store": "12"}, "condition": ""}, [("12", "", 0)]),
    ],
)
def test_where_a_state_is_claimed(
    fields: dict[str, Any], places: list[tuple[str, str, int]]
) -> None:
    """At the location or zone that the offer names, else at the store of a till or kiosk."""
    named = {name: fields[name] for name in ("zone", "location", "condition") if name in fields}
    envelope = {name: fields[name] for name in ("channel", "source")}
    one = TouchpointAdapter.validate_python(
        event() | {"type": "offer.published", "body": OFFER | named} | envelope
    )
    found = [claim for claim, _ in claims(Heard(one, hour(0), 7, 1, "DE", "EUR"))]
    assert [(claim.location, claim.zone, claim.ordinal) for claim in found] == places
    assert [claim.terms for claim in found] == [""]


def test_the_claims_of_a_cart_are_numbered() -> None:
    """Each offer with an availability is a claim; the number tells them apart."""
    items = [{"offer": OFFER}, {"sku": "A-1"}, {"offer": {**OFFER, "availability": "limited"}}]
    one = TouchpointAdapter.validate_python(
        event() | {"type": "cart.updated", "body": {"items": items}}
    )
    found = claims(Heard(one, hour(0), 7, 1, "DE", "EUR"))
    assert [(claim.ordinal, claim.value, quantity) for claim, quantity in found] == [
        (0, "in_stock", Decimal(0)),
        (1, "limited", Decimal(0)),
    ]


def test_a_product_page_without_an_offer_claims_nothing() -> None:
    """Nor does an event of another type."""
    for body in ({"type": "product.viewed", "body": {"sku": "A-1"}}, {"type": "page.viewed"}):
        one = TouchpointAdapter.validate_python(event() | {"body": {}} | body)
        assert claims(Heard(one, hour(0), 7, 1, "DE", "EUR")) == []


def test_the_same_promise_is_no_promise_too_much() -> None:
    """Only a state above the expected one is an order that cannot be fulfilled."""
    assert COMPARISON.severity(HERE, HERE) is Severity.MEDIUM


def test_exposure_counts_from_the_beginning_up_to_the_end() -> None:
    """Since is inside, until is not; what agrees with the expected state is not counted."""
    said = [says("shop", GONE, 0), says("pos", GONE, 0), says("app", HERE, 2)]
    said.append(says("app", GONE, 8))
    [ended] = incidents(said, 9)
    found: Any = ended
    assert (found.since, found.until) == (hour(2), hour(8))
    shown = [
        Observation(
            says("app", state, at, basis=Basis.DISPLAYED, event_id=f"e{at}"), "", Decimal(0), 1, ""
        )
        for state, at in ((HERE, 2), (HERE, 5), (SOON, 6), (HERE, 8))
    ]
    assert exposure_of(met(found, shown, RULES), {1: 1}, "") == Exposure(touchpoints=2, customers=1)


def test_exposure_of_a_lost_sale() -> None:
    """Whom a channel told that it is gone, while it was there."""
    said = [says("shop", HERE, 0), says("pos", HERE, 0), says("app", GONE, 2)]
    found: Any = incidents(said, 9)[0]
    seen = says("app", GONE, 3, basis=Basis.DISPLAYED, event_id="e")
    shown = [Observation(seen, "", Decimal(0), 1, "")]
    assert exposure_of(met(found, shown, RULES), {1: 1}, "") == Exposure(touchpoints=1, customers=1)


def test_exposure_counts_who_was_shown_it() -> None:
    """Within the incident, on its channel, in the deviating state; known customers once."""
    said = [says("shop", GONE, 0), says("pos", GONE, 0), says("app", HERE, 2)]
    found: Any = incidents(said, 9)[0]
    shown = [
        Observation(
            says(channel, state, at, basis=Basis.DISPLAYED, event_id=f"e{number}"),
            "",
            Decimal(0),
            node,
            "",
        )
        for number, (channel, state, at, node) in enumerate(
            [
                ("app", HERE, 3, 1),
                ("app", HERE, 4, 1),  # the same customer again
                ("app", HERE, 5, 9),  # nobody known
                ("app", FEW, 5, 2),  # no contradiction
                ("shop", HERE, 5, 2),  # another channel
                ("app", HERE, 1, 2),  # before it began
            ]
        )
    ]
    counted = exposure_of(met(found, shown, RULES), {1: 1, 2: 2}, "")
    assert counted == Exposure(touchpoints=3, customers=1)

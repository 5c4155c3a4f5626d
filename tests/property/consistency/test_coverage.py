"""Coverage against the judgement: an offer counts as compared if and only if its price matters.

Of every offer in force the channel says the same once more, or instead another price, as often as
it was observed before; then all others that are only observed are observed again. If any other
price makes other incidents, it is compared with something. With channels that may differ, it may
be one of several votes for what is expected of others, which alone moves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from schemas.claim import PriceClaim
from schemas.incident import IncidentState
from schemas.offer import Basis, SaleKind
from services.consistency.core.coverage import CoverageReason, CoveredOffer, ProductCoverage
from services.consistency.core.places import place_of
from services.consistency.kinds.price_mismatch import PriceComparison, book
from services.consistency.rules import ConsistencyRules
from tests.tiers import volumes
from tests.unit.consistency.histories import QUICK, STEP_HOURS, some_claims
from tests.unit.consistency.market import BOOK, hour, price_book, price_rules, rules

NO_GRACE = dict.fromkeys(("default", "shop", "app", "pos"), 0)
AT_ONCE: dict[str, Any] = {
    **QUICK,
    "grace_start_hours": NO_GRACE,
    "grace_end_hours": NO_GRACE,
    "reopen_within_hours": 0,
}
RULE_SETS = [
    rules(**AT_ONCE),
    rules(**AT_ONCE, reference_channels=["erp"]),
    rules(**AT_ONCE, locations_may_differ=True),
    rules(**AT_ONCE, max_age_without_end_days={"fair": 1, "pos": 2}),
    rules(**AT_ONCE, right_price="lowest", locations_may_differ=True),
    rules(**AT_ONCE, reference_channels=["erp"], may_differ=[["shop", "pos"], ["pos", "app"]]),
    rules(**AT_ONCE, may_differ=[["shop", "pos"], ["pos", "app"], ["erp", "pos"]]),
    rules(**AT_ONCE, evidence_min_observations=2),
    rules(**AT_ONCE, reference_channels=["erp", "shop"], locations_may_differ=True),
]
SECOND = timedelta(seconds=1)


class Contradiction(NamedTuple):
    """What an incident that lasts says."""

    kind: str
    channel: str
    location: str
    details: str
    """Both prices and their terms."""


def varied(rng: random.Random, claims: Iterable[PriceClaim]) -> list[PriceClaim]:
    """The same history with other currencies, sellers, kinds of sale and variants in it."""
    found = []
    for one in claims:
        if rng.random() < 0.1:
            one = one._replace(currency="CHF")
        if rng.random() < 0.07:
            one = one._replace(seller="friend")
        if rng.random() < 0.07:
            one = one._replace(sale_kind=SaleKind.CLEARANCE, promotion="")
        if rng.random() < 0.15:
            one = one._replace(variant=rng.choice(["red", "blue"]))
        found.append(one)
    return found


def contradictions(
    claims: Sequence[PriceClaim], now: datetime, using: ConsistencyRules
) -> set[Contradiction]:
    """What lasts at a time, but for currencies: they are compared by themselves."""
    judged = price_book(BOOK, using)
    judged.add(claims)
    judged.advance(now)
    lasting = (IncidentState.PENDING, IncidentState.OPEN)
    found = (one for one in judged.incidents().values() if one.state in lasting)
    return {
        Contradiction(one.kind, one.channel, one.location, details.model_dump_json())
        for one in found
        if one.cause != "wrong_currency" and (details := one.details)
    }


def covered(
    claims: Sequence[PriceClaim], now: datetime, using: ConsistencyRules
) -> ProductCoverage:
    """The coverage of the one product."""
    of_prices = price_rules(using)
    return ProductCoverage(
        {BOOK: claims}, lambda name: book(name, of_prices), PriceComparison(of_prices), now
    )


def counting(claims: Iterable[PriceClaim], now: datetime) -> list[PriceClaim]:
    """The claims until now of the newest version of each event."""
    known = [one for one in claims if one.occurred_at <= now]
    newest: dict[str, int] = {}
    for one in known:
        newest[one.event_id] = max(newest.get(one.event_id, 0), one.version)
    return [one for one in known if one.version == newest[one.event_id]]


def observed(
    claims: Iterable[PriceClaim], now: datetime, using: ConsistencyRules
) -> list[tuple[PriceClaim, int]]:
    """The latest observation of each channel, place and terms that represents it, with by how many
    events it was observed lately."""
    of_prices = price_rules(using)
    reading = PriceComparison(of_prices)
    latest: dict[Any, list[PriceClaim]] = {}
    for one in sorted(counting(claims, now)):
        if one.basis is not Basis.PUBLISHED and (terms := reading.terms(one)):
            latest.setdefault((one.channel, one.location, one.zone, terms), []).append(one)
    found = []
    for mine in latest.values():
        last = mine[-1]
        if now < last.occurred_at + of_prices.max_age:
            begin = last.occurred_at - of_prices.evidence_within
            like = [one for one in mine if one.basis is last.basis and one.occurred_at >= begin]
            found.append((last, len({one.event_id for one in like})))
    return found


def repeated(one: PriceClaim, often: int, at: datetime, price: Decimal) -> list[PriceClaim]:
    """The same statement in as many new events."""
    new = one._replace(ordinal=0, version=0, occurred_at=at, price=price)
    return [
        new._replace(event_id=f"z{number}-{one.event_id}-{one.ordinal}") for number in range(often)
    ]


def is_about_another(
    claims: Sequence[PriceClaim], one: PriceClaim, now: datetime, using: ConsistencyRules
) -> bool:
    """Whether the same observation would be about another pack or variant now, by what has been
    published since."""
    [new] = repeated(one, 1, now + SECOND, one.price)

    def home(latest: PriceClaim, known: Iterable[PriceClaim]) -> Any:
        judged = book(BOOK, price_rules(using))
        judged.add(known)
        judged.advance(latest.occurred_at if latest is new else now)
        seen = {
            terms: state.observed.event_id
            for terms, fold in judged.folds()
            for place_state in fold.places.values()
            for state in place_state.channels.values()
            if state.observed and (state.channel, state.place) == (one.channel, place_of(one))
        }
        return {terms for terms, event_id in seen.items() if event_id == latest.event_id}

    return one.basis is not Basis.PUBLISHED and bool(home(new, [*claims, new]) != home(one, claims))


def matters(
    claims: Sequence[PriceClaim], like: PriceClaim, now: datetime, using: ConsistencyRules
) -> bool:
    """Whether another price in the next second makes other incidents, once all others that are
    only observed were observed again."""
    seen = observed(claims, now, using)
    key = (like.event_id, like.ordinal)
    often = next((number for one, number in seen if one[2:4] == key), 1)
    rest = [(one, number) for one, number in seen if one[2:4] != key]
    again = [new for one, n in rest for new in repeated(one, n, now + 2 * SECOND, one.price)]

    def after(price: Decimal) -> set[Contradiction]:
        news = repeated(like, often, now + SECOND, price)
        return contradictions([*claims, *news, *again], now + 2 * SECOND, using)

    same = after(like.price)
    prices = {Decimal("0.01"), Decimal(5_000)} | {one.price for one in claims}
    return any(after(price) != same for price in prices)


def check(rng: random.Random) -> list[CoverageReason | None]:
    """One random history; returns the reasons that were met."""
    using = rng.choice(RULE_SETS)
    claims = varied(rng, some_claims(rng))
    now = hour(rng.randint(0, 14) * STEP_HOURS + 1)
    found, reading = covered(claims, now, using), PriceComparison(price_rules(using))
    if any(is_about_another(claims, one, now, using) for one, _ in observed(claims, now, using)):
        return []
    for offer in found.offers:
        said = [offer.claim] if offer.is_in_force else []
        seen = [
            one
            for one, _ in observed(claims, now, using)
            if (one.channel, place_of(one), reading.terms(one)) == (*offer.speaker, offer.terms)
        ]
        if offer.claim.basis is Basis.PUBLISHED:
            said += seen
        if said and not is_undecided(offer, claims, now, using):
            is_compared = any(matters(claims, one, now, using) for one in said)
            is_one_vote = offer.reason is None and bool(price_rules(using).may_differ)
            assert is_compared == (offer.reason is None) or is_one_vote, (offer, now)
    return [offer.reason for offer in found.offers]


def is_undecided(
    offer: CoveredOffer, claims: Sequence[PriceClaim], now: datetime, using: ConsistencyRules
) -> bool:
    """Whether saying it again is more than saying it: a mailing would be a new one, one more
    observation may be the one that was missing, a clearance says which receipts are about it, and
    what a channel says may end what was reported of it elsewhere before.
    """
    of_prices = price_rules(using)
    if offer.reason is not None and any(
        one.channel == offer.claim.channel for one in contradictions(claims, now, using)
    ):
        return True
    if offer.reason is not None and of_prices.evidence_min_observations > 1:
        seen = (one for one, _ in observed(claims, now, using))
        if any(now - one.occurred_at < of_prices.evidence_within for one in seen):
            return True
    return offer.reason in (CoverageReason.OUTDATED, CoverageReason.KIND_OF_SALE)


@pytest.mark.parametrize("often", volumes(80, 240))
def test_compared_is_whose_price_matters(often: int) -> None:
    """Both ways, of every offer in force; nearly every reason is met. Packs and markets have tests
    of their own."""
    met = {reason for seed in range(often) for reason in check(random.Random(seed))}
    unmet = {
        CoverageReason.MARKET, CoverageReason.TAX_MODE, CoverageReason.UNIT, CoverageReason.PACK,
        CoverageReason.CONDITION, CoverageReason.UNCLEAR_PACK, CoverageReason.EXPIRED,
        CoverageReason.WITHDRAWN,
    }  # fmt: skip
    assert met >= {None, *CoverageReason} - unmet

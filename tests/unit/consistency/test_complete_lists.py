"""What complete editions of price lists withdraw, against an oracle that only knows the rules; the
store is tried in tests/integration/test_complete_price_lists.py."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from schemas.claim import PriceClaim
from schemas.offer import Basis, SaleKind
from schemas.price_list import Completion, EditionOffer, ListEdition
from services.consistency.core.complete_lists import (
    KnownLists,
    LeftOut,
    NoLists,
    edition_offers,
    incomplete_editions,
    left_out,
    said_on,
)
from services.consistency.core.windows import Windows, window_of

from .market import claim, hour, promo
from .rules_of_windows import not_over

AGE = timedelta(days=90)


def listed(name: str, edition: str, at: float, price: str = "1", **fields: Any) -> PriceClaim:
    """A price in an edition of a list."""
    made = claim("shop", price, at)
    fields = {"price_list_id": name, "price_list_edition": edition} | fields
    return made._replace(event_id=f"{name}-{edition}-{at}-{price}", **fields)


def completed(name: str, edition: str, at: float, offers: int = 1, **fields: Any) -> Completion:
    """An edition is said to be complete."""
    said = ListEdition(claim("shop", "1", 0).book.realm, "shop", name, edition)
    return Completion(said, hour(at), f"done-{name}-{edition}", 0, 0, offers)._replace(**fields)


def other(name: str, edition: str, at: float, number: int = 0) -> EditionOffer:
    """Another product in an edition."""
    said = completed(name, edition, at).edition
    return EditionOffer(said, f"other-{number}-{at}", "DE", f"other-{number}", "", hour(at))


class History(NamedTuple):
    """The claims of one book, and the whole lists."""

    claims: list[PriceClaim]
    completions: list[Completion]
    others: list[EditionOffer]

    @property
    def lists(self) -> KnownLists:
        """What is known of the lists."""
        return KnownLists(self.completions, [*edition_offers(self.claims), *self.others])


def in_force(history: History, now: float) -> PriceClaim | None:
    """What the windows say."""
    windows, claims = Windows(), [*history.claims, *left_out(history.claims, history.lists)]
    for one in sorted(claims):
        if one.occurred_at <= hour(now):
            windows.add(window_of(one, one.price, one.promotion or None, AGE), one.occurred_at)
    found = windows.at(hour(now), hour(now))
    assert found is None or isinstance(found, PriceClaim)
    return found


def is_withdrawn(one: PriceClaim, history: History, now: datetime) -> bool:
    """The oracle: some complete edition, by now, that does not name the product."""
    offers = [*edition_offers(history.claims), *history.others]
    for said in history.completions:
        mine = [offer for offer in offers if offer.edition == said.edition]
        rivals = [r for r in history.completions if r.edition == said.edition]
        if said != min(rivals, key=lambda r: (-r.offers, r.occurred_at, r.event_id)):
            continue  # another one of the same edition counts
        is_complete = len({offer.event_id for offer in mine}) >= said.offers
        if not is_complete or said.edition.price_list_id != one.price_list_id:
            continue
        is_named = any(
            (r.price_list_id, r.price_list_edition) == said.edition[2:] for r in history.claims
        )
        bound = min(said.occurred_at, *(offer.occurred_at for offer in mine))
        begins = max(said.occurred_at, said.valid_from or said.occurred_at)
        if one.price_list_edition and not is_named and one.occurred_at < bound and begins <= now:
            return True
    return False


def expected(history: History, now: float) -> PriceClaim | None:
    """The oracle: of what nothing else has ended, what is not withdrawn."""
    instant = hour(now)
    left = [
        ((one.promotion != "" and one.valid_to is not None, one.valid_from or one.occurred_at,
          one.occurred_at, one.event_id), one)
        for one in not_over(history.claims, instant)
        if (one.valid_to is None or instant < one.valid_to)
        and not is_withdrawn(one, history, instant)
    ]  # fmt: skip
    return max(left)[1] if left else None


def some_history(rng: random.Random) -> History:
    """A product in some editions of two lists, in some of which it is left out."""
    claims, others, said = [], [], []
    for name in "LP":
        for number in range(rng.randint(1, 6)):
            begin = 6 * number + rng.randint(0, 7)  # editions may overlap
            edition, named = str(number), 0
            if rng.random() < 0.5:
                make = claim if rng.random() < 0.7 else promo
                at = begin + rng.choice([0, 1])
                made = make("shop", str(rng.randint(1, 3)), at, end=None if make is claim else 60)
                made = made._replace(event_id=f"{name}{number}", price_list_id=name)
                claims.append(made._replace(price_list_edition=rng.choice([edition] * 5 + [""])))
                named = bool(claims[-1].price_list_edition)
            others += [other(name, edition, begin + n, n) for n in range(rng.randint(0, 2))]
            count = named + len([one for one in others if one.edition.edition == edition
                                 and one.edition.price_list_id == name])  # fmt: skip
            for n in range(rng.choice([0, 1, 1, 1, 2])):
                more = max(1, count + rng.choice([-1, 0, 0, 0, 1]))
                one = completed(name, edition, begin + rng.randint(-1, 9), more)
                begins = rng.choice([None, None, hour(begin + rng.randint(0, 15))])
                said.append(one._replace(event_id=f"{one.event_id}-{n}", valid_from=begins))
    return History(claims, said, others)


def test_what_counts_equals_the_oracle_on_random_lists() -> None:
    """Complete and incomplete, early and late, announced first, sent twice, for next week."""
    rng = random.Random(41)
    withdrawn = 0
    for _ in range(400):
        history = some_history(rng)
        for now in range(0, 50, 3):
            found, wanted = in_force(history, now), expected(history, now)
            assert found == wanted, (now, history)
        withdrawn += bool(left_out(history.claims, history.lists))
    assert withdrawn > 100


def test_order_and_repetition_change_nothing() -> None:
    """The same set of claims, whatever order it is read in."""
    rng = random.Random(43)
    for _ in range(200):
        history = some_history(rng)
        plain = sorted(left_out(history.claims, history.lists))
        for one in history[:3]:
            rng.shuffle(one)
        twice = History([*history.claims], [*history.completions] * 2, [*history.others] * 2)
        assert sorted(left_out(twice.claims, twice.lists)) == plain


@pytest.mark.parametrize(
    "fields",
    [
        {"location": "017"}, {"zone": "north"}, {"currency": "CHF"}, {"unit": "kg"},
        {"pack_unit": "kg"}, {"variant": "XL"}, {"condition": "used"}, {"seller": "other"},
        {"customer_group": "members"}, {"with_sku": "4711"}, {"sale_kind": SaleKind.CLEARANCE},
    ],
)  # fmt: skip
def test_each_place_and_each_set_of_terms_is_left_out_alone(fields: dict[str, Any]) -> None:
    """The edition names the product, but not here or not so."""
    first = [listed("L", "1", 0), listed("L", "1", 0.5, **fields)]
    history = History([*first, listed("L", "2", 5)], [completed("L", "2", 6)], [])
    [found] = left_out(history.claims, history.lists)
    assert said_on(found) == said_on(first[1])
    assert (found.occurred_at, found.valid_to) == (hour(6), hour(5))
    assert isinstance(found, LeftOut)


def test_a_promotion_is_on_the_terms_of_the_regular_price() -> None:
    """The edition that names the regular price alone replaces it, by itself."""
    promoted = listed("L", "1", 0, sale_kind=SaleKind.PROMOTION, promotion="w10")
    history = History([promoted, listed("L", "2", 5)], [completed("L", "2", 6)], [])
    assert left_out(history.claims, history.lists) == []


def test_only_the_newest_body_of_an_offer_names_its_product() -> None:
    """The offer of the second edition was corrected to be of the first."""
    body = listed("L", "2", 5)
    corrected = body._replace(price_list_edition="1", occurred_at=hour(1), version=1)
    history = History([listed("L", "1", 0), body, corrected], [completed("L", "2", 6)], [])
    assert [one.event_id for one in left_out(history.claims, history.lists)] == ["done-L-2"]


def test_nothing_is_withdrawn_that_names_no_edition_or_was_not_published() -> None:
    """A receipt may name a list, and an offer a list without an edition."""
    single, charged = listed("L", "", 0), listed("L", "1", 0)._replace(basis=Basis.CHARGED)
    lists = KnownLists([completed("L", "2", 6)], [other("L", "2", 5)])
    assert left_out([single, charged], lists) == []
    assert left_out([listed("L", "1", 0)], lists) != []
    assert left_out([listed("L", "1", 0)], NoLists()) == []


def test_editions_are_counted_only_where_something_is_left_to_withdraw() -> None:
    """A product that was dropped a year ago is not held against every edition since."""

    class Counting(KnownLists):
        asked = 0

        def received(self, edition: ListEdition) -> Any:
            self.asked += 1
            return super().received(edition)

    nights = range(2, 300)
    others = [other("L", str(n), 24 * n) for n in nights]
    lists = Counting([completed("L", str(n), 24 * n + 1) for n in nights], others)
    assert len(left_out([listed("L", "1", 0)], lists)) == 1
    assert lists.asked == 1


def test_editions_of_which_offers_are_missing() -> None:
    """The latest of each list, back to the last that is complete: what was before is mended."""
    said = [completed("L", str(n), 24 * n, 2) for n in range(5)] + [completed("P", "0", 1)]
    some = [other("L", "1", 24), other("L", "2", 48), other("L", "2", 48, 1), other("L", "4", 96)]
    found = incomplete_editions(said, KnownLists(said, some))
    assert [(one.said.edition[2:], one.received) for one in found] == [
        (("L", "4"), 1), (("L", "3"), 0), (("P", "0"), 0),
    ]  # fmt: skip

"""The channel-wide prices of a year, and the errors planted in them.

Shop, app and e-mail carry the same assortment at the same prices. A year of each product is cut
into slots; a slot holds one regular change, one promotion, or one planted case, so that two cases
never touch. All channels announce a change in the same second, hours ahead, for the same instant.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple

from devtools.sample.calendar_de import DAY, HOUR, written
from devtools.sample.stream import Stream
from devtools.sample.truth import euros

CHANNELS = ("shop", "app", "email")
MARKET = "DE"
SLOTS = 5
SLOT_DAYS, SLOT_SPREAD_DAYS, FIRST_SLOT_DAY = 65, 12, 12
EACH_PLANTED, EACH_OPEN = 24, 4
MOVED = 0.04
"""A new price differs from the old one by at least this share."""


class Case(StrEnum):
    """What happens in one slot of one product."""

    CHANGE = "change"
    PROMOTION = "promotion"
    NOT_ENDED = "promotion_not_ended"
    WRONG_PRICE = "wrong_price"
    LATE_LIST = "late_price_list"


PLANTED = (Case.NOT_ENDED, Case.WRONG_PRICE, Case.LATE_LIST)


class Published(NamedTuple):
    """One price statement of one channel; price in cents, times in epoch seconds."""

    said_at: int
    channel: str
    sku: int
    price: int
    valid_from: int | None = None
    valid_to: int | None = None
    promotion: str = ""

    def body(self, title: str) -> dict[str, Any]:
        """The offer as the event carries it."""
        body: dict[str, Any] = {"sku": str(self.sku), "title": title, "price": euros(self.price)}
        body["currency"] = "EUR"
        if self.valid_from is not None:
            body["valid_from"] = written(self.valid_from)
        if self.valid_to is not None:
            body["valid_to"] = written(self.valid_to)
        if self.promotion:
            body |= {"promotion": self.promotion, "sale_kind": "promotion"}
        return body


class PriceYear:
    """All channel-wide prices of an assortment between two epoch seconds.

    Args:
        base: product → regular price in cents at the start.
    """

    def __init__(self, seed: int, base: dict[int, int], start: int, end: int) -> None:
        self.published: list[Published] = []
        self.errors: list[dict[str, Any]] = []
        self.lawful: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self._rng = random.Random(f"{seed}/prices")
        self._start, self._end = start, end
        self._steps: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
        self._seen: dict[int, set[int]] = {}
        self._regular = dict(base)
        cases = self._deal(sorted(base))
        for sku in sorted(base):
            self._tell_year(sku, [cases.get((sku, slot)) for slot in range(SLOTS)])

    @property
    def assortment(self) -> list[int]:
        """The products that all channels carry."""
        return sorted(self._regular)

    def price(self, channel: str, sku: int, at: int) -> int | None:
        """What the channel itself says at this time, in cents; None for a product it lacks."""
        steps = self._steps.get((channel, sku))
        if not steps:
            return None
        place = bisect_right(steps, (at, 1 << 60))
        return steps[place - 1][1] if place else None

    def say(self, stream: Stream, titles: dict[int, str]) -> None:
        """Publish everything, and enter what is wrong and what only looks wrong in the truth."""
        for offer in sorted(self.published):
            body = offer.body(titles.get(offer.sku, ""))
            source = {"system": "price-service"}
            stream.say(
                offer.channel, "offer.published", offer.said_at, (), body,
                source=source, punctual=True,
            )  # fmt: skip
        stream.truth.errors.extend(self.errors)
        stream.truth.lawful.extend(self.lawful)
        stream.cases.update(self.counts)

    def _deal(self, skus: Sequence[int]) -> dict[tuple[int, int], Case]:
        """Which slots hold a planted case. Some of each error stand in the last slot, to stay."""
        last = [(sku, SLOTS - 1) for sku in skus]
        earlier = [(sku, slot) for sku in skus for slot in range(SLOTS - 1)]
        each_open = min(EACH_OPEN, len(last) // 4)
        each = min(EACH_PLANTED, len(earlier) // 6)
        dealt = dict.fromkeys(self._rng.sample(last, 2 * each_open), Case.NOT_ENDED)
        for place in list(dealt)[:each_open]:
            dealt[place] = Case.WRONG_PRICE
        chosen = self._rng.sample(earlier, each * len(PLANTED))
        for number, place in enumerate(chosen):
            dealt[place] = PLANTED[number % len(PLANTED)]
        return dealt

    def _tell_year(self, sku: int, planted: Sequence[Case | None]) -> None:
        self._seen[sku] = {self._regular[sku]}
        for channel in CHANNELS:
            self._publish(Published(self._start, channel, sku, self._regular[sku]))
        for slot, case in enumerate(planted):
            day = FIRST_SLOT_DAY + slot * SLOT_DAYS
            at = self._start + day * DAY + self._rng.randrange(SLOT_SPREAD_DAYS * DAY)
            if at + 45 * DAY < self._end:
                stays = case is not None and slot == SLOTS - 1
                self._tell_slot(sku, at, case or self._usual(), stays)

    def _usual(self) -> Case:
        return self._rng.choice((Case.CHANGE, Case.PROMOTION))

    def _tell_slot(self, sku: int, at: int, case: Case, stays: bool) -> None:
        self.counts[f"price_{case}"] += 1
        if case is Case.CHANGE:
            self._change(sku, at, {})
        elif case is Case.PROMOTION:
            self._promotion(sku, at, "")
        elif case is Case.NOT_ENDED:
            self._not_ended(sku, at, stays)
        elif case is Case.WRONG_PRICE:
            self._wrong_price(sku, at, stays)
        else:
            self._late_list(sku, at)

    def _change(self, sku: int, at: int, lag: dict[str, int]) -> None:
        """A new regular price from `at` on; a channel in `lag` only says so that much later."""
        price = self._new_price(sku, 0.88, 1.15)
        announced = at - self._rng.randint(6, 30) * HOUR
        for channel in CHANNELS:
            if channel in lag:
                self._publish(Published(at + lag[channel], channel, sku, price))
            else:
                self._publish(Published(announced, channel, sku, price, at))
        self._regular[sku] = price

    def _promotion(self, sku: int, at: int, forgetful: str) -> tuple[int, int]:
        """A promotion on all channels; `forgetful` gets no end. Returns (end, price)."""
        price = self._new_price(sku, 0.65, 0.85)
        end = at + self._rng.choice((7, 14)) * DAY
        name = f"promo-{sku}-{written(at)[:10]}"
        for channel in CHANNELS:
            until = None if channel == forgetful else end
            self._publish(Published(at - DAY, channel, sku, price, at, until, name))
        return end, price

    def _not_ended(self, sku: int, at: int, stays: bool) -> None:
        channel = self._rng.choice(CHANNELS)
        end, price = self._promotion(sku, at, channel)
        until = None if stays else self._correct(channel, sku, end)
        self._error(Case.NOT_ENDED, sku, channel, price, end, until)

    def _wrong_price(self, sku: int, at: int, stays: bool) -> None:
        price = self._new_price(sku, 0.5, 1.7)
        self._publish(Published(at, "shop", sku, price))
        until = None if stays else self._correct("shop", sku, at)
        self._error(Case.WRONG_PRICE, sku, "shop", price, at, until)

    def _correct(self, channel: str, sku: int, since: int) -> int:
        """The channel returns to the regular price, well after any grace."""
        at = since + self._rng.randint(4 * DAY, 11 * DAY)
        self._publish(Published(at, channel, sku, self._regular[sku]))
        return at

    def _late_list(self, sku: int, at: int) -> None:
        channel = self._rng.choice(CHANNELS)
        longest = 20 * HOUR if channel == "email" else 3 * HOUR
        lag = self._rng.randint(HOUR, longest)
        self._change(sku, at, {channel: lag})
        late = {"sku": str(sku), "channel": channel, "location": ""}
        span = {"since": written(at), "until": written(at + lag)}
        self.lawful.append({"case": Case.LATE_LIST.value, "market": MARKET} | late | span)

    def _error(
        self, case: Case, sku: int, channel: str, observed: int, since: int, until: int | None
    ) -> None:
        self.errors.append(
            price_error(case, sku, channel, "", self._regular[sku], observed, since, until)
        )

    def _new_price(self, sku: int, lowest: float, highest: float) -> int:
        """A price this product never had, clearly different from its regular one."""
        regular = self._regular[sku]
        nearest = max(2, round(regular * MOVED))
        for attempt in count():
            # A cheap product runs out of new prices nearby, so the reach grows with the attempts.
            reach = 1 + attempt // 20 / 10
            price = round(regular * self._rng.uniform(lowest / reach, highest * reach))
            if price > 0 and abs(price - regular) >= nearest and price not in self._seen[sku]:
                break
        self._seen[sku].add(price)
        return price

    def _publish(self, offer: Published) -> None:
        """Keep the statement, and what the channel then shows from when on."""
        self.published.append(offer)
        steps = self._steps[offer.channel, offer.sku]
        steps.append((offer.said_at if offer.valid_from is None else offer.valid_from, offer.price))
        if offer.valid_to is not None:
            steps.append((offer.valid_to, self._regular[offer.sku]))


def price_error(
    case: str, sku: int, channel: str, location: str, expected: int, observed: int,
    since: int, until: int | None,
) -> dict[str, Any]:  # fmt: skip
    """One line of errors.jsonl; prices in cents, times in epoch seconds."""
    return {
        "kind": "price_mismatch",
        "cause": str(case),
        "market": MARKET,
        "sku": str(sku),
        "channel": channel,
        "location": location,
        "expected": euros(expected),
        "observed": euros(observed),
        "currency": "EUR",
        "since": written(since),
        "until": written(until) if until is not None else None,
    }

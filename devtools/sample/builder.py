"""Builds the whole stream: draw households, plan, generate, add noise, write stream and truth.

Everything is a function of (households, seed, data); no clock is read and nothing depends on the
order of sets, so equal arguments give equal files.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from devtools.sample.baskets import Basket, TillData
from devtools.sample.calendar_de import DAY, HOUR, MINUTE
from devtools.sample.feedback import Feedback
from devtools.sample.insight_truth import InsightTruth
from devtools.sample.insights import say_insights
from devtools.sample.journeys import Journeys
from devtools.sample.mailings import Mailings
from devtools.sample.master_data import MasterData
from devtools.sample.noise import Garbage, Noise
from devtools.sample.offers import PriceYear
from devtools.sample.orders import Orders
from devtools.sample.persons import Household, Person, Registry
from devtools.sample.plan import AT_TILL, Telling, Told, decide_tellings
from devtools.sample.retailer import write_rules
from devtools.sample.shelves import Shelves
from devtools.sample.spool import Spool
from devtools.sample.stream import Mention, Stream
from devtools.sample.truth import Ident, Truth

SUMMARY_VERSION = 1
BEFORE_FIRST_BASKET = 12 * DAY
STRANGERS_MIN, TEST_JOURNEYS, GARBAGE_MIN = 24, 5, 4
FOREIGN_TYPED = 0.4

Progress = Callable[[int, int], None]


class SampleReport(BaseModel):
    """What one build planted. `bytes` counts the stream before any compression."""

    model_config = ConfigDict(frozen=True)

    version: int = SUMMARY_VERSION
    semi_synthetic: bool = True
    households: int
    seed: int
    persons: int
    events: int
    """Good events, each counted once."""
    lines: int
    bytes: int
    identifiers: int
    orders: int
    types: dict[str, int]
    """Good events by type."""
    cases: dict[str, int]
    """How often each hard case, price case and lawful difference was planted."""
    errors: dict[str, int]
    """Planted price errors by cause and channel; `total` and `open_at_end`."""
    noise: dict[str, int]
    rejects: dict[str, int]
    """Lines to be rejected, by reason."""


def build_sample(
    households: int,
    seed: int,
    out: Path,
    truth_dir: Path | None,
    data_dir: Path | None = None,
    progress: Progress | None = None,
    *,
    insights: bool = False,
) -> SampleReport:
    """Write the stream to `out` (.jsonl, or .jsonl.gz), the retailer's rules beside it, and the
    truth files into `truth_dir`. Directories that are missing are made.

    Args:
        households: how many households of the data; seed: which, and every other chance.
        data_dir: parquet files of The Complete Journey instead of the installed package's.
        progress: called with (households done, households).
        insights: with customers who are there for measures alone, behind all others.

    Raises:
        ValueError: more households than the data have, or fewer than one.
        OSError: data cannot be read, or a file cannot be written; no partial stream stays.
        ModuleNotFoundError: the extra `sample` is not installed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)  # at once: composing may take minutes
    composer = _Composer(TillData(households, seed, data_dir), seed)
    for done, number in enumerate(composer.data.households, 1):
        composer.tell(number)
        if progress:
            progress(done, households)
    composer.tell_nobody()
    told = composer.tell_insights() if insights else None
    report = composer.report()
    composer.spool.write(out)
    write_rules(out)
    if truth_dir:
        composer.truth.write(truth_dir, report.model_dump())
        if told:
            told.write(truth_dir)
    return report


class _Planned(NamedTuple):
    """One household before its events are generated."""

    household: Household
    told: dict[int, Told]
    start: int


class _Composer:
    """Holds the parts of one build together."""

    def __init__(self, data: TillData, seed: int) -> None:
        self.data = data
        self.truth = Truth()
        self.spool = Spool()
        self._seed = seed
        self._noise, self._garbage = Noise(seed, self.spool), Garbage(seed, self.spool)
        self._stream = Stream(self._noise, self.truth)
        self._registry = Registry(seed, self.truth)
        self._shelves = Shelves()
        self._stranger_mail: Ident | None = None
        self._plans, self._start, self._end = self._plan()
        base = self._shelves.choose_assortment()
        self._year = PriceYear(seed, base, self._start, self._end)
        self._shelves.plan(self._year)
        self._orders = Orders(
            self._stream, self._registry, seed, self._shelves, data.categories, self._end
        )
        self._journeys = Journeys(self._stream, self._registry, self._year, seed, self._end)
        self._mailings = Mailings(self._stream, seed, data.campaigns, self._end)
        self._master = MasterData(self._stream, seed, self._end)
        self._feedback = Feedback(self._stream, seed, self._end)
        self._publish()

    def tell(self, number: int) -> None:
        """Generate all events of one household."""
        planned = self._plans[number]
        household, start = planned.household, planned.start
        for part in (self._orders, self._journeys, self._mailings, self._feedback):
            part.begin(number)
        rng = random.Random(f"{self._seed}/tell/{number}")
        self._master.register(household, start - rng.randint(2, 10) * DAY)
        for person in household.persons:
            self._mailings.consent(person, start - DAY - rng.randrange(DAY))
            self._journeys.visits(person, start)
            self._mailings.newsletters(person)
            self._feedback.service(person, start)
        self._journeys.family_tablet(household, start)
        self._mailings.campaign_mail(household, self.data.reached.get(number, []))
        self._tell_foreign_mail(rng, household, start)
        receipts: list[tuple[Basket, Person]] = []
        for basket in self.data.baskets(number):
            told = planned.told[basket.number]
            self._tell_basket(rng, household, basket, told)
            if told.telling is Telling.RECEIPT:
                receipts.append((basket, household.persons[told.person]))
        self._tell_redemptions(number, receipts)

    def tell_nobody(self) -> None:
        """Visitors who stay unknown, the retailer's own tests, and lines that are not events."""
        self._journeys.begin(0)
        strangers = max(STRANGERS_MIN, len(self._plans))
        for _ in range(strangers):
            self._journeys.stranger(self._start, self.truth.label("anon"))
        self._stream.cases["never_identified_visitor"] += strangers
        for number in range(TEST_JOURNEYS):
            self._journeys.test_journey(self._start, number)
        self._garbage.plant(max(GARBAGE_MIN, len(self._plans) // 6), self._start, self._end)

    def tell_insights(self) -> InsightTruth:
        """What is said for measures alone."""
        return say_insights(self._stream, self._seed, self._start, self._end)

    def report(self) -> SampleReport:
        """The counts of what was composed so far."""
        cases = self._stream.cases
        cases["till_terminal"] = self.truth.shared_terminals()
        return SampleReport(
            households=len(self._plans),
            seed=self._seed,
            persons=sum(len(plan.household.persons) for plan in self._plans.values()),
            events=self._stream.events,
            lines=self.spool.lines,
            bytes=self.spool.bytes,
            identifiers=len(self.truth.owners),
            orders=len(self.truth.orders),
            types=dict(sorted(self._stream.types.items())),
            cases=dict(sorted(cases.items())),
            errors=_count_errors(self.truth.errors),
            noise=dict(sorted(self._noise.counts.items())),
            rejects=dict(sorted(self._garbage.counts.items())),
        )

    def _plan(self) -> tuple[dict[int, _Planned], int, int]:
        """Plan every household; returns the plans and the start and end of the stream."""
        plans, spans = {}, []
        for number in self.data.households:
            household = self._registry.household(number)
            baskets = self.data.baskets(number)
            told = decide_tellings(self._seed, household, baskets)
            for basket in baskets:
                if told[basket.number].telling in AT_TILL:
                    self._shelves.gather(basket)
            plans[number] = _Planned(household, told, baskets[0].at)
            spans.append((baskets[0].at, baskets[-1].at))
        start = min(first for first, _ in spans) - BEFORE_FIRST_BASKET
        return plans, start, max(last for _, last in spans) + DAY

    def _publish(self) -> None:
        """Generate the events that need no household."""
        titles = {sku: name.title() for sku, name in self.data.categories.items()}
        self._year.say(self._stream, titles)
        self._shelves.say(self._stream, titles)
        self._mailings.publish(self._start)

    def _tell_basket(
        self, rng: random.Random, household: Household, basket: Basket, told: Told
    ) -> None:
        person = household.persons[told.person]
        telling = told.telling
        if telling in (Telling.GUEST, Telling.CONFIRMED_GUEST):
            self._tell_guest(rng, household, basket, telling is Telling.CONFIRMED_GUEST)
            return
        known = person if telling not in (Telling.ANONYMOUS, Telling.PLACEHOLDER) else None
        if telling in AT_TILL:
            self._orders.receipt(basket, known, placeholder=telling is Telling.PLACEHOLDER)
        elif telling is Telling.COLLECT:
            self._orders.collected(basket, person)
        else:
            seen_on = self._journeys.before_order(telling.value, person, basket.at)
            self._orders.online(telling.value, basket, person, seen_on)
        self._feedback.after_order(known, basket.at)

    def _tell_guest(
        self, rng: random.Random, household: Household, basket: Basket, confirmed: bool
    ) -> None:
        """A checkout without an account: with a household's own address, or one never seen."""
        registered = next((p for p in household.persons if p.email), None)
        typed = registered.email if registered and rng.random() < 0.5 else None
        owner = self.truth.label("guest")
        if typed and confirmed and registered:
            owner = registered.label
        elif not typed:
            mail_owner = owner if confirmed else self.truth.label("anon")
            typed = self._registry.mail(rng, "gast", "adresse", mail_owner)
        cookie = self._journeys.new_cookie(owner)
        self._orders.guest(basket, typed, cookie, owner)
        message = self._mailings.order_mail(typed, str(basket.number), basket.at + MINUTE)
        if confirmed:
            at = basket.at + rng.randint(1, 40) * HOUR
            self._mailings.token_click(typed, cookie, message, at)
        case = "guest_checkout_confirmed" if confirmed else "guest_checkout"
        self._stream.cases[case] += 1

    def _tell_foreign_mail(self, rng: random.Random, household: Household, start: int) -> None:
        """Somebody types an address of the household before: a customer, or an unknown visitor."""
        foreign = self._stranger_mail
        if foreign and rng.random() < FOREIGN_TYPED:
            typist = next((p for p in household.persons if p.customer), None)
            at = start + rng.randint(1, 25) * DAY
            if typist and rng.random() < 0.5:
                self._master.typed_foreign_mail(typist, foreign, at)
            else:
                self._type_unknown(foreign, start, at)
        self._stranger_mail = _first_mail(household.persons) or foreign

    def _type_unknown(self, foreign: Ident, start: int, at: int) -> None:
        """A visitor signs up for the newsletter with an address that is another's."""
        cookie = self._journeys.stranger(start, self.truth.label("anon"))
        body: dict[str, Any] = {"channel": "email", "address": foreign.value, "double_opt_in": True}
        self._stream.say("shop", "consent.given", at, [Mention(cookie), Mention(foreign)], body)
        self._stream.cases["foreign_email_typed"] += 1

    def _tell_redemptions(self, number: int, receipts: list[tuple[Basket, Person]]) -> None:
        """Attach each coupon to the receipt of its day; skip one whose basket has no customer."""
        used: dict[int, list[tuple[int, int]]] = {}
        for day, coupon, campaign in self.data.redemptions.get(number, []):
            basket = next((b for b, _ in receipts if day <= b.at < day + DAY), None)
            if basket:
                used.setdefault(basket.number, []).append((coupon, campaign))
        for basket, person in receipts:
            coupons = used.get(basket.number, [])
            for coupon, campaign in coupons:
                self._orders.redeem(basket, person, coupon, campaign, alone=len(coupons) == 1)


def _first_mail(persons: list[Person]) -> Ident | None:
    return next((person.email for person in persons if person.email), None)


def _count_errors(errors: list[dict[str, Any]]) -> dict[str, int]:
    counts = Counter(f"{error['cause']}_{error['channel']}" for error in errors)
    counts["total"] = len(errors)
    counts["open_at_end"] = sum(error["until"] is None for error in errors)
    return dict(sorted(counts.items()))

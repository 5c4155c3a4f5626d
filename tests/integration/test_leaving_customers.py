"""Who is leaving, on the real engine: the store sees of every customer what the pure core says, and
the customers who are planted in the sample leave for the reasons that they were given."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from devtools.sample import build_sample
from devtools.sample.insight_truth import PERSONS
from schemas.instants import to_ms
from schemas.rules.insights import insight_rules
from services.measures.adapters.fragments import whole
from services.measures.catalogue import FOLDER, MEASURES
from services.measures.core.leaving_customers import (
    CustomerLife,
    DaySpent,
    LeavingReason,
    LeavingState,
    leaving,
    reasons_of,
    state_of,
)
from services.measures.core.leaving_customers import (
    LeavingSign as Sign,
)
from services.measures.core.measure import MeasureContext
from services.measures.core.window import Window
from services.store.database import Database
from services.store.statements import Statements
from tests.integration.sample.conftest import Built, Row, keys_of
from tests.measure_stories import BERLIN, DAY, END, UNTIL, Step, happened, measured, outcome
from tests.profile_store import REALM, Store, event, node

pytestmark = pytest.mark.any_store
GROUPS = Statements(FOLDER / "leaving.sql")["groups"]
EVERYBODY = whole(
    GROUPS[: GROUPS.index("SELECT\n    -- of each group --")]
    + "SELECT profile, is_customer, is_bound, overdue, declines, shown FROM leavers"
)
YEAR = 365


class Judged(NamedTuple):
    """What the store says of one customer."""

    state: LeavingState
    overdue: float | None
    declines: bool
    reasons: list[LeavingReason]
    events: dict[Sign, set[str]]


@pytest.fixture
def store(database: Database) -> Store:
    """Empty tables, ready for events."""
    return Store(database)


def everybody(store: Store, end: datetime = END) -> dict[UUID, Judged]:
    """Every customer by the rows that the measure counts, as of the end of a day."""
    measure, window = MEASURES["leaving"], Window(end - timedelta(days=YEAR), end)
    context = MeasureContext(window, BERLIN, "EUR", insight_rules())
    where = {
        "realm": REALM, "kinds": ["person"], "until_ms": to_ms(end), "zone": BERLIN.key,
        "currency": "EUR", **measure.parameters(context),
    }  # fmt: skip
    found = dict[UUID, Judged]()
    for row in store.database.records(EVERYBODY, where):
        events = defaultdict[Sign, set[str]](set)
        for _, what, event_id, *_ in row["shown"]:
            events[Sign(what)].add(event_id)
        state = state_of(row["overdue"], is_customer=row["is_customer"], is_bound=row["is_bound"])
        found[row["profile"]] = Judged(
            state, row["overdue"], bool(row["declines"]), reasons_of(events), events
        )
    return found


@pytest.mark.parametrize("seed", range(2))
def test_random_customers(store: Store, seed: int) -> None:
    """States and declines are those of the pure core, whatever the customers bought."""
    draw = random.Random(seed)
    events, spent = list[Any](), defaultdict[str, Counter[date]](Counter)
    for number in range(300):
        who, money = draw.randrange(40) + 40 * (number < 30), draw.randrange(1, 50)
        person = f"p{who}@example.org"
        begins = -900 if number < 30 else draw.choice([-900, -300, -90])
        minutes = begins * DAY + draw.randrange(100 * DAY)
        line = {"sku": "s", "category": draw.choice("abc"), "total": f"{money}.00"}
        one = event(
            f"o{number}", "order.placed", minutes, f"email={person}", order_id=f"O{number}",
            lines=[line],
        )  # fmt: skip
        events.append(one)
        spent[person][datetime.fromisoformat(one["occurred_at"]).astimezone(BERLIN).date()] += money
    store.take(*events)
    found, states = everybody(store), Counter[LeavingState]()
    for person, days in spent.items():
        bought = [DaySpent(day, money) for day, money in days.items() if day < UNTIL]
        if not bought:
            continue
        is_customer = max(one.day for one in bought) >= UNTIL - timedelta(days=YEAR)
        has_gaps = len(bought) > 3
        life = CustomerLife(bought, None, is_customer=is_customer, is_bound=False, signs=())
        expected, judged = leaving(life, UNTIL), found[UUID(int=node("email", person))]
        if has_gaps:
            assert judged.overdue == pytest.approx(expected.overdue)
            assert judged.state is expected.state
        assert judged.declines is expected.declines
        states[judged.state] += 1
    assert {LeavingState.ACTIVE, LeavingState.LEAVING, LeavingState.LOST} <= states.keys()
    result = measured(store, "leaving", days=YEAR)
    many = {state.value: n for state, n in states.items()}
    shown = {name: n for name, n in result.counts.items() if name in many}
    assert {name: many[name] for name in shown} == shown
    assert shown


def regular(*more: Step, last: int = -80) -> list[Step]:
    """Four purchases every thirty days, the last one so many days after 2 March."""
    return [
        (
            "order.placed", (last - 30 * n) * DAY,
            {
                "order_id": f"{n}-", "issuer": "shop",
                "lines": [{"sku": "s", "category": "lamps", "total": "9.00"}],
            },
        )
        for n in range(4)
    ] + list(more)  # fmt: skip


def step(kind: str, day: int, **more: Any) -> Step:
    """Something else happens, so many days after 2 March."""
    return kind, day * DAY, more


def viewed(day: int, category: str) -> Step:
    """A look at a product."""
    return step("product.viewed", day, sku="s", category=category)


def rated(day: int, kind: str, question: str, score: int, **more: Any) -> Step:
    """An answer to a survey."""
    answers = [{"question": question, "score": score, **more}]
    body = {"kind": kind, "survey": "s", "answers": answers}
    return "survey.answered", day * DAY, body


CASE = {"case_id": "C", "channel": "email"}


def answered(minutes: int, team: str) -> Step:
    """A team writes in the case."""
    return "support.answered", -70 * DAY + minutes, {**CASE, "team": team}


SIGNS: dict[str, tuple[list[Step], set[Sign]]] = {
    "nothing": ([], set()),
    "a detractor": ([rated(-70, "nps", "recommend", 6)], {Sign.DETRACTOR}),
    "recommends again": (
        [rated(-70, "nps", "recommend", 6), rated(-60, "nps", "recommend", 9)], set(),
    ),
    "long ago": ([rated(-261, "nps", "recommend", 0)], set()),
    "less than expected": ([rated(-70, "csat", "advice", 4, expected=5)], {Sign.DISAPPOINTED}),
    "as expected": ([rated(-70, "csat", "advice", 4, expected=4)], set()),
    "two stars": ([rated(-70, "stars", "stars", 2)], {Sign.POOR_RATING}),
    "three stars": ([rated(-70, "stars", "stars", 3)], set()),
    "a poor review": ([step("review.posted", -70, sku="s", rating=1)], {Sign.POOR_RATING}),
    "a middling review": ([step("review.posted", -70, sku="s", rating=3)], set()),
    "broken": (
        [step("order.returned", -70, refund="9.00", reason="Glas BESCHÄDIGT")], {Sign.FAULTY_GOODS},
    ),
    "too large": ([step("order.returned", -70, refund="9.00", reason="zu groß")], set()),
    "told again": (
        [step("support.answered", -70, **CASE, repeated=True)], {Sign.TOLD_AGAIN},
    ),
    "nobody answers": ([step("complaint.opened", -70, **CASE)], {Sign.COMPLAINT_UNANSWERED}),
    "answered late": (
        [step("support.contacted", -70, **CASE), step("support.answered", -60, **CASE)],
        {Sign.LATE_ANSWER},
    ),
    "answered in time": (
        [step("support.contacted", -70, **CASE), ("support.answered", -70 * DAY + 9, CASE)], set(),
    ),
    "passed on": (
        [answered(n, team) for n, team in enumerate("xyx")],
        {Sign.PASSED_ON},
    ),
    "passed on once": (
        [answered(n, team) for n, team in enumerate("xyy")],
        set(),
    ),
    "too dear": (
        [
            step("opportunity.changed", -70, opportunity_id="D", stage="lost", lost_reason="Price"),
        ],
        {Sign.LOST_TO_PRICE},
    ),
    "looks in vain": ([viewed(day, "lamps") for day in (-79, -78, -70)], {Sign.LOOKED_IN_VAIN}),
    "looks twice": ([viewed(day, "lamps") for day in (-79, -70)], set()),
    "looked before": ([viewed(day, "lamps") for day in (-83, -82, -81)], set()),
    "looks elsewhere": ([viewed(-90, "lamps"), viewed(-70, "chairs")], {Sign.LOST_INTEREST}),
    "looks on": (
        [viewed(-90, "lamps"), viewed(-70, "chairs"), viewed(-69, "lamps")], set(),
    ),
    "ended": (
        [
            step("contract.ended", -70, contract_id="A", reason="moved"),
        ],
        {Sign.CONTRACT_ENDED},
    ),
    "ended without a word": ([step("contract.ended", -70, contract_id="A")], set()),
    "unsubscribes": ([step("email.unsubscribed", -70, channel="email")], {Sign.UNSUBSCRIBED}),
}  # fmt: skip


def test_what_is_seen_of_whom(store: Store) -> None:
    """Every story shows its signs, all of them of customers who are leaving."""
    happened(store, *(regular(*steps) for steps, _ in SIGNS.values()))
    found = everybody(store)
    for number, (name, (_, wanted)) in enumerate(SIGNS.items()):
        one = found[UUID(int=node("email", f"p{number}-0@example.org"))]
        assert (one.state, {*one.events}) == (LeavingState.LEAVING, wanted), name


def test_who_bought_at_reduced_prices_only(store: Store) -> None:
    """A discount on all purchases of half a year before the last one, not on three of four."""
    stories = list[list[Step]]()
    for at_regular_price in (0, 1):
        story = regular()
        for number, (_, _, body) in enumerate(story):
            if number >= at_regular_price:
                body["lines"][0]["sale_kind"] = "clearance"
        stories.append(story)
    happened(store, *stories)
    found = everybody(store)
    for number, wanted in enumerate(({Sign.ONLY_REDUCED}, set[Sign]())):
        one = found[UUID(int=node("email", f"p{number}-0@example.org"))]
        assert {*one.events} == wanted


def test_contracts_bind(store: Store) -> None:
    """Until notice may be given no more; a running contract alone makes a customer."""
    until = (END + timedelta(days=60)).isoformat()
    notice = {days: (END + timedelta(days=days)).isoformat() for days in (-5, 5)}
    begins = [
        step("contract.started", -200, contract_id="A", until=until, notice_until=notice[days])
        for days in (5, -5)
    ]
    happened(store, regular(begins[0]), regular(begins[1]), begins[:1], begins[1:])
    assert outcome(measured(store, "leaving", days=YEAR)) == {
        "bound": 2, "leaving": 1, "unknown": 1, "customers": 4,
    }  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The stream with its truth."""
    folder = tmp_path_factory.mktemp("leaving")
    stream, truth = folder / "stream.jsonl", folder / "truth"
    return Built(build_sample(1, 4, stream, truth, insights=True), stream, truth)


def test_planted_customers_are_found(store: Store, planted: Built) -> None:
    """All who were planted to leave are leaving for the reason that they were given, with its
    events; nobody who was planted to stay is. Precision and recall are 1."""
    events, labels = list[Row](), dict[int, str]()
    for one in planted.events:
        named = [key for key, _ in keys_of(one)]
        if any(planted.owners.get(key, "").startswith("person:insight.") for key in named):
            events.append(one)
            labels |= {node(key[0], key[2], key[1]): planted.owners[key] for key in named}
    store.take(*events)
    profiles = {label: number for number, label in enumerate(sorted({*labels.values()}), 1)}
    store.database.insert_rows(
        "members",
        ("realm", "profile", "node", "type", "kind", "version"),
        [(REALM, profiles[label], one, "", "person", 1) for one, label in labels.items()],
    )
    day = max(datetime.fromisoformat(one["occurred_at"]).date() for one in planted.events)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), BERLIN)
    found = everybody(store, end)
    people = [row for row in planted.truths(PERSONS) if row["role"] in ("churner", "stays")]
    said = Counter(row.get("reason", "stays") for row in people)
    assert said == {
        "dissatisfaction": 5, "service": 5, "price": 5, "changed_need": 5, "unknown": 5,
        "stays": 10,
    }  # fmt: skip
    for row in people:
        who = found[UUID(int=profiles[row["person"]])]
        if row["role"] == "stays":
            assert who.state is LeavingState.ACTIVE, row
        else:
            assert (who.state, who.reasons) == (LeavingState.LEAVING, [row["reason"]]), row
            seen = {event_id for ids in who.events.values() for event_id in ids}
            assert seen <= {*row["evidence"]}, row
            assert bool(seen) is bool(row["evidence"])

"""What scores say of one customer, on the worked examples of their measures."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.api.insights import InsightScore, ScoreAbsence
from schemas.identifiers import WHOLE_PERSON
from schemas.kept_objection import KeptObjection
from schemas.rules.insights import insight_rules
from schemas.rules.profile import profile_rules
from services.measures.core.person import (
    GivenAnswer,
    PersonContext,
    PersonFacts,
    SentMessage,
    Touch,
    Wish,
    objected,
)
from services.measures.scores import SCORES
from services.profiles.core.consent import ConsentRecord, Consents, kept_record

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CONTEXT = PersonContext(NOW, BERLIN, "EUR", insight_rules())


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def scored(facts: PersonFacts, now: datetime = NOW) -> dict[str, InsightScore]:
    """All scores by name, the same for the facts in any order."""
    context = CONTEXT._replace(now=now)
    found = [one for score in SCORES for one in score.compute(facts, context)]
    draw = random.Random(7)
    given: list[Any] = [draw.sample(some, len(some)) for some in facts]
    shuffled = PersonFacts(*given)
    assert [one for score in SCORES for one in score.compute(shuffled, context)] == found
    return {one.score: one for one in found}


def touches(channel: str, *days: float, type: str = "order.placed") -> list[Touch]:
    return [Touch(ago(one), f"{channel}-{one}", type, channel) for one in days]


EXAMPLE = [
    *touches("pos", 10, 40, 100),
    *touches("shop", 5, 200),
    *touches("phone", 3, type="support.contacted"),
]


def test_the_preferred_channel() -> None:
    """The worked example: 2.124 of 4.277 are at the till, which led from the touchpoint 40 days ago
    on; the shop was first before, and by the third touchpoint only."""
    found = scored(PersonFacts(touches=EXAMPLE))["channel_preference"]
    assert (found.word, found.definition) == ("pos", "channel_preference/1")
    assert found.value == pytest.approx(2.124 / 4.277, abs=5e-4)
    assert found.since == ago(40)
    later = scored(PersonFacts(touches=EXAMPLE), NOW + timedelta(days=30))
    assert later["channel_preference"] == found
    assert found.reasons[0].event_ids == ["pos-10", "pos-40", "pos-100"]
    assert "3 of 6 touchpoints in a year were on pos, 49.6 %" in found.reasons[0].what


def test_channels_by_purpose() -> None:
    """Buying and service are told apart; of what is too little nothing is said, and why."""
    found = scored(PersonFacts(touches=EXAMPLE))
    assert found["channel_preference_buying"].word == "pos"
    service = found["channel_preference_service"]
    assert (service.word, service.value, service.absent) == (None, None, ScoreAbsence.TOO_LITTLE)
    assert service.reasons[0].what == "1 touchpoints in a year, 3 at least are needed"


def test_a_stated_channel_wins_until_it_is_taken_back() -> None:
    """Over any number of touchpoints; the latest statement counts, as the measure has it."""
    said = [Wish(ago(30), "shop", "w1"), Wish(ago(20), "email", "w2")]
    found = scored(PersonFacts(touches=EXAMPLE, wishes=said))["channel_preference"]
    assert (found.word, found.value, found.since) == ("email", None, ago(20))
    assert found.reasons[0].event_ids == ["w2"]
    taken_back = [*said, Wish(ago(1), "", "w3")]
    assert (
        scored(PersonFacts(touches=EXAMPLE, wishes=taken_back))["channel_preference"].word == "pos"
    )


def test_the_best_moment() -> None:
    """In the realm's time zone: 17:30 in UTC is an evening in Berlin, and Sunday is a weekend."""
    evening = datetime(2026, 3, 16, 17, 30, tzinfo=UTC)
    at = [evening, evening + timedelta(days=1), evening - timedelta(days=1)]
    found = scored(
        PersonFacts(
            touches=[Touch(one, f"e{n}", "order.placed", "shop") for n, one in enumerate(at)]
        )
    )["best_moment"]
    assert found.word == "workday_evening"
    assert found.reasons[0].event_ids == ["e1", "e0"]


def message(
    day: float, number: str, channel: str = "email", purpose: str = "marketing"
) -> SentMessage:
    at = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=day - 1)
    return SentMessage(at, number, channel, purpose, f"m-{number}")


SENT = [
    message(1, "a"), message(3, "b"), message(5, "c"), message(6, "d"),
    message(6, "e", "sms"), message(7, "f", purpose="survey"),
]  # fmt: skip


def test_contact_pressure_and_the_next_contact() -> None:
    """The worked example: six within seven days, three are allowed; the next one on day 13, when
    the third-latest is seven days old."""
    now = SENT[-1].at + timedelta(minutes=1)
    found = scored(PersonFacts(messages=SENT), now)
    pressure, following = found["contact_pressure"], found["next_contact"]
    assert (pressure.value, pressure.word, pressure.unit) == (6, "over", "contacts")
    assert pressure.since == SENT[-1].at
    assert pressure.reasons[0].event_ids == ["f", "e", "d", "c", "b"]
    assert (following.word, following.at) == ("later", message(13, "").at)
    later = scored(PersonFacts(messages=SENT), message(13, "").at)
    assert (later["contact_pressure"].value, later["contact_pressure"].word) == (1, "free")
    assert (later["next_contact"].word, later["next_contact"].at) == ("now", None)
    just_before = scored(PersonFacts(messages=SENT), message(13, "").at - timedelta(seconds=1))
    assert just_before["next_contact"].at == message(13, "").at
    assert later["next_contact"].reasons[0].what == "one more contact stays within the caps"


def test_what_is_no_contact() -> None:
    """A second report of a message, service, a channel without a cap, and what is long ago."""
    noise = [
        SENT[5]._replace(event_id="again", at=SENT[5].at + timedelta(hours=1)),
        message(7, "g", purpose="service"), message(7, "h", "app"), message(-40, "i"),
    ]  # fmt: skip
    now = SENT[-1].at + timedelta(hours=2)
    found = scored(PersonFacts(messages=[*SENT, *noise]), now)["contact_pressure"]
    assert found.value == 6
    assert found.reasons[0].what.endswith("6 within 30 days, 8 are allowed")
    nothing = scored(PersonFacts(messages=noise[1:]), now)
    assert (nothing["contact_pressure"].word, nothing["next_contact"].at) == ("free", None)


@pytest.mark.parametrize(("weekly", "word"), [(2, "free"), (3, "full"), (4, "over")])
def test_at_the_cap_nothing_more_is_allowed(weekly: int, word: str) -> None:
    """Three contacts a week are within the cap, and leave no room for a fourth."""
    sent = [message(5 + n / 10, f"x{n}") for n in range(weekly)]
    found = scored(PersonFacts(messages=sent), sent[-1].at + timedelta(minutes=1))
    assert found["contact_pressure"].word == word
    assert (found["next_contact"].at is None) == (word == "free")


def answer(
    kind: str, question: str, score: float | None, days: float = 5, **more: Any
) -> GivenAnswer:
    given = {
        "survey": "s", "wave": "1", "expected": None, "lowest": None, "highest": None,
        "event_id": f"{kind}-{days}",
    } | more  # fmt: skip
    of = None if score is None else Decimal(str(score))
    return GivenAnswer(at=ago(days), kind=kind, question=question, score=of, **given)


def loyalty(days: float, *scores: float, **more: Any) -> list[GivenAnswer]:
    """Answers to the three questions: on 0 to 10, 1 to 5, and 0 to 10."""
    wide = {"lowest": Decimal(0), "highest": Decimal(10)}
    scales: Sequence[dict[str, Any]] = [wide, {}, wide]
    questions = ["recommend", "buy_again", "try_other"]
    return [
        answer("cli", question, score, days, **scale, **more)
        for question, score, scale in zip(questions, scores, scales, strict=False)
    ]


def test_the_loyalty_index() -> None:
    """The worked example: 9 of 0–10, 4 of 1–5, 6 of 0–10 are 90, 75, 60 and in the mean 75; a later
    wave with two of the three answers is none."""
    told = [*loyalty(20, 9, 4, 6), *loyalty(2, 1, 1, wave="2")]
    found = scored(PersonFacts(answers=told))["cli"]
    assert (found.value, found.unit, found.since) == (75.0, "points", ago(20))
    assert found.reasons[0].what.endswith("buy_again 75, recommend 90, try_other 60")
    without = scored(PersonFacts(answers=loyalty(2, 1, 1)))["cli"]
    assert (without.value, without.absent) == (None, ScoreAbsence.TOO_LITTLE)


@pytest.mark.parametrize(
    ("score", "word"),
    [(10, "promoter"), (9, "promoter"), (8, "passive"), (7, "passive"), (6, "detractor")],
)
def test_the_latest_recommendation(score: float, word: str) -> None:
    """Its class by the score; what is off the scale, not whole or another question is none."""
    told = [
        answer("nps", "recommend", score, 9),
        answer("nps", "recommend", 11, 1),
        answer("nps", "recommend", 7.5, 1),
        answer("nps", "recommend", 3, 1, highest=Decimal(5)),
        answer("nps", "why", 3, 1),
        answer("nps", "recommend", None, 1),
        answer("nps", "recommend", 2, 20),
    ]
    found = scored(PersonFacts(answers=told))["nps"]
    assert (found.value, found.word, found.since) == (score, word, ago(9))
    assert f"{score} on a scale from 0 to 10" in found.reasons[0].what


@pytest.mark.parametrize(
    ("score", "expected", "value", "word"),
    [(5, 4, 1, "positive"), (3, 3, 0, "confirmed"), (2, 4, -2, "negative")],
)
def test_what_was_expected(score: float, expected: int, value: float, word: str) -> None:
    """Perceived less expected, of the latest answer that has both on its scale."""
    told = [
        answer("csat", "advice", score, 9, expected=Decimal(expected)),
        answer("csat", "advice", 1, 1),
        answer("csat", "advice", 1, 2, expected=Decimal(9)),
    ]
    found = scored(PersonFacts(answers=told))
    assert (found["disconfirmation"].value, found["disconfirmation"].word) == (value, word)
    assert found["csat"].value == 1


def test_of_nobody_known_nothing_is_said() -> None:
    """Every score is there and says why there is none; of contacts there are 0."""
    found = scored(PersonFacts())
    present = {name for name, one in found.items() if one.absent is None}
    assert present == {"contact_pressure", "next_contact"}
    assert all(one.reasons for one in found.values())
    assert all(one.value is None for name, one in found.items() if name not in present)


def record(action: str, days: float, purpose: str = "profiling", **more: Any) -> ConsentRecord:
    address = more.pop("address", WHOLE_PERSON)
    channel = more.pop("channel", "")
    return ConsentRecord(
        action, purpose, channel, address, "", False, f"{action}-{days}", ago(days)
    )


OBJECTIONS = [
    # nothing said, or about something else
    ([], None),
    ([record("objection", 9, "marketing")], None),
    ([record("withdrawn", 9, "marketing", address=5, channel="email")], None),
    ([record("withdrawn", 9, "", address=5, channel="email")], None),
    ([record("bounced", 9, address=5, channel="email")], None),
    # an objection to profiling, or to everything, on every channel or one
    ([record("objection", 9)], "objection-9"),
    ([record("objection", 9, "")], "objection-9"),
    ([record("objection", 9, channel="phone")], "objection-9"),
    ([record("objection", 9, "", channel="phone")], "objection-9"),
    # a consent to it that was withdrawn, which has a channel and an address
    ([record("withdrawn", 9)], "withdrawn-9"),
    ([record("withdrawn", 9, address=5, channel="email")], "withdrawn-9"),
    (
        [
            record("given", 12, address=5, channel="email"),
            record("withdrawn", 9, address=5, channel="email"),
        ],
        "withdrawn-9",
    ),
    (
        [
            record("given", 12, address=6, channel="phone"),
            record("withdrawn", 9, address=5, channel="email"),
        ],
        "withdrawn-9",
    ),
    (
        [
            record("withdrawn", 9, address=5, channel="email"),
            record("given", 3, address=6, channel="phone"),
        ],
        None,
    ),
    # a later opt-in ends it, an earlier one does not
    ([record("objection", 9), record("given", 3, address=5, channel="email")], None),
    ([record("given", 12, address=5, channel="email"), record("objection", 9)], "objection-9"),
    (
        [record("objection", 9), record("given", 3, "marketing", address=5, channel="email")],
        "objection-9",
    ),
]


@pytest.mark.parametrize(("records", "by"), OBJECTIONS)
def test_who_objects_to_profiling(records: list[ConsentRecord], by: str | None) -> None:
    """The record that forbids scores; None where nothing does."""
    found = Consents(records, profile_rules().consent).objection("profiling")
    assert (found and found.event_id) == by


def test_an_objection_as_it_is_shown() -> None:
    """With its event, unless an erasure kept nothing but the objection; a suppression has none."""
    plain = objected(record("objection", 9))
    assert (plain.reason, plain.event_id, plain.occurred_at) == ("objected", "objection-9", ago(9))
    kept = objected(
        kept_record(KeptObjection(5, "objection", "profiling", "", WHOLE_PERSON, ago(9)))
    )
    assert (kept.reason, kept.event_id, kept.kept_after_erasure) == ("objected", None, True)
    suppressed = objected(kept_record(KeptObjection(5, "suppressed", "", "", WHOLE_PERSON, ago(9))))
    assert (suppressed.reason, suppressed.event_id) == ("suppressed", None)
    assert not suppressed.kept_after_erasure

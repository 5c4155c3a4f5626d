"""Surveys in waves with invitations, Kano pairs, expectations, and what is done about answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from devtools.sample.calendar_de import DAY, HOUR, written
from devtools.sample.insight_cast import Cast, Customer
from devtools.sample.insight_truth import InsightTruth, share

PANEL = "insight-panel"
PROMOTERS, PASSIVES, DETRACTORS = (9, 10), (7, 8), (0, 3, 5, 6)
KANO_PAIRS = {
    "attractive": (("like", "neutral"), ("like", "expect"), ("like", "tolerate")),
    "one_dimensional": (("like", "dislike"),),
    "must_be": (("expect", "dislike"), ("neutral", "dislike"), ("tolerate", "dislike")),
    "indifferent": (("neutral", "neutral"), ("expect", "tolerate"), ("tolerate", "expect")),
    "reverse": (("dislike", "like"),),
    "questionable": (("like", "like"),),
}
KANO_FEATURES = {
    "self_scan": (38, 25, 7, 28, 1, 1),
    "parking": (12, 34, 30, 22, 1, 1),
}
"""How many answer a feature in each of these ways."""
HALF_PAIRS = 3
EXPECTED_AND_GIVEN = ((4, 5), (5, 4), (3, 3), (4, 2), (5, 5), (4, 5))
ACTED, DONE_IN_TIME, DONE_LATE = 9, 6, 1


class Surveys:
    """Says the surveys of a panel of 400 customers, and of visitors of stores without a name."""

    def __init__(self, cast: Cast, truth: InsightTruth, start: int) -> None:
        self._cast = cast
        self._stream = cast.stream
        self._truth = truth
        self._start = start

    def say(self) -> None:
        """Everything of surveys."""
        panel = [self._cast.join(self._start + DAY + n * HOUR // 4) for n in range(400)]
        first = self._start + 40 * DAY
        self._invite(panel, first, "2017-1", bounced=20)
        reached = panel[20:]
        negative = self._answers(reached, first + DAY, "2017-1", (30, 30, 45))
        self._truth.measure(
            "response_rate", share(105, 380), 380, _wave("2017-1"), invited=400, bounced=20,
            answered=105,
        )  # fmt: skip
        self._act(negative, first + 12 * DAY)
        second = self._start + 200 * DAY
        self._invite(reached[:200], second, "2017-2", bounced=0)
        self._answers(reached[:200], second + DAY, "2017-2", (50, 30, 40))
        self._truth.measure(
            "response_rate", share(120, 200), 200, _wave("2017-2"), invited=200, bounced=0,
            answered=120,
        )  # fmt: skip
        self._in_stores(self._start + 90 * DAY)
        self._expectations(reached[:60], self._start + 100 * DAY)
        self._kano(reached[60:160], reached[160 : 160 + HALF_PAIRS], self._start + 120 * DAY)
        self._loyalty(reached[170:190], self._start + 130 * DAY)
        self._effort(reached[200:230], self._start + 140 * DAY)

    def _invite(self, to: Iterable[Customer], at: int, wave: str, *, bounced: int) -> None:
        for n, customer in enumerate(to):
            self._cast.mail(customer, at, "survey", bounces=n < bounced, survey=PANEL, wave=wave)

    def _answers(
        self, panel: Sequence[Customer], at: int, wave: str, counts: tuple[int, int, int]
    ) -> list[str]:
        """Answers by promoters, passives and detractors; the ids of those of detractors.

        The first promoter changed their mind: of two answers in a wave the later one counts.
        """
        scores = [
            group[n % len(group)]
            for group, many in zip((PROMOTERS, PASSIVES, DETRACTORS), counts, strict=True)
            for n in range(many)
        ]
        self._answer(panel[0], at - HOUR, wave, PASSIVES[0])
        ids = [
            self._answer(customer, at + n * HOUR, wave, score)
            for n, (customer, score) in enumerate(zip(panel, scores, strict=False))
        ]
        self._nps(_wave(wave), counts)
        return ids[-counts[2] :]

    def _answer(self, customer: Customer, at: int, wave: str, score: int) -> str:
        body = _body(PANEL, "nps", [_score("recommend", score, 0, 10)], wave=wave, mode="online")
        return self._stream.say("email", "survey.answered", at, customer.who, body)

    def _nps(self, population: dict[str, str], counts: tuple[int, int, int]) -> None:
        n = sum(counts)
        value = share(counts[0] - counts[2], n)
        self._truth.measure(
            "nps", value, n, population, promoters=counts[0], passives=counts[1],
            detractors=counts[2], invalid=0,
        )  # fmt: skip

    def _in_stores(self, at: int) -> None:
        """Answers that name nobody, and one beyond the scale, which is no answer."""
        counts, wave = (20, 10, 10), "store-2017"
        scores = [
            score for score, many in zip((10, 8, 4), counts, strict=True) for _ in range(many)
        ]
        for n, score in enumerate([*scores, 11]):
            answers = [_score("recommend", score, 0, 10)]
            body = _body(PANEL, "nps", answers, wave=wave, mode="in_person")
            self._stream.say("pos", "survey.answered", at + n * HOUR, (), body)
        self._nps(_wave(wave), counts)
        self._truth.measures[-1]["counts"]["invalid"] = 1

    def _expectations(self, customers: Sequence[Customer], at: int) -> None:
        survey, touchpoint = "insight-delivery", "order.status_changed"
        for n, customer in enumerate(customers):
            expected, given = EXPECTED_AND_GIVEN[n % len(EXPECTED_AND_GIVEN)]
            answer = _score("delivery", given, 1, 5) | {"expected": expected, "importance": 4}
            body = _body(survey, "csat", [answer], touchpoint=touchpoint, mode="online")
            self._stream.say("email", "survey.answered", at + n * HOUR, customer.who, body)
        each = len(customers) // len(EXPECTED_AND_GIVEN)
        better, equal, worse = 2 * each, 2 * each, 2 * each
        difference = sum(given - expected for expected, given in EXPECTED_AND_GIVEN)
        mean = round(difference / len(EXPECTED_AND_GIVEN), 4)
        n, population = len(customers), {"survey": survey, "question": "delivery"}
        self._truth.measure(
            "disconfirmation", mean, n, population, positive=better, confirmed=equal, negative=worse
        )
        top = sum(given >= 4 for _, given in EXPECTED_AND_GIVEN) * each
        self._truth.measure("csat", share(top, n), n, population, top_two=top)

    def _kano(self, customers: Sequence[Customer], halves: Sequence[Customer], at: int) -> None:
        survey = "insight-kano"
        pairs = {
            feature: [
                KANO_PAIRS[kind][n % len(KANO_PAIRS[kind])]
                for kind, many in zip(KANO_PAIRS, counts, strict=True)
                for n in range(many)
            ]
            for feature, counts in KANO_FEATURES.items()
        }
        for n, customer in enumerate(customers):
            answers = [
                {"question": feature, "form": form, "choice": chosen[n][place]}
                for feature, chosen in pairs.items()
                for place, form in enumerate(("functional", "dysfunctional"))
            ]
            self._stream.say(
                "email", "survey.answered", at + n * HOUR, customer.who,
                _body(survey, "kano", answers, wave="2017", mode="online"),
            )  # fmt: skip
        for n, customer in enumerate(halves):
            half = [{"question": "parking", "form": "functional", "choice": "like"}]
            body = _body(survey, "kano", half, wave="2017", mode="online")
            self._stream.say("email", "survey.answered", at + n * HOUR, customer.who, body)
        for feature, counts in KANO_FEATURES.items():
            a, o, m, i, *_ = counts
            named = dict(zip(KANO_PAIRS, counts, strict=True))
            named["invalid"] = HALF_PAIRS if feature == "parking" else 0
            population, n = {"survey": survey, "question": feature}, sum(counts)
            better, worse = (round(part / (a + o + m + i), 4) for part in (a + o, -(o + m)))
            self._truth.measure("kano_better", better, n, population, **named)
            self._truth.measure("kano_worse", worse, n, population, **named)

    def _loyalty(self, customers: Sequence[Customer], at: int) -> None:
        """Half of them answer 90, 75 and 60 of 100, half 70, 50 and 30."""
        reasons = ["quality"] * 8 + ["price"] * 6 + ["service"] * 4 + ["other"] * 2
        for n, (customer, reason) in enumerate(zip(customers, reasons, strict=True)):
            recommend, again, other = ((9, 4, 6), (7, 3, 3))[n % 2]
            answers = [
                _score("recommend", recommend, 0, 10),
                _score("buy_again", again, 1, 5),
                _score("try_other", other, 0, 10),
                {"question": "reason", "choice": reason},
            ]
            body = _body("insight-loyalty", "cli", answers, mode="phone")
            self._stream.say("phone", "survey.answered", at + n * HOUR, customer.who, body)
        population = {"survey": "insight-loyalty"}
        self._truth.measure(
            "cli", 62.5, len(customers), population, quality=8, price=6, service=4, other=2
        )

    def _effort(self, customers: Sequence[Customer], at: int) -> None:
        easy = 18
        for n, customer in enumerate(customers):
            score = 5 + n % 3 if n < easy else 1 + n % 4
            answers = [_score("effort", score, 1, 7)]
            body = _body("insight-effort", "ces", answers, mode="online")
            self._stream.say("email", "survey.answered", at + n * HOUR, customer.who, body)
        n, population = len(customers), {"survey": "insight-effort"}
        self._truth.measure("ces", share(easy, n), n, population, easy=easy)

    def _act(self, negative: Sequence[str], at: int) -> None:
        """An action for some of the negative answers; most are done, one of them too late."""
        for n, event_id in enumerate(negative[:ACTED]):
            name = f"insight-action-{n}"
            due = at + 5 * DAY
            body: dict[str, Any] = {"action_id": name, "kind": "call_back", "owner": "service-1"}
            planned = body | {"feedback": [event_id], "due": written(due)}
            self._stream.say("phone", "action.planned", at + n * HOUR, (), planned)
            if n < DONE_IN_TIME + DONE_LATE:
                then = due - HOUR if n < DONE_IN_TIME else due + DAY
                self._stream.say("phone", "action.done", then, (), body | {"feedback": [event_id]})
        self._truth.measure(
            "acted", share(ACTED, len(negative)), len(negative), _wave("2017-1"), acted=ACTED,
            done=DONE_IN_TIME + DONE_LATE, done_in_time=DONE_IN_TIME,
        )  # fmt: skip


def _wave(wave: str) -> dict[str, str]:
    return {"survey": PANEL, "wave": wave}


def _score(question: str, score: int, least: int, most: int) -> dict[str, Any]:
    return {"question": question, "score": score, "scale_min": least, "scale_max": most}


def _body(survey: str, kind: str, answers: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    return {"survey": survey, "kind": kind, "answers": answers, **more}

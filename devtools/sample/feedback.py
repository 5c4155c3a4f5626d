"""Feedback of customers: surveys, service contacts, complaints, reviews."""

from __future__ import annotations

import random

from devtools.sample.calendar_de import DAY, HOUR
from devtools.sample.persons import Person
from devtools.sample.stream import Mention, Stream

SURVEYED, ANONYMOUS_ANSWER = 0.03, 0.1
CONTACTS, COMPLAINS, REVIEWS = 0.7, 0.15, 0.2
SCORES = (10, 9, 9, 8, 10, 7, 8, 6, 9, 3, 5, 10, 0)
SUBJECTS = ("Lieferung fehlt", "Punkte nicht gutgeschrieben", "Falscher Preis", "Frage zur App")


class Feedback:
    """Generates feedback of one household after another."""

    def __init__(self, stream: Stream, seed: int, end: int) -> None:
        self._stream = stream
        self._seed = seed
        self._end = end
        self._rng = random.Random()
        self._cases = 0

    def begin(self, number: int) -> None:
        """Turn to another household: its chances do not depend on those before."""
        self._rng = random.Random(f"{self._seed}/feedback/{number}")

    def after_order(self, person: Person | None, at: int) -> None:
        """Sometimes a survey after an order, sometimes answered without a name."""
        if self._rng.random() >= SURVEYED or at + 3 * DAY > self._end:
            return
        named = person is not None and self._rng.random() >= ANONYMOUS_ANSWER
        who = [Mention(person.root.ident)] if person and named else []
        answer = {"question": "recommend", "score": self._rng.choice(SCORES)}
        body = {"survey": "nps-2017", "kind": "nps", "answers": [answer]}
        self._stream.say("email", "survey.answered", at + 2 * DAY, who, body)
        self._stream.cases["survey_answered"] += 1

    def service(self, person: Person, start: int) -> None:
        """Service contacts, complaints and reviews of one person over the year."""
        rng = self._rng
        if rng.random() < CONTACTS:
            self._case("support", "contacted", "answered", person, start)
        if rng.random() < COMPLAINS:
            self._case("complaint", "opened", "closed", person, start)
        if rng.random() < REVIEWS:
            body = {"rating": rng.randint(1, 5), "text": "Immer frisch, gern wieder."}
            at = self._any_time(start)
            self._stream.say("shop", "review.posted", at, [person.root], body)

    def _case(self, kind: str, begins: str, ends: str, person: Person, start: int) -> None:
        self._cases += 1
        at = self._any_time(start)
        body = {"case_id": f"{kind}-{self._cases:05d}", "subject": self._rng.choice(SUBJECTS)}
        self._stream.say("phone", f"{kind}.{begins}", at, [person.root], body)
        then = at + self._rng.randint(1, 90) * HOUR
        self._stream.say("phone", f"{kind}.{ends}", then, [person.root], body)

    def _any_time(self, start: int) -> int:
        return self._rng.randrange(start, self._end - 4 * DAY)

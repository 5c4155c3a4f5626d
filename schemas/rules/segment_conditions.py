"""The conditions of a segment as they are written: a closed set, each known by its first word.

Only their form is checked here; whether the events, fields, attributes and segments exist that they
name is checked by `schemas.rules.segments`.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    model_validator,
)

from schemas.descriptions import Described

WINDOW_H_MAX = 1_100 * 24
STEPS_MAX, TERMS_MAX, WORDS_MAX = 5, 5, 100
HOURS = {"h": 1, "d": 24, "w": 7 * 24}
HOUR_MS = 3_600_000
NUMBER = r"-?[0-9]{1,15}([.][0-9]{1,4})?"
BOUND = rf"(>=|<=|=|>|<) *{NUMBER}|{NUMBER}[.][.]{NUMBER}"
SEGMENT_ID = r"^[a-z][a-z0-9_]{0,63}$"
MEASURE_NAME = r"^[a-z][a-z0-9_]{0,39}([.][a-z][a-z0-9_]{0,39})?$"

Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}[hdw]$")]
"""Hours, days or weeks, as `60d`. A day is 24 hours."""
NumberTest = Annotated[str, Field(pattern=rf"^({BOUND})$")]
"""As `>= 2`, `<= 2`, `= 2`, `> 2`, `< 2`, or `2..5` with both ends."""
CountTest = Annotated[
    str, Field(pattern=r"^((>=|<=|=|>|<) *[0-9]{1,9}|[0-9]{1,9}[.][.][0-9]{1,9})$")
]
"""The same for a count."""
Age = Annotated[str, Field(pattern=r"^([0-9]{1,3}[.][.][0-9]{1,3}|(>=|<=|=|>|<) *[0-9]{1,3})$")]
"""The same for whole years."""
FieldTest = Annotated[str, Field(pattern=rf"^[a-z][a-z0-9_.]{{0,99}} +({BOUND})$")]
"""A field and what is asked of it, as `order_value >= 500`."""
EventName = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}[.][a-z][a-z_]{0,31}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,99}$")]
Word = Annotated[str, Field(max_length=300)]
Number = StrictBool | int | Decimal
Words = Annotated[list[Word | Number], Field(min_length=1, max_length=WORDS_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[list[Name], Field(min_length=1, max_length=WORDS_MAX)]
Moment = AwareDatetime | date
"""A time with its zone, or a day: its beginning in the time zone of the realm."""


def hours_of(duration: str) -> int:
    """A duration in hours."""
    return int(duration[:-1]) * HOURS[duration[-1]]


def ms_of(duration: str) -> int:
    """A duration in milliseconds."""
    return hours_of(duration) * HOUR_MS


class _Condition(Described, BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        defer_build=True,  # most commands read no segment
    )

    @model_validator(mode="after")
    def _lasts_no_longer_than_allowed(self) -> Self:
        for name in ("within", "not_within", "pause", "every", "anniversary_within"):
            said = getattr(self, name, None)
            if said is not None and hours_of(said) > WINDOW_H_MAX:
                raise ValueError(f"{name} is longer than {WINDOW_H_MAX // 24} days")
        return self


class ValueTest(_Condition):
    """What is asked of a value; everything that is given must hold."""

    equals: Word | Number | None = None
    """It is this."""
    one_of: Words | None = Field(default=None, alias="in")
    """It is one of these."""
    starts_with: Word | None = None
    """It begins with this text."""
    contains: Word | None = None
    """This text is part of it."""
    above: Word | Number | None = None
    """It is greater: a number as a number, a text (as a date) in the order of texts."""
    at_least: Word | Number | None = None
    """It is greater or equal."""
    below: Word | Number | None = None
    """It is less."""
    at_most: Word | Number | None = None
    """It is less or equal."""
    exists: StrictBool | None = None
    """Whether there is one at all."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not any(getattr(self, name) is not None for name in ValueTest.model_fields):
            raise ValueError(f"asks for nothing; give one of {', '.join(VALUE_TESTS)}")
        return self


VALUE_TESTS = tuple(field.alias or name for name, field in ValueTest.model_fields.items())


def _form_of_term(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    return "test" if isinstance(value, dict | ValueTest) else "value"


Term = Annotated[
    Annotated[Word | Number, Tag("value")]
    | Annotated[Words, Tag("list")]
    | Annotated[ValueTest, Tag("test")],
    Discriminator(_form_of_term),
]
"""A value; a list, of which it is one; `>= 5` of a number; or a table as in `attribute`."""
Where = Annotated[dict[FieldName, Term], Field(max_length=TERMS_MAX)]


class _OfEvents(_Condition):
    """What selects events of a type."""

    where: Where = {}
    """Fields of the body and what they must be; those of one list hold for one of its elements."""
    channel: Name | Names | None = None
    """Only on this channel, or one of these."""
    store: Name | Names | None = None
    """Only in this store, or one of these."""


class _InWindow(_OfEvents):
    """Events in a window; without one, all up to now."""

    within: Duration | None = None
    """In the last so many hours, days or weeks."""
    calendar: Literal["day", "month"] | None = None
    """In the present calendar day or month, in the time zone of the realm."""
    since: Moment | None = Field(default=None, alias="from")
    """Not before this time."""
    until: Moment | None = None
    """Before this time."""

    @model_validator(mode="after")
    def _has_one_window(self) -> Self:
        given = [self.within, self.calendar, self.since or self.until]
        if sum(one is not None for one in given) > 1:
            raise ValueError("give only one of within, calendar, from and until")
        return self


AGGREGATES = ("sum", "avg", "min", "max", "distinct")


class DidCondition(_InWindow):
    """Events of a type, so many of them, or with such a sum."""

    did: EventName
    """The type of event."""
    count: CountTest | None = None
    """How many; `>= 1` if nothing is said."""
    sum: FieldTest | None = None
    """The sum of a field, as `order_value >= 500`; 0 without events."""
    avg: FieldTest | None = None
    """The mean of a field; without values it does not hold."""
    min: FieldTest | None = None
    """The smallest value of a field."""
    max: FieldTest | None = None
    """The greatest value of a field."""
    distinct: FieldTest | None = None
    """How many different values of a field."""

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Self:
        if sum(getattr(self, name) is not None for name in ("count", *AGGREGATES)) > 1:
            raise ValueError(f"give only one of count, {', '.join(AGGREGATES)}")
        return self

    @property
    def aggregate(self) -> str:
        """The name of the aggregate; empty for a count."""
        return next((name for name in AGGREGATES if getattr(self, name) is not None), "")


class DidNotCondition(_InWindow):
    """No such event."""

    did_not: EventName
    """The type of event."""


class _AtTime(_OfEvents):
    before: Moment | None = None
    """Before this time."""
    after: Moment | None = None
    """At this time or later."""
    within: Duration | None = None
    """In the last so many hours, days or weeks."""
    not_within: Duration | None = None
    """Before that."""

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        given = [self.before, self.after, self.within, self.not_within]
        if all(one is None for one in given):
            raise ValueError("give before, after, within or not_within")
        return self


class FirstCondition(_AtTime):
    """When the first such event was; without any it does not hold."""

    first: EventName
    """The type of event."""


class LastCondition(_AtTime):
    """When the last such event was; without any it does not hold."""

    last: EventName
    """The type of event."""


class StoppedCondition(_OfEvents):
    """There were such events, and none for a while."""

    stopped: EventName
    """The type of event."""
    pause: Duration
    """For how long there was none."""


class RestartedCondition(_OfEvents):
    """There was such an event lately, the first one after a pause."""

    restarted: EventName
    """The type of event."""
    pause: Duration
    """For how long there was none, at least."""
    within: Duration
    """How long ago that event was, at most."""


class RegularlyCondition(_OfEvents):
    """Such events in several of the latest periods."""

    regularly: EventName
    """The type of event."""
    every: Duration
    """How long a period is; the latest one ends now."""
    in_: Annotated[str, Field(pattern="^[1-9][0-9]? of [1-9][0-9]?$", alias="in")]
    """In how many of how many periods, as `3 of 4`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        least, periods = self.periods
        if least > periods:
            raise ValueError(f"{self.in_}: so many periods there are not")
        if periods * hours_of(self.every) > WINDOW_H_MAX:
            raise ValueError(f"all periods together are longer than {WINDOW_H_MAX // 24} days")
        return self

    @property
    def periods(self) -> tuple[int, int]:
        """In how many, of how many."""
        least, _, periods = self.in_.split()
        return int(least), int(periods)


class FirstStep(_OfEvents):
    """How a sequence begins."""

    did: EventName
    """The type of event."""


class ThenStep(_OfEvents):
    """A later event."""

    then: EventName
    """The type of event."""
    within: Duration | None = None
    """How long after the event of the step before, at most."""


class WithoutStep(_OfEvents):
    """No such event since the step before, and before the next one."""

    without: EventName
    """The type of event."""
    within: Duration | None = None
    """For how long after the step before; at the end of a sequence the condition holds from then
    on. Without it, until the next step, or until now."""


def _step_of(value: Any) -> str:
    if isinstance(value, str):
        return "name"
    given = value if isinstance(value, dict) else getattr(value, "model_fields_set", {})
    return next((name for name in ("then", "without") if name in given), "did")


Step = Annotated[
    Annotated[EventName, Tag("name")]
    | Annotated[FirstStep, Tag("did")]
    | Annotated[ThenStep, Tag("then")]
    | Annotated[WithoutStep, Tag("without")],
    Discriminator(_step_of),
]


class SequenceCondition(_Condition):
    """Events one after the other, and none of some others between them."""

    sequence: Annotated[list[Step], Field(min_length=2, max_length=STEPS_MAX)]
    """An event, and then others (`then`) or none of others (`without`)."""
    within: Duration | None = None
    """How long ago the sequence was complete, at most."""

    @model_validator(mode="after")
    def _begins_with_an_event(self) -> Self:
        first, *others = self.sequence
        if not isinstance(first, str | FirstStep):
            raise ValueError("the first step is an event: its type, or a table with did")
        if any(isinstance(one, str | FirstStep) for one in others):
            raise ValueError("every step but the first is a table with then or without")
        for one in others:
            said = getattr(one, "within", None)
            if said is not None and hours_of(said) > WINDOW_H_MAX:
                raise ValueError(f"within of a step is longer than {WINDOW_H_MAX // 24} days")
        return self


class AttributeCondition(ValueTest):
    """An attribute of the golden record."""

    attribute: Name
    """Its name."""
    anniversary_within: Duration | None = None
    """Of a date: its anniversary is today or begins within this time."""
    age: Age | None = None
    """Of a date: how many whole years ago it was, as `18..30`."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        own = ("anniversary_within", "age")
        if not any(getattr(self, name) is not None for name in (*ValueTest.model_fields, *own)):
            words = ", ".join((*VALUE_TESTS, *own))
            raise ValueError(f"asks for nothing; give one of {words}")
        return self

    @property
    def asks_for_value(self) -> bool:
        """Whether it asks for more than anniversary and age."""
        return any(getattr(self, name) is not None for name in ValueTest.model_fields)


class PreferenceCondition(ValueTest):
    """A preference of the golden record."""

    preference: Name
    """Its name, without `preference.`."""


class WantedConsent(_Condition):
    """Whether contact is permitted."""

    purpose: Name
    """For what: marketing, service …"""
    channel: Name
    """On which channel."""
    allowed: StrictBool = True
    """Whether it is permitted, at one address at least, or at none."""


class ConsentCondition(_Condition):
    """Contact permission as it is now."""

    consent: WantedConsent


class MeasureCondition(ValueTest):
    """A measure of single customers."""

    measure: Annotated[str, Field(pattern=MEASURE_NAME)]
    """Its name."""


class InSegmentCondition(_Condition):
    """Member of another segment."""

    in_segment: Annotated[str, Field(pattern=SEGMENT_ID)]
    """Its id."""


class WasReachedCondition(_Condition):
    """A message of a campaign was sent to the customer and did not bounce, or an event says that
    the campaign reached the customer."""

    was_reached: Name
    """The campaign."""
    within: Duration | None = None
    """How long ago, at most."""


class ReactedCondition(_Condition):
    """What customers did with messages that reached them; what programs open or click is none."""

    reacted: Literal["opened", "clicked", "none"]
    """`opened` (or clicked), `clicked`, or `none` of both."""
    campaign: Name | None = None
    """Only with messages of this campaign."""
    within: Duration | None = None
    """How long ago the message was sent, at most."""


class GroupCondition(_Condition):
    """Several conditions as one: all of `all`, one of `any`, and none of `none`."""

    all_: Conditions = Field(default=[], alias="all")
    any_: Conditions = Field(default=[], alias="any")
    none: Conditions = []

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not (self.all_ or self.any_ or self.none):
            raise ValueError("give conditions in all, any or none")
        return self


LEAVES: dict[str, type[_Condition]] = {
    "did": DidCondition,
    "did_not": DidNotCondition,
    "first": FirstCondition,
    "last": LastCondition,
    "stopped": StoppedCondition,
    "restarted": RestartedCondition,
    "regularly": RegularlyCondition,
    "sequence": SequenceCondition,
    "attribute": AttributeCondition,
    "preference": PreferenceCondition,
    "consent": ConsentCondition,
    "measure": MeasureCondition,
    "in_segment": InSegmentCondition,
    "was_reached": WasReachedCondition,
    "reacted": ReactedCondition,
}
"""The leaves by the word that tells them apart."""
GROUP = "group"
UNKNOWN = "condition"


def _word_of(value: Any) -> str:
    """Which condition a table is."""
    if isinstance(value, _Condition):
        kinds = (word for word, model in LEAVES.items() if type(value) is model)
        return next(kinds, GROUP)
    if not isinstance(value, dict):
        return UNKNOWN
    words = (word for word in LEAVES if word in value)
    return next(words, GROUP if {"all", "any", "none"} & value.keys() else UNKNOWN)


class UnknownCondition(_Condition):
    """Stands for a table that is no condition."""

    @model_validator(mode="before")
    @classmethod
    def _is_refused(cls, value: Any) -> Any:
        if isinstance(value, dict) and "near" in value:
            raise ValueError("near is not offered: no event says where stores and customers are")
        raise ValueError(f"is no condition; one has one of {', '.join(LEAVES)}, all, any, none")


Condition = Annotated[
    Annotated[DidCondition, Tag("did")]
    | Annotated[DidNotCondition, Tag("did_not")]
    | Annotated[FirstCondition, Tag("first")]
    | Annotated[LastCondition, Tag("last")]
    | Annotated[StoppedCondition, Tag("stopped")]
    | Annotated[RestartedCondition, Tag("restarted")]
    | Annotated[RegularlyCondition, Tag("regularly")]
    | Annotated[SequenceCondition, Tag("sequence")]
    | Annotated[AttributeCondition, Tag("attribute")]
    | Annotated[PreferenceCondition, Tag("preference")]
    | Annotated[ConsentCondition, Tag("consent")]
    | Annotated[MeasureCondition, Tag("measure")]
    | Annotated[InSegmentCondition, Tag("in_segment")]
    | Annotated[WasReachedCondition, Tag("was_reached")]
    | Annotated[ReactedCondition, Tag("reacted")]
    | Annotated[GroupCondition, Tag(GROUP)]
    | Annotated[UnknownCondition, Tag(UNKNOWN)],
    Discriminator(_word_of),
]
Conditions = Annotated[list[Condition], Field(max_length=50)]
AnyCondition = (
    DidCondition | DidNotCondition | FirstCondition | LastCondition | StoppedCondition
    | RestartedCondition | RegularlyCondition | SequenceCondition | AttributeCondition
    | PreferenceCondition | ConsentCondition | MeasureCondition | InSegmentCondition
    | WasReachedCondition | ReactedCondition | GroupCondition
)  # fmt: skip
OfEvents = (
    DidCondition | DidNotCondition | FirstCondition | LastCondition | StoppedCondition
    | RestartedCondition | RegularlyCondition | FirstStep | ThenStep | WithoutStep
)  # fmt: skip
"""What names events of one type."""


EVENT_WORDS = (
    "did", "did_not", "first", "last", "stopped", "restarted", "regularly", "then", "without",
)  # fmt: skip


def event_of(condition: OfEvents) -> str:
    """The type of event that a condition or step is about."""
    given = (getattr(condition, word) for word in EVENT_WORDS if hasattr(condition, word))
    name: str = next(given)
    return name


def steps_of(condition: SequenceCondition) -> list[FirstStep | ThenStep | WithoutStep]:
    """The steps of a sequence; of one that is only a type, what it stands for."""
    return [FirstStep(did=one) if isinstance(one, str) else one for one in condition.sequence]


_PARTS = re.compile(r"^(?P<field>\S+) +(?P<bound>.+)$")


def parts_of(test: str) -> tuple[str, str]:
    """The field and the bound of a `FieldTest`."""
    match = _PARTS.match(test)
    assert match is not None  # the pattern of the model
    return match["field"], match["bound"]

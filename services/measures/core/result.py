"""The one form of a result, whatever the measure; a contract that programs may rely on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict, Field

from schemas.base import Contract, Instant

RESULT_VERSION = 1
SHARE = "share"
"""Unit of a part of a whole, from 0 to 1."""
CUSTOMERS = "customers"
"""Unit of a number of customers."""
SECONDS = "s"
"""Unit of a time that customers wait."""
PURCHASES = "purchases"
"""Unit of a number of purchase occasions."""
POINTS = "points"
"""Unit of a figure on a scale of its own, as that of the net promoter score from -100 to 100."""


class Flag(StrEnum):
    """What a reader must know about a figure."""

    SUPPRESSED = "suppressed"
    """The group is too small to be shown."""
    SMALL_SAMPLE = "small_sample"
    """It rests on too few customers to say much."""
    NO_FIT = "no_fit"
    """The model does not fit these customers."""
    NO_MARGIN = "no_margin"
    """Revenue stands for profit, because no margin is set."""
    NO_COST = "no_cost"
    """Nobody said what it cost."""
    MIXED_SCALE = "mixed_scale"
    """Answers were given on scales that differ."""
    BIASED_SOURCE = "biased_source"
    """Who speaks there is not like who does not: mostly the very satisfied and the very
    dissatisfied."""
    LOW_RESPONSE = "low_response"
    """So few of those who were asked answered that the others may well think otherwise."""
    NOT_SIGNIFICANT = "not_significant"
    """The difference that it rests on may be chance."""
    NOT_MONOTONE = "not_monotone"
    """Who has more of it does less of what it should foretell."""
    NOT_BETTER = "not_better"
    """What needs no model does as well."""
    UNEQUAL = "unequal"
    """A group is chosen less than four fifths as often as everybody."""
    QUESTIONABLE = "questionable"
    """Too many answers contradict each other."""
    INCOMPLETE_WINDOW = "incomplete_window"
    """The window is not over yet."""


class _Part(Contract):
    model_config = ConfigDict(serialize_by_alias=True)


class Interval(_Part):
    """Confidence interval of a value."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""
    level: float
    """Confidence level, as 0.95."""


class Span(_Part):
    """A half-open span of event time."""

    from_: Instant = Field(alias="from")
    """The first instant of it."""
    until: Instant
    """The first instant after it."""


class Figure(_Part):
    """A value and what it rests on."""

    n: int | None = None
    """Customers it is about; null if suppressed."""
    value: float | None = None
    """The value; null if suppressed or undefined."""
    unit: str
    """Unit of the value: `share`, `customers`, `purchases`, `points`, a currency; empty for a bare
    number."""
    interval: Interval | None = None
    """Confidence interval, where one is defined."""


class Cell(Figure):
    """One row of a breakdown."""

    by: str
    """The dimension, as `occasion`."""
    key: str
    """The group within it."""
    flags: list[Flag] = Field(default_factory=list)
    """As of the whole result."""


class MeasureResult(Figure):
    """A measure of a population in a window."""

    version: int = RESULT_VERSION
    """Version of this form."""
    measure: str
    """Name of the measure."""
    definition: str
    """Name and version of the definition, as `nps/1`; figures of two definitions differ."""
    realm: str
    """Brand or tenant."""
    population: str
    """Who is counted."""
    segment: str = ""
    """Of these the members of this segment alone; empty: all."""
    window: Span
    """The window, in event time."""
    as_of: Instant
    """When it was computed, from all facts stored by then and the profile map of then."""
    counts: dict[str, int] = Field(default_factory=dict)
    """What the value is made of; empty if suppressed."""
    breakdown: list[Cell] = Field(default_factory=list)
    """The same, or accompanying figures, by group."""
    flags: list[Flag] = Field(default_factory=list)
    """What a reader must know."""


class KeptMeasure(_Part):
    """What a measure was when it was computed."""

    map_version: str
    """The version of the profile map that it was computed from: with another one other
    identifiers may belong together. A whole number, as text."""
    result: MeasureResult
    """The result as it was."""


class MeasureInput(_Part):
    """What a measure reads."""

    name: str
    """Name of the statement."""
    reads: str
    """What its rows are."""
    sql: str
    """The statement as the store gets it."""


class MeasureExplained(_Part):
    """What a measure is and where it comes from, before any figure."""

    measure: str
    """Name of the measure."""
    definition: str
    """Name and version of the definition."""
    title: str
    """What it says."""
    meaning: str
    """How it is made, and what it does not say."""
    population: str
    """Who is counted."""
    kinds: list[str]
    """The kinds of profiles that these are."""
    settings: dict[str, str]
    """Limits, terms and rules that the statements go by in this realm, by their names."""
    inputs: list[MeasureInput]
    """What the store counts; figures are made of these rows alone."""


class GroupSelection(_Part):
    """How often a score puts a group of customers at a level, against everybody."""

    by: str
    """What makes the group: `age_band`, `channel`, `language`, `region`."""
    key: str
    """The group."""
    level: str
    """Of the score, as `leaving`."""
    n: int
    """Customers of the group who are scored."""
    share: float | None = None
    """The part of them at this level; null if suppressed."""
    ratio: float | None = None
    """This part by that of everybody."""
    interval: Interval | None = None
    """Confidence interval of the ratio."""
    flags: list[Flag] = Field(default_factory=list)
    """`unequal` below 0.8, with `not_significant` where it may be chance; `suppressed`."""


class MeasureBias(_Part):
    """Whether a score chooses some groups of customers less often than others."""

    measure: str
    """Name of the measure."""
    definition: str
    """Name and version of the definition."""
    realm: str
    """Brand or tenant."""
    window: Span
    """The window of the measure, in event time."""
    as_of: Instant
    """When it was computed."""
    n: int | None
    """Customers who are scored; null if they are too few."""
    shares: dict[str, float] = Field(default_factory=dict)
    """The part of everybody at each level."""
    groups: list[GroupSelection] = Field(default_factory=list)
    """Every group at every level."""

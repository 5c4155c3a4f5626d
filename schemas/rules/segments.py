"""The typed form of a segments file: definitions of segments, checked against what they name.

A definition is the same as a table of a TOML file and as JSON. What is wrong is refused as a whole,
with the place of each fault and the names that were perhaps meant.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from schemas.descriptions import Described
from schemas.rules.profile import PREFERENCE_PREFIX, ProfileRules
from schemas.rules.segment_conditions import (
    BOUND,
    LEAVES,
    NUMBER,
    SEGMENT_ID,
    WINDOW_H_MAX,
    AnyCondition,
    AttributeCondition,
    Conditions,
    DidCondition,
    Duration,
    FieldTest,
    GroupCondition,
    InSegmentCondition,
    MeasureCondition,
    OfEvents,
    PreferenceCondition,
    SequenceCondition,
    Term,
    ValueTest,
    event_of,
    hours_of,
    parts_of,
    steps_of,
)
from schemas.rules.segment_fields import EventField, FieldKind, fields_of, near
from schemas.touchpoint import EVENT_TYPES

DEPTH_MAX, LEAVES_MAX, SEGMENTS_MAX = 6, 50, 500
FAULTS_SHOWN = 20
FILE_BYTES_MAX = 2_000_000
_NUMBER_TEST = re.compile(rf"^({BOUND}|{NUMBER})$")
NUMBERS = (FieldKind.NUMBER, FieldKind.MONEY)
ORDERED = {"above", "at_least", "below", "at_most"}
Path = tuple[str | int, ...]
SegmentId = Annotated[str, Field(pattern=SEGMENT_ID)]


class SegmentDefinition(Described, BaseModel):
    """One segment: who belongs to it. All of `all`, one of `any` and none of `none` must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    title: Annotated[str, Field(min_length=1, max_length=300)]
    """What it is called."""
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "marketing"
    """What it is for; contact permission for it is asked when members are exported."""
    channel: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = None
    """On which channel members are contacted: who may not be, is left out of exports."""
    kinds: Annotated[list[Literal["person", "anonymous"]], Field(min_length=1, max_length=2)] = [
        "person"
    ]
    """Kinds of profiles that may belong to it."""
    everybody: StrictBool = False
    """Also those of whom nothing is known that the conditions ask for."""
    for_at_least: Duration | None = None
    """Who has fulfilled the conditions for so long without a break."""
    all_: Conditions = Field(default=[], alias="all")
    any_: Conditions = Field(default=[], alias="any")
    none: Conditions = []

    @model_validator(mode="before")
    @classmethod
    def _is_not_too_deep(cls, value: Any) -> Any:
        """Before anything else, because everything else follows the nesting."""
        level, deep = [value], 0
        while level:
            deep += 1
            if deep > DEPTH_MAX + 1:
                raise ValueError(f"conditions are nested deeper than {DEPTH_MAX} levels")
            level = [
                one
                for outer in level
                if isinstance(outer, dict)
                for word in ("all", "any", "none")
                if isinstance(outer.get(word), list)
                for one in outer[word]
            ]
        return value

    @model_validator(mode="after")
    def _has_few_leaves(self) -> SegmentDefinition:
        count = sum(1 for _ in self.leaves())
        if count == 0:
            raise ValueError("give conditions in all, any or none")
        if count > LEAVES_MAX:
            raise ValueError(f"{count} conditions, and {LEAVES_MAX} are allowed")
        return self

    @field_validator("for_at_least")
    @classmethod
    def _is_not_too_long(cls, value: str | None) -> str | None:
        if value is not None and hours_of(value) > WINDOW_H_MAX:
            raise ValueError(f"is longer than {WINDOW_H_MAX // 24} days")
        return value

    @cached_property
    def root(self) -> GroupCondition:
        """Its conditions as one."""
        return GroupCondition(all_=self.all_, any_=self.any_, none=self.none)

    def leaves(self) -> Iterator[tuple[Path, AnyCondition]]:
        """Every condition that is no group, with its place."""
        yield from _leaves(self, ())

    def written(self) -> dict[str, Any]:
        """As JSON, in one form: what was not said is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _leaves(
    outer: SegmentDefinition | GroupCondition, place: Path
) -> Iterator[tuple[Path, AnyCondition]]:
    for word, conditions in (("all", outer.all_), ("any", outer.any_), ("none", outer.none)):
        for number, one in enumerate(conditions):
            if isinstance(one, GroupCondition):
                yield from _leaves(one, (*place, word, number))
            else:
                yield (*place, word, number), one  # type: ignore[misc]


class SegmentFile(Described, BaseModel):
    """A file of definitions."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    segment: Annotated[
        dict[SegmentId, SegmentDefinition], Field(min_length=1, max_length=SEGMENTS_MAX)
    ]
    """The definitions by their ids."""


@dataclass(frozen=True)
class SegmentScope:
    """What definitions may name, beside events and their fields."""

    attributes: ProfileRules
    measures: Collection[str] = ()
    """Measures of single customers."""
    segments: Mapping[str, SegmentDefinition] | None = None
    """Those that exist already; ones of a file come in their place."""


class _Fault(NamedTuple):
    place: Path
    text: str


def read_segments(text: str, scope: SegmentScope) -> dict[str, SegmentDefinition]:
    """The definitions of a TOML file.

    Raises:
        ValueError: it is no TOML, or a definition is wrong; names each place.
    """
    if len(text) > FILE_BYTES_MAX:
        raise ValueError(f"longer than {FILE_BYTES_MAX:,} characters")
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(f"conditions are nested deeper than {DEPTH_MAX} levels") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"file: {error}") from error
    return checked_segments(data, scope, text)


def checked_segments(
    data: Mapping[str, Any], scope: SegmentScope, text: str = ""
) -> dict[str, SegmentDefinition]:
    """The definitions of a file or request that was parsed. Raises ValueError, as above; lines are
    named where `text` is given and the faulty word stands in one line of it only."""
    try:
        found = SegmentFile.model_validate(data).segment
    except ValidationError as error:
        faults = [
            _Fault(fault["loc"], fault["msg"].removeprefix("Value error, "))
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ValueError(_told(faults, text)) from error
    every = {**(scope.segments or {}), **found}
    faults = [fault for name, one in found.items() for fault in _faults(name, one, scope, every)]
    faults += _circles(every, found)
    if len(every) > SEGMENTS_MAX:
        faults.append(_Fault(("segment",), f"{len(every)}, and {SEGMENTS_MAX} are allowed"))
    if faults:
        raise ValueError(_told(faults, text))
    return found


def _told(faults: list[_Fault], text: str) -> str:
    lines = []
    for place, said in faults[:FAULTS_SHOWN]:
        where = ".".join(map(str, place)) or "file"
        lines.append(f"{_line_of(place, text)}{where}: {said}")
    if len(faults) > FAULTS_SHOWN:
        lines.append(f"and {len(faults) - FAULTS_SHOWN} more")
    return "; ".join(lines)


def _line_of(place: Path, text: str) -> str:
    """The line of the last word of a place that stands in one line only."""
    lines = text.splitlines()
    for word in reversed([str(one) for one in place if isinstance(one, str)]):
        numbers = [number for number, line in enumerate(lines, 1) if word in line]
        if len(numbers) == 1:
            return f"line {numbers[0]}: "
    return ""


def _faults(
    name: str,
    definition: SegmentDefinition,
    scope: SegmentScope,
    every: Mapping[str, SegmentDefinition],
) -> Iterator[_Fault]:
    for place, leaf in definition.leaves():
        where = ("segment", name, *place, _word(leaf))
        for said in _of_leaf(leaf, scope, every):
            yield _Fault((*where, *said.place), said.text)


def _word(leaf: AnyCondition) -> str:
    return next(word for word, model in LEAVES.items() if type(leaf) is model)


def _of_leaf(
    leaf: AnyCondition, scope: SegmentScope, every: Mapping[str, SegmentDefinition]
) -> Iterator[_Fault]:
    match leaf:
        case SequenceCondition():
            for number, step in enumerate(steps_of(leaf)):
                for said in _of_events(step):
                    yield _Fault(("sequence", number, *said.place), said.text)
        case AttributeCondition(attribute=name) if not scope.attributes.knows(name):
            known = [one.name for one in scope.attributes.attribute]
            meant = scope.attributes.meant(name)
            hint = f"; near: {meant}" if meant else near(name, known)
            yield _Fault((), f"the profile rules list no attribute {name}{hint}")
        case PreferenceCondition(preference=name) if name.startswith(PREFERENCE_PREFIX):
            yield _Fault((), f"leave out {PREFERENCE_PREFIX!r}")
        case MeasureCondition(measure=name) if name not in scope.measures:
            yield _Fault(
                (), f"there is no measure of single customers {name}{near(name, scope.measures)}"
            )
        case InSegmentCondition(in_segment=name) if name not in every:
            yield _Fault((), f"there is no segment {name}{near(name, every)}")
        case _ if hasattr(leaf, "where"):
            yield from _of_events(leaf)  # type: ignore[arg-type]


def _of_events(condition: OfEvents) -> Iterator[_Fault]:
    """Faults in what selects events."""
    event_type = event_of(condition)
    if event_type not in EVENT_TYPES:
        yield _Fault((), f"there is no event type {event_type}{near(event_type, EVENT_TYPES)}")
        return
    if EVENT_TYPES[event_type].impersonal:
        yield _Fault((), f"{event_type} is about no customer")
    known = fields_of(event_type)
    for name, term in condition.where.items():
        if name not in known:
            yield _unknown_field(("where", name), event_type, name)
        else:
            said = _of_term(term, known[name])
            if said:
                yield _Fault(("where", name), said)
    if isinstance(condition, DidCondition) and condition.aggregate:
        yield from _of_aggregate(condition, getattr(condition, condition.aggregate))


def _of_aggregate(condition: DidCondition, test: FieldTest) -> Iterator[_Fault]:
    name, _ = parts_of(test)
    field = fields_of(condition.did).get(name)
    if field is None:
        yield _unknown_field((condition.aggregate,), condition.did, name)
    elif condition.aggregate != "distinct" and field.kind not in NUMBERS:
        yield _Fault((condition.aggregate,), f"{name} is no number")


def _unknown_field(place: Path, event_type: str, name: str) -> _Fault:
    return _Fault(place, f"{event_type} has no field {name}{near(name, fields_of(event_type))}")


def _of_term(term: Term, field: EventField) -> str:
    """What is wrong with a term; nothing if it is right."""
    if isinstance(term, ValueTest):
        given = [term.equals, *(term.one_of or ())]
        if field.kind not in NUMBERS and ORDERED & term.model_fields_set:
            return f"{field.name} is no number"
        if field.kind is not FieldKind.TEXT and (term.starts_with or term.contains):
            return f"{field.name} is no text"
    else:
        given = term if isinstance(term, list) else [term]
    return next(filter(None, (_of_value(one, field) for one in given if one is not None)), "")


def _of_value(value: Any, field: EventField) -> str:
    if field.kind is FieldKind.FLAG:
        return "" if isinstance(value, bool) else f"{field.name} is true or false"
    if isinstance(value, bool):
        return f"{field.name} is not true or false"
    if field.kind in NUMBERS:
        return "" if _is_number_test(value) else f"{field.name} is a number; write 5 or '>= 5'"
    if field.choices and str(value) not in field.choices:
        return f"{field.name} is never {value}; it is one of {', '.join(field.choices)}"
    return ""


def _is_number_test(value: Any) -> bool:
    return not isinstance(value, str) or _NUMBER_TEST.match(value) is not None


def named_by(definition: SegmentDefinition) -> set[str]:
    """The segments that a definition names."""
    leaves = (leaf for _, leaf in definition.leaves())
    return {one.in_segment for one in leaves if isinstance(one, InSegmentCondition)}


def _circles(every: Mapping[str, SegmentDefinition], found: Collection[str]) -> Iterator[_Fault]:
    """Segments that depend on themselves."""
    named = {name: named_by(one) for name, one in every.items()}
    for name in found:
        reached, ahead = set[str](), sorted(named[name])
        while ahead:
            one = ahead.pop()
            if one not in reached and one in named:
                reached.add(one)
                ahead += sorted(named[one])
        if name in reached:
            yield _Fault(("segment", name), "depends on itself by in_segment")

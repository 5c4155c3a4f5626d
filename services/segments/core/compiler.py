"""Definitions compiled once into plans, which decide about every customer.

Equal selections of events become one matcher, however many conditions and segments ask for them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from schemas.instants import to_ms
from schemas.rules.profile import PREFERENCE_PREFIX, ConsentRules
from schemas.rules.segment_conditions import (
    AnyCondition,
    AttributeCondition,
    ConsentCondition,
    DidCondition,
    DidNotCondition,
    FirstCondition,
    GroupCondition,
    InSegmentCondition,
    LastCondition,
    MeasureCondition,
    Moment,
    OfEvents,
    PreferenceCondition,
    ReactedCondition,
    RegularlyCondition,
    RestartedCondition,
    SequenceCondition,
    StoppedCondition,
    Term,
    ThenStep,
    ValueTest,
    WasReachedCondition,
    WithoutStep,
    event_of,
    ms_of,
    parts_of,
    steps_of,
)
from schemas.rules.segment_fields import CURRENCY, EventField, FieldKind, fields_of
from schemas.rules.segments import SegmentDefinition
from services.profiles.core.consent import PROFILING
from services.segments.core.conditions import AllOf, AnyOf, Compiled, Lasting, Not
from services.segments.core.facts import FOREVER, CustomerFacts
from services.segments.core.leaves import (
    AT_LEAST_ONE,
    NONE,
    Aggregated,
    Counted,
    FollowingStep,
    Missing,
    Ordered,
    Outermost,
    Regular,
    Restarted,
)
from services.segments.core.matching import (
    Bound,
    Check,
    FieldTerm,
    Matcher,
    any_of,
    bound_of,
    value_check,
)
from services.segments.core.message_leaves import (
    BOUNCED,
    CLICKED,
    OPENED,
    REACTION_FIELDS,
    SENT_FIELDS,
    SENT_TYPES,
    Reached,
    ReactedTo,
)
from services.segments.core.person_leaves import (
    AnniversaryNear,
    AttributeIs,
    MeasureIs,
    NotObjected,
    OfAge,
    OfKind,
    Permitted,
)
from services.segments.core.plan import Needs, SegmentPlan, member
from services.segments.core.windows import (
    CalendarWindow,
    EverWindow,
    FixedWindow,
    SlidingWindow,
    TimeWindow,
    beginning,
)

MARKETING = "marketing"


class SegmentSetting(NamedTuple):
    """What definitions depend on beside themselves: what is set for a realm."""

    zone: ZoneInfo
    currency: str
    consent: ConsentRules


def compiled(
    definitions: Mapping[str, SegmentDefinition], setting: SegmentSetting
) -> dict[str, SegmentPlan]:
    """The plans of definitions, which hold every segment that one of them names, and no circle.

    Raises:
        ValueError: somebody of whom nothing is known would belong to a segment that does not say
            so.
    """
    compiler = _Compiler(definitions, setting)
    plans = {name: compiler.plan(name) for name in definitions}
    for name, plan in plans.items():
        nobody = CustomerFacts(plan.definition.kinds[0])
        if not plan.definition.everybody and member(nobody, plan, 0):
            raise ValueError(
                f"segment.{name}: everybody of whom nothing is known would belong to it; add a "
                "condition that something happened or is known, or say everybody = true"
            )
    return plans


class _Compiler:
    """Compiles definitions; equal selections of events become one matcher."""

    def __init__(
        self, definitions: Mapping[str, SegmentDefinition], setting: SegmentSetting
    ) -> None:
        self._definitions = definitions
        self._setting = setting
        self._matchers: dict[str, Matcher] = {}
        self._plans: dict[str, SegmentPlan] = {}
        self._needs = Needs()

    def plan(self, name: str) -> SegmentPlan:
        """The plan of one definition."""
        if name not in self._plans:
            outer, self._needs = self._needs, Needs()
            definition = self._definitions[name]
            root = self._whole(definition)
            self._plans[name] = SegmentPlan(name, definition, root, self._needs)
            self._needs = outer
        return self._plans[name]

    def _whole(self, definition: SegmentDefinition) -> Compiled:
        root = self._group(definition.root)
        if definition.for_at_least is not None:
            root = Lasting(root, ms_of(definition.for_at_least))
        parts: list[Compiled] = [OfKind(frozenset(definition.kinds))]
        for purpose in self._objectionable(definition):
            self._needs |= Needs(consents=True)
            parts.append(NotObjected(purpose, self._setting.consent))
        return AllOf((*parts, root))

    def _objectionable(self, definition: SegmentDefinition) -> Sequence[str]:
        """The purposes that must not be objected to."""
        if definition.purpose == MARKETING:
            return PROFILING, MARKETING
        is_scored = any(isinstance(leaf, MeasureCondition) for _, leaf in definition.leaves())
        return (PROFILING,) if is_scored else ()

    def _group(self, group: GroupCondition) -> Compiled:
        parts = [self._condition(one) for one in group.all_]
        if group.any_:
            parts.append(AnyOf([self._condition(one) for one in group.any_]))
        parts += [Not(self._condition(one)) for one in group.none]
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _condition(self, condition: AnyCondition | Any) -> Compiled:
        match condition:
            case GroupCondition():
                return self._group(condition)
            case InSegmentCondition():
                plan = self.plan(condition.in_segment)
                self._needs |= plan.needs
                return plan.root
            case DidCondition() | DidNotCondition():
                return self._counted(condition)
            case FirstCondition() | LastCondition():
                return self._outermost(condition)
            case SequenceCondition():
                return self._ordered(condition)
            case WasReachedCondition():
                return self._reached(condition.was_reached, condition.within)
            case ReactedCondition():
                return self._reacted(condition)
            case StoppedCondition():
                pause = ms_of(condition.pause)
                return Outermost(self._matcher(condition), False, not_within_ms=pause)
            case RestartedCondition():
                matcher = self._matcher(condition)
                return Restarted(matcher, ms_of(condition.pause), ms_of(condition.within))
            case RegularlyCondition():
                every = ms_of(condition.every)
                return Regular(self._matcher(condition), every, *condition.periods)
        return self._of_person(condition)

    def _of_person(self, condition: AnyCondition) -> Compiled:
        match condition:
            case AttributeCondition():
                return self._attribute(condition)
            case PreferenceCondition():
                return self._attribute_is(PREFERENCE_PREFIX + condition.preference, condition)
            case ConsentCondition(consent=wanted):
                self._needs |= Needs(consents=True)
                rules = self._setting.consent
                return Permitted(wanted.purpose, wanted.channel, wanted.allowed, rules)
            case MeasureCondition():
                self._needs |= Needs(measures=frozenset({condition.measure}))
                return MeasureIs(condition.measure, condition, value_check(condition))
        raise AssertionError(f"no condition: {condition!r}")

    def _attribute(self, condition: AttributeCondition) -> Compiled:
        name, zone = condition.attribute, self._setting.zone
        parts: list[Compiled] = []
        if condition.asks_for_value:
            parts.append(self._attribute_is(name, condition))
        if condition.anniversary_within is not None:
            parts.append(AnniversaryNear(name, ms_of(condition.anniversary_within), zone))
        if condition.age is not None:
            parts.append(OfAge(name, bound_of(condition.age), zone))
        self._needs |= Needs(attributes=frozenset({name}))
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _attribute_is(self, name: str, test: ValueTest) -> Compiled:
        self._needs |= Needs(attributes=frozenset({name}))
        return AttributeIs(name, test, value_check(test))

    def _counted(self, condition: DidCondition | DidNotCondition) -> Compiled:
        window = self._window(condition)
        if isinstance(condition, DidNotCondition):
            return Counted(self._matcher(condition), window, NONE)
        how = condition.aggregate
        if not how:
            bound = bound_of(condition.count) if condition.count else AT_LEAST_ONE
            return Counted(self._matcher(condition), window, bound)
        name, asked = parts_of(getattr(condition, how))
        found = fields_of(condition.did)[name]
        self._read(condition.did, [found])
        matcher = self._matcher(condition)
        currency = self._setting.currency
        return Aggregated(matcher, window, how, found, currency, bound_of(asked))

    def _outermost(self, condition: FirstCondition | LastCondition) -> Compiled:
        return Outermost(
            self._matcher(condition),
            isinstance(condition, FirstCondition),
            before_ms=self._moment(condition.before, FOREVER),
            after_ms=self._moment(condition.after, -FOREVER),
            within_ms=_ms(condition.within) or FOREVER,
            not_within_ms=_ms(condition.not_within) or 0,
        )

    def _ordered(self, condition: SequenceCondition) -> Compiled:
        first, *others = steps_of(condition)
        links: list[FollowingStep] = []
        absences: list[Missing] = []
        for one in others:
            match one:
                case WithoutStep():
                    absences.append(Missing(self._matcher(one), _ms(one.within)))
                case ThenStep():
                    length, between = _ms(one.within) or FOREVER, tuple(absences)
                    links.append(FollowingStep(self._matcher(one), length, between))
                    absences = []
        return Ordered(self._matcher(first), links, absences, _ms(condition.within))

    def _reached(self, campaign: str | None, within: str | None) -> Reached:
        window = SlidingWindow(ms_of(within)) if within else EverWindow()
        messages = [self._messages(one, campaign) for one in SENT_TYPES]
        return Reached(messages, self._reactions(BOUNCED), window)

    def _reacted(self, condition: ReactedCondition) -> Compiled:
        reached = self._reached(condition.campaign, condition.within)
        types = [CLICKED] if condition.reacted == "clicked" else [OPENED, CLICKED]
        reactions = [self._reactions(one) for one in types]
        return ReactedTo(reached, reactions, condition.reacted != "none")

    def _messages(self, event_type: str, campaign: str | None) -> Matcher:
        known = fields_of(event_type)
        self._read(event_type, [known[one] for one in sorted(SENT_FIELDS & known.keys())])
        terms = () if campaign is None else (FieldTerm(("campaign",), campaign.__eq__),)
        return self._shared(f"{event_type} of {campaign!r}", Matcher(event_type, terms))

    def _reactions(self, event_type: str) -> Matcher:
        known = fields_of(event_type)
        self._read(event_type, [known[one] for one in sorted(REACTION_FIELDS)])
        return self._shared(event_type, Matcher(event_type))

    def _matcher(self, condition: OfEvents) -> Matcher:
        """What selects the events of a condition."""
        event_type = event_of(condition)
        known = fields_of(event_type)
        self._read(event_type, [known[name] for name in condition.where])
        plain: list[FieldTerm] = []
        listed: defaultdict[tuple[str, ...], list[FieldTerm]] = defaultdict(list)
        for name, term in condition.where.items():
            found = known[name]
            target = listed[found.path[: found.lists]] if found.lists else plain
            target.append(self._term(found, term))
        where = {name: _plain(term) for name, term in sorted(condition.where.items())}
        channels, stores = _names(condition.channel), _names(condition.store)
        of_elements = tuple((path, tuple(terms)) for path, terms in listed.items())
        matcher = Matcher(event_type, tuple(plain), of_elements, channels, stores)
        return self._shared(repr((event_type, where, sorted(channels), sorted(stores))), matcher)

    def _shared(self, key: str, matcher: Matcher) -> Matcher:
        return self._matchers.setdefault(key, matcher)

    def _term(self, found: EventField, term: Term) -> FieldTerm:
        currency = self._setting.currency if found.kind is FieldKind.MONEY else ""
        path = found.path[found.lists :]
        if isinstance(term, ValueTest):
            return FieldTerm(path, value_check(term), term.exists is False, currency)
        is_number = found.kind in (FieldKind.NUMBER, FieldKind.MONEY)
        checks = [_check(one, is_number) for one in (term if isinstance(term, list) else [term])]
        return FieldTerm(path, any_of(checks), False, currency)

    def _read(self, event_type: str, fields: Iterable[EventField]) -> None:
        names = set[str]()
        for one in fields:
            names.add(one.name)
            if one.kind is FieldKind.MONEY:
                # What is beside an amount says in which currency it is, else the body does.
                prefixes = (one.path[:length] for length in range(len(one.path)))
                beside = (".".join((*prefix, CURRENCY)) for prefix in prefixes)
                names.update(name for name in beside if name in fields_of(event_type))
        self._needs |= Needs({event_type: frozenset(names)})

    def _window(self, condition: DidCondition | DidNotCondition) -> TimeWindow:
        if condition.within is not None:
            return SlidingWindow(ms_of(condition.within))
        if condition.calendar is not None:
            return CalendarWindow(condition.calendar == "month", self._setting.zone)
        if condition.since is None and condition.until is None:
            return EverWindow()
        since = self._moment(condition.since, -FOREVER)
        return FixedWindow(since, self._moment(condition.until, FOREVER))

    def _moment(self, moment: Moment | None, default: int) -> int:
        if moment is None:
            return default
        if isinstance(moment, datetime):
            return to_ms(moment)
        return beginning(moment, self._setting.zone)


def _check(value: Any, is_number: bool) -> Check:
    if is_number and isinstance(value, str):
        bound: Bound = bound_of(value)
        return bound.holds
    return value_check(ValueTest(equals=value))


def _plain(term: Term) -> Any:
    return term.model_dump(exclude_none=True) if isinstance(term, ValueTest) else term


def _ms(duration: str | None) -> int | None:
    return ms_of(duration) if duration else None


def _names(said: str | list[str] | None) -> frozenset[str]:
    if said is None:
        return frozenset()
    return frozenset({said} if isinstance(said, str) else said)

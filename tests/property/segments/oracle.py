"""What membership means, said as plainly as possible: every fact is looked at for every answer.

It shares no code with the core but for contact permission, which has tests of its own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from schemas.instants import from_ms, to_ms
from services.profiles.core.consent import Consents, Target
from services.segments.core.facts import CustomerEvent
from tests.property.segments.histories import SETTING, ZONE, Customer, Json

HOUR = 3_600_000
UNITS = {"h": HOUR, "d": 24 * HOUR, "w": 7 * 24 * HOUR}
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "=": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
PROGRAMS = {"GoogleImageProxy"}
REFUSED_PROFILING = {("objection", "profiling"), ("objection", ""), ("withdrawn", "profiling")}


def belongs(who: Customer, name: str, definitions: dict[str, Json], t: int) -> bool:
    """Whether somebody belongs to a segment."""
    return Oracle(who, definitions).belongs(name, t)


class Oracle:
    """Answers for one customer."""

    def __init__(self, who: Customer, definitions: dict[str, Json]) -> None:
        self.who = who
        self.definitions = definitions
        newest: dict[str, int] = {}
        for one in who.events:
            newest[one.event_id] = max(one.version, newest.get(one.event_id, 0))
        self.events = [one for one in who.events if one.version == newest[one.event_id]]
        self._known: dict[tuple[str, int], bool] = {}

    def belongs(self, name: str, t: int) -> bool:
        """Whether the customer belongs to a segment."""
        said = self.definitions[name]
        if self.who.kind not in said["kinds"]:
            return False
        if said["purpose"] == "marketing":
            purposes = ["profiling", "marketing"]
        else:
            purposes = ["profiling"] if "'measure'" in str(said) else []
        if any(self._has_objected(purpose, t) for purpose in purposes):
            return False
        length = ms(said.get("for_at_least", "0h"))
        probes = {t, t - length}
        for hour in range(length // HOUR + 1):
            edge = (t - length) // HOUR * HOUR + hour * HOUR
            probes |= {edge, edge + HOUR - 1}
        return all(self._raw(name, one) for one in probes if t - length <= one <= t)

    def _raw(self, name: str, t: int) -> bool:
        key = name, t
        if key not in self._known:
            self._known[key] = self._group(self.definitions[name], t)
        return self._known[key]

    def _group(self, said: Json, t: int) -> bool:
        parts = {word: [self.holds(one, t) for one in said.get(word, [])] for word in GROUPS}
        return (
            all(parts["all"]) and (any(parts["any"]) or not parts["any"]) and not any(parts["none"])
        )

    def holds(self, said: Json, t: int) -> bool:
        """Whether a condition holds."""
        for word, how in LEAVES.items():
            if word in said:
                return how(self, said, t)
        return self._group(said, t)

    def happened(self, name: str, said: Json, t: int) -> list[CustomerEvent]:
        """The events of a type that count at t, as a condition selects them."""
        found = [
            one
            for one in self.events
            if one.type == name
            and one.at_ms <= t
            and one.known_ms <= t < one.until_ms
            and one.channel in listed(said.get("channel", one.channel))
            and one.store in listed(said.get("store", one.store))
            and selects(said.get("where", {}), one.fields)
        ]
        return sorted(found, key=lambda one: one.at_ms)

    def did(self, said: Json, t: int) -> bool:
        """See the specification of the leaf, as for all of these."""
        events = [
            one for one in self.happened(said["did"], said, t) if in_window(said, one.at_ms, t)
        ]
        how = next((one for one in ("sum", "avg", "min", "max", "distinct") if one in said), None)
        if how is None:
            return tested(len(events), said.get("count", ">= 1"))
        field, _, bound = said[how].partition(" ")
        values = [value for one in events for value in numbers(said, one.fields, field)]
        if how == "distinct":
            return tested(len(set(values)), bound)
        if how == "sum":
            return tested(sum(values), bound)
        if not values:
            return False
        mean = sum(values) / len(values)
        return tested({"avg": mean, "min": min(values), "max": max(values)}[how], bound)

    def did_not(self, said: Json, t: int) -> bool:
        events = self.happened(said["did_not"], said, t)
        return not any(in_window(said, one.at_ms, t) for one in events)

    def first(self, said: Json, t: int) -> bool:
        events = self.happened(said["first"], said, t)
        return bool(events) and self._when(said, events[0].at_ms, t)

    def last(self, said: Json, t: int) -> bool:
        events = self.happened(said["last"], said, t)
        return bool(events) and self._when(said, events[-1].at_ms, t)

    def _when(self, said: Json, time: int, t: int) -> bool:
        return (
            ("before" not in said or time < moment(said["before"]))
            and ("after" not in said or time >= moment(said["after"]))
            and ("within" not in said or t - ms(said["within"]) < time <= t)
            and ("not_within" not in said or time <= t - ms(said["not_within"]))
        )

    def stopped(self, said: Json, t: int) -> bool:
        events = self.happened(said["stopped"], said, t)
        return bool(events) and all(one.at_ms <= t - ms(said["pause"]) for one in events)

    def restarted(self, said: Json, t: int) -> bool:
        times = [one.at_ms for one in self.happened(said["restarted"], said, t)]
        return any(
            one > t - ms(said["within"])
            and any(other <= one - ms(said["pause"]) for other in times)
            and not any(one - ms(said["pause"]) < other < one for other in times)
            and times.count(one) >= 1
            for one in times
        )

    def regularly(self, said: Json, t: int) -> bool:
        times = [one.at_ms for one in self.happened(said["regularly"], said, t)]
        least, _, periods = said["in"].split()
        every = ms(said["every"])
        full = [
            number
            for number in range(int(periods))
            if any(t - (number + 1) * every < one <= t - number * every for one in times)
        ]
        return len(full) >= int(least)

    def sequence(self, said: Json, t: int) -> bool:
        within = ms(said["within"]) if "within" in said else None
        return any(
            complete <= t and (within is None or complete > t - within)
            for complete in self._completed(said["sequence"], t)
        )

    def _completed(self, steps: list[Any], t: int) -> Iterator[int]:
        """When each possible course of the sequence is complete."""
        first, *others = steps
        start = {"did": first} if isinstance(first, str) else first
        for one in self.happened(start["did"], start, t):
            yield from self._onward(one.at_ms, others, [], t)

    def _onward(self, time: int, steps: list[Any], absent: list[Json], t: int) -> Iterator[int]:
        if not steps:
            if not any(self._is_broken(one, time, t + 1, t) for one in absent):
                yield time + max([ms(one["within"]) for one in absent if "within" in one] + [0])
            return
        step, *others = steps
        if "without" in step:
            yield from self._onward(time, others, [*absent, step], t)
            return
        latest = time + ms(step["within"]) if "within" in step else t
        for one in self.happened(step["then"], step, t):
            if time < one.at_ms <= latest and not any(
                self._is_broken(none, time, one.at_ms, t) for none in absent
            ):
                yield from self._onward(one.at_ms, others, [], t)

    def _is_broken(self, absent: Json, start: int, end: int, t: int) -> bool:
        latest = start + ms(absent["within"]) if "within" in absent else end
        times = [one.at_ms for one in self.happened(absent["without"], absent, t)]
        return any(start < one < end and one <= latest for one in times)

    def _values(self, name: str, t: int) -> tuple[str, ...]:
        said = [one for one in self.who.attributes.get(name, []) if one.from_ms <= t]
        return max(said).values if said else ()

    def attribute(self, said: Json, t: int) -> bool:
        values = self._values(said["attribute"], t)
        today = local(t).date()
        days = [date.fromisoformat(one) for one in values if re.match("[0-9]{4}-", one)]
        if "age" in said:
            ages = [today.year - one.year - (today < birthday(one, today.year)) for one in days]
            return any(tested(one, said["age"]) for one in ages if one >= 0)
        if "anniversary_within" in said:
            end = t + ms(said["anniversary_within"])
            coming = [birthday(one, today.year + more) for one in days for more in (0, 1)]
            return any(one == today or t <= midnight(one) <= end for one in coming)
        return asked_of(values, said)

    def preference(self, said: Json, t: int) -> bool:
        return asked_of(self._values(f"preference.{said['preference']}", t), said)

    def consent(self, said: Json, t: int) -> bool:
        wanted = said["consent"]
        consents, targets = self._consents(t)
        found = [
            one
            for one in targets
            if one.purpose == wanted["purpose"] and one.channel == wanted["channel"]
        ]
        is_allowed = any(consents.permission(one).allowed for one in found)
        return bool(is_allowed == wanted["allowed"])

    def _consents(self, t: int) -> tuple[Consents, list[Target]]:
        until = [one for one in self.who.consents if to_ms(one.occurred_at) <= t]
        consents = Consents(until, SETTING.consent)
        return consents, consents.targets()

    def _has_objected(self, purpose: str, t: int) -> bool:
        consents, targets = self._consents(t)
        if purpose == "profiling":
            return self._refuses_profiling(t)
        if consents.permission(Target(0, "", purpose)).reason != "objected":
            return False
        mine = [one for one in targets if one.purpose == purpose]
        return not any(consents.permission(one).allowed for one in mine)

    def _refuses_profiling(self, t: int) -> bool:
        """On any channel and for any address, unless somebody opted in since."""
        consents, targets = self._consents(t)
        refusals = [
            one.occurred_at for one in self.who.consents
            if to_ms(one.occurred_at) <= t and (one.action, one.purpose) in REFUSED_PROFILING
        ]  # fmt: skip
        found = [consents.permission(one) for one in targets if one.purpose == "profiling"]
        return bool(refusals) and not any(
            one.allowed and one.by is not None and one.by.occurred_at > max(refusals)
            for one in found
        )

    def measure(self, said: Json, t: int) -> bool:
        value = self.who.measures.get(said["measure"])
        return value is not None and asked_of((value,), said)

    def in_segment(self, said: Json, t: int) -> bool:
        return self.belongs(said["in_segment"], t)

    def was_reached(self, said: Json, t: int) -> bool:
        return bool(self._reached(said, said["was_reached"], t))

    def _reached(self, said: Json, campaign: str | None, t: int) -> list[CustomerEvent]:
        bounces = self.happened("email.bounced", {}, t)
        return [
            one
            for one in self.happened("email.sent", {}, t)
            if campaign in (None, one.fields["campaign"])
            and ("within" not in said or one.at_ms > t - ms(said["within"]))
            and not any(is_about(bounce, one) for bounce in bounces)
        ]

    def reacted(self, said: Json, t: int) -> bool:
        messages = self._reached(said, said.get("campaign"), t)
        types = ["email.clicked"] + ["email.opened"] * (said["reacted"] != "clicked")
        did = [
            one
            for name in types
            for one in self.happened(name, {}, t)
            if not one.fields["automated"] and one.fields["user_agent"] not in PROGRAMS
        ]
        found = any(is_about(one, message) for one in did for message in messages)
        return bool(messages) and not found if said["reacted"] == "none" else found


GROUPS = ("all", "any", "none")
WORDS = (
    "did", "did_not", "first", "last", "stopped", "restarted", "regularly", "sequence",
    "attribute", "preference", "consent", "measure", "in_segment", "was_reached", "reacted",
)  # fmt: skip
LEAVES: dict[str, Callable[[Oracle, Json, int], bool]] = {
    word: getattr(Oracle, word) for word in WORDS
}


def is_about(reaction: CustomerEvent, message: CustomerEvent) -> bool:
    """Whether a reaction belongs to a message."""
    mine, its = reaction.fields, message.fields
    if mine["message_id"] and its["message_id"]:
        return bool(mine["message_id"] == its["message_id"])
    return bool(mine["campaign"]) and bool(mine["campaign"] == its["campaign"])


def ms(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]]


def local(t: int) -> datetime:
    return from_ms(t).astimezone(ZONE)


def midnight(day: date) -> int:
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC))


def birthday(born: date, year: int) -> date:
    is_leap = year % 4 == 0
    if (born.month, born.day) == (2, 29) and not is_leap:
        return date(year, 3, 1)
    return date(year, born.month, born.day)


def moment(said: str) -> int:
    if len(said) == 10:
        return midnight(date.fromisoformat(said))
    return to_ms(datetime.fromisoformat(said))


def listed(said: Any) -> list[str]:
    return said if isinstance(said, list) else [said]


def in_window(said: Json, time: int, t: int) -> bool:
    if "within" in said:
        return t - ms(said["within"]) < time <= t
    if said.get("calendar") == "day":
        return local(time).date() == local(t).date()
    if said.get("calendar") == "month":
        return local(time).timetuple()[:2] == local(t).timetuple()[:2]
    since = moment(said["from"]) if "from" in said else 0
    return since <= time and ("until" not in said or time < moment(said["until"]))


def tested(number: Any, bound: str) -> bool:
    if ".." in bound:
        low, _, high = bound.partition("..")
        return bool(Decimal(low) <= number <= Decimal(high))
    sign, limit = re.findall(r"^([<>=]+) *(.+)$", bound)[0]
    return SIGNS[sign](number, Decimal(limit))


def selects(where: Json, body: Any) -> bool:
    plain = {name: term for name, term in where.items() if not name.startswith("lines.")}
    of_lines = {name[6:]: term for name, term in where.items() if name.startswith("lines.")}
    if not all(fits(name, term, body, body) for name, term in plain.items()):
        return False
    return not of_lines or any(
        all(fits(name, term, line, body) for name, term in of_lines.items())
        for line in body["lines"]
    )


def fits(name: str, term: Any, part: Json, body: Json) -> bool:
    value = part[name]
    if name in ("order_value", "total") and body["currency"] != "EUR":
        value = ""
    if isinstance(term, dict):
        return asked_of(() if value == "" else (value,), term)
    if value == "":
        return False
    if isinstance(value, Decimal):
        return tested(value, term)
    return value in listed(term)


def numbers(said: Json, body: Any, field: str) -> list[Any]:
    """The values of a field, of lines only those that the condition selects."""
    if field == "order_value":
        return [body[field]] if body["currency"] == "EUR" else []
    name = field[6:]
    of_lines = {one[6:]: term for one, term in said.get("where", {}).items() if "." in one}
    found = [
        line[name]
        for line in body["lines"]
        if all(fits(one, term, line, body) for one, term in of_lines.items())
    ]
    is_money = name == "total"
    return [one for one in found if one != "" and (not is_money or body["currency"] == "EUR")]


def asked_of(values: tuple[Any, ...], said: Json) -> bool:
    if said.get("exists") is False:
        return not values
    return any(
        ("equals" not in said or value == said["equals"])
        and ("in" not in said or value in said["in"])
        and ("starts_with" not in said or value.startswith(said["starts_with"]))
        and ("contains" not in said or said["contains"] in value)
        and ("above" not in said or value > said["above"])
        and ("at_least" not in said or value >= said["at_least"])
        and ("below" not in said or value < said["below"])
        and ("at_most" not in said or value <= said["at_most"])
        for value in values
    )

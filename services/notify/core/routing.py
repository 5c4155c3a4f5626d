"""The route of an incident: a pure function of the incident, the rules and the time.

Quiet hours and the digest follow the clock on the wall of one time zone, daylight saving included.
No clock is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from schemas.incident import Severity
from schemas.rules.routing import (
    DAYS,
    PRODUCT_RULES,
    QuietHours,
    Route,
    RoutingRule,
    RoutingRules,
)

DAY = timedelta(days=1)
WINDOWS_MAX = 50
"""Quiet hours one behind the other; whoever is always quiet is told after so many."""
ZONE_PREFIX = "zone:"


class RoutedIncident(NamedTuple):
    """What decides about the route of an incident."""

    kind: str
    cause: str
    channel: str
    location: str
    severity: Severity
    customers: int = 0
    """Known customers who saw or paid it; zero if nobody counted."""
    money: Decimal = Decimal(0)
    """What was paid too much and too little."""


class Routing(NamedTuple):
    """Where an incident goes."""

    route: Route
    labels: Mapping[str, str]
    told_at: datetime
    """Not before; the time asked for if it need not wait."""


def routing_of(
    incident: RoutedIncident,
    rules: RoutingRules,
    zone_of: Mapping[str, str],
    at: datetime,
) -> Routing:
    """The route of an incident that is to be told at `at`; `zone_of` is the zone by store."""
    rule = next(
        one for one in (*rules.rule, *PRODUCT_RULES) if _fits(one, incident, zone_of)
    )  # the last one of the product fits all
    told_at = at
    if rule.route is Route.PAGE and rules.waits(incident.severity):
        told_at = quiet_until(rules, at)
    elif rule.route is Route.DIGEST:
        told_at = next_digest(rules, at)
    return Routing(rule.route, rule.labels, told_at)


def _fits(rule: RoutingRule, incident: RoutedIncident, zone_of: Mapping[str, str]) -> bool:
    named = (
        (rule.kind, incident.kind),
        (rule.cause, incident.cause),
        (rule.channel, incident.channel),
        (rule.location, incident.location),
        (rule.zone, _zone(incident.location, zone_of)),
    )
    return (
        all(not names or value in names for names, value in named)
        and (rule.severity is None or incident.severity.rank >= rule.severity.rank)
        and incident.customers >= rule.customers_min
        and incident.money >= rule.money_min
    )


def _zone(location: str, zone_of: Mapping[str, str]) -> str:
    if location.startswith(ZONE_PREFIX):
        return location.removeprefix(ZONE_PREFIX)
    return zone_of.get(location, "")


def quiet_until(rules: RoutingRules, at: datetime) -> datetime:
    """When the quiet hours end that `at` is in, one behind the other; `at` if it is in none."""
    for _ in range(WINDOWS_MAX):
        ends = [end for one in rules.quiet if (end := _end_of(one, rules, at)) is not None]
        if not ends:
            break
        at = max(ends)
    return at


def next_digest(rules: RoutingRules, at: datetime) -> datetime:
    """The first time of the daily digest that is later than `at`."""
    wall, when = at.astimezone(rules.zone), time.fromisoformat(rules.digest_at)
    days = (wall.date() + DAY * number for number in range(3))
    return next(one for day in days if (one := _instant(rules, day, when)) > at)


def _end_of(quiet: QuietHours, rules: RoutingRules, at: datetime) -> datetime | None:
    """When these quiet hours end, if `at` is in them."""
    today = at.astimezone(rules.zone).date()
    start, end = quiet.bounds
    for day in (today, today - DAY):
        if DAYS[day.weekday()] not in quiet.days:
            continue
        ends_on = day if end > start else day + DAY
        begins, ends = _instant(rules, day, start), _instant(rules, ends_on, end, is_later=True)
        if begins <= at < ends:
            return ends
    return None


def _instant(rules: RoutingRules, day: date, wall: time, *, is_later: bool = False) -> datetime:
    """The instant of a time on the wall. An hour that comes twice: the first, or the later one.

    A time that is skipped is as long after midnight as it would have been.
    """
    local = datetime.combine(day, wall, rules.zone).replace(fold=int(is_later))
    if is_later and not _exists(local):
        local = local.replace(fold=0)
    return local.astimezone(UTC)


def _exists(local: datetime) -> bool:
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(
        tzinfo=None
    )

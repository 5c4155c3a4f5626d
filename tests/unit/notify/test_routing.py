"""Where incidents go: rules in order, quiet hours and digests by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.incident import Severity
from schemas.rules.routing import DAYS, PRODUCT_RULES, Route, RoutingRules
from services.consistency.kinds import KINDS
from services.consistency.rules import ConsistencyRules
from services.notify.core.routing import (
    RoutedIncident,
    next_digest,
    quiet_until,
    routing_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 4, 11, tzinfo=UTC)
WRONG = RoutedIncident("price_mismatch", "wrong_price", "pos", "12", Severity.MEDIUM)
NIGHTS = {"quiet": [{"start": "22:00", "end": "06:00"}]}


def rules(**values: Any) -> RoutingRules:
    """Routing rules with some values."""
    return RoutingRules.model_validate(values)


def local(day: int, hour: int, minute: int = 0, *, month: int = 3, fold: int = 0) -> datetime:
    """An instant by the clock on a wall in Berlin."""
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


def route(incident: RoutedIncident, at: datetime = NOON, **values: Any) -> Route:
    """Where an incident goes; the south has store 12."""
    return routing_of(incident, rules(**values), {"12": "south"}, at).route


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Route.DIGEST),
        ({"severity": Severity.HIGH}, Route.PAGE),
        ({"severity": Severity.CRITICAL}, Route.PAGE),
        ({"severity": Severity.LOW}, Route.DIGEST),
        ({"cause": "promotion_not_ended"}, Route.PAGE),
        ({"cause": "promotion_not_ended", "severity": Severity.LOW}, Route.PAGE),
        ({"kind": "charged_above_advertised"}, Route.PAGE),
        ({"kind": "store_data_mismatch", "severity": Severity.HIGH}, Route.DIGEST),
        ({"kind": "of_next_year"}, Route.DIGEST),
    ],
)
def test_defaults_of_the_product(changes: dict[str, Any], expected: Route) -> None:
    """A human is paged for what costs customers money; the rest is for the morning."""
    assert route(WRONG._replace(**changes)) is expected


def test_every_incident_has_a_route() -> None:
    """The last rule of the product fits everything."""
    for kind in KINDS.values():
        for cause in kind.causes:
            for severity in Severity:
                one = RoutedIncident(kind.name, cause, "shop", "", severity)
                assert route(one) in (Route.PAGE, Route.DIGEST)
    assert PRODUCT_RULES[-1].model_fields_set == {"route"}


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"kind": ["price_mismatch"]}, True),
        ({"kind": ["told_twice"]}, False),
        ({"cause": ["stale_price", "wrong_price"]}, True),
        ({"channel": ["shop"]}, False),
        ({"channel": ["shop", "pos"]}, True),
        ({"location": ["12"]}, True),
        ({"location": ["13"]}, False),
        ({"zone": ["south"]}, True),
        ({"zone": ["north"]}, False),
        ({"severity": "medium"}, True),
        ({"severity": "high"}, False),
        ({"customers_min": 3}, True),
        ({"customers_min": 4}, False),
        ({"money_min": "12.50"}, True),
        ({"money_min": "12.51"}, False),
        ({"kind": ["price_mismatch"], "channel": ["shop"]}, False),
    ],
)
def test_all_that_is_given_must_fit(rule: dict[str, Any], fits: bool) -> None:
    """Kinds, causes, places, zones, severities and exposure."""
    one = WRONG._replace(customers=3, money=Decimal("12.50"))
    found = route(one, rule=[{**rule, "route": "off"}])
    assert found is (Route.OFF if fits else Route.DIGEST)


def test_an_incident_of_a_zone() -> None:
    """The zone of the incident itself, as of a store in it."""
    one = WRONG._replace(location="zone:south")
    assert route(one, rule=[{"zone": ["south"], "route": "off"}]) is Route.OFF


def test_the_first_that_fits_decides() -> None:
    """Its labels, too; later ones are not looked at."""
    first = {"channel": ["pos"], "route": "page", "labels": {"team": "tills"}}
    second = {"route": "off", "labels": {"team": "nobody"}}
    found = routing_of(WRONG, rules(rule=[first, second]), {}, NOON)
    assert (found.route, found.labels, found.told_at) == (Route.PAGE, {"team": "tills"}, NOON)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (local(4, 21, 59), local(4, 21, 59)),
        (local(4, 22), local(5, 6)),
        (local(5, 0), local(5, 6)),
        (local(5, 5, 59), local(5, 6)),
        (local(5, 6), local(5, 6)),
        (local(28, 23), local(29, 6)),  # an hour shorter: summer time begins
        (local(29, 3, 30), local(29, 6)),
        (local(24, 23, month=10), local(25, 6, month=10)),  # an hour longer
        (local(25, 2, 30, month=10, fold=1), local(25, 6, month=10)),
    ],
)
def test_quiet_nights(at: datetime, until: datetime) -> None:
    """A page waits for the end of the night by the clock on the wall."""
    assert quiet_until(rules(**NIGHTS), at) == until


def test_an_end_in_the_hour_that_comes_twice() -> None:
    """Quiet until the later 02:30, also in the hour between both."""
    night = rules(quiet=[{"start": "22:00", "end": "02:30"}])
    end = local(25, 2, 30, month=10, fold=1)
    for at in (local(24, 23, month=10), local(25, 2, 45, month=10), local(25, 2, month=10, fold=1)):
        assert quiet_until(night, at) == end
    assert quiet_until(night, end) == end


def test_an_end_in_the_hour_that_is_skipped() -> None:
    """As long after midnight as on any other day."""
    night = rules(quiet=[{"start": "22:00", "end": "02:30"}])
    assert quiet_until(night, local(28, 23)) == local(29, 0) + timedelta(hours=2, minutes=30)


def test_weekends_after_nights() -> None:
    """Quiet hours one behind the other are one wait: Friday night, Saturday, Sunday, the night."""
    weekend = {"days": ["sa", "su"], "start": "06:00", "end": "22:00"}
    quiet = rules(quiet=[*NIGHTS["quiet"], weekend])
    assert quiet_until(quiet, local(6, 23)) == local(9, 6)  # the 6th is a Friday
    assert quiet_until(quiet, local(6, 21)) == local(6, 21)


def test_always_quiet_ends() -> None:
    """Whoever never may be paged is paged after some weeks; nothing hangs."""
    always = rules(quiet=[{"start": "00:00", "end": "00:00"}])
    assert NOON < quiet_until(always, NOON) < NOON + timedelta(days=60)


@pytest.mark.parametrize(
    ("severity", "bound", "waits"),
    [
        ("critical", {}, False),
        ("high", {}, True),
        ("high", {"breaks_through": "high"}, False),
        ("critical", {"breaks_through": "none"}, True),
    ],
)
def test_what_breaks_through(severity: str, bound: dict[str, str], waits: bool) -> None:
    """By default critical pages do."""
    one, at = WRONG._replace(severity=Severity(severity)), local(4, 23)
    found = routing_of(one, rules(**NIGHTS, **bound), {}, at)
    assert found.told_at == (local(5, 6) if waits else at)


def test_digests_once_a_day() -> None:
    """The next seven o'clock on the wall, never now."""
    assert next_digest(rules(), local(4, 6, 59)) == local(4, 7)
    assert next_digest(rules(), local(4, 7)) == local(5, 7)
    assert next_digest(rules(), local(28, 8)) - local(28, 8) == timedelta(hours=22)
    assert routing_of(WRONG, rules(**NIGHTS), {}, local(4, 23)).told_at == local(5, 7)


@given(
    at=st.integers(0, 730 * 1440).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    days=st.sets(st.sampled_from(DAYS)),
)
def test_a_wait_ends_outside(at: datetime, start: int, end: int, days: set[str]) -> None:
    """Whatever the window: the end is not before, is not quiet, and everything before it is."""
    assume(start != end)  # always quiet: see above
    window = {"start": wall(start), "end": wall(end), "days": sorted(days)}
    quiet = rules(quiet=[window])
    until = quiet_until(quiet, at)
    assert until >= at
    assert quiet_until(quiet, until) == until
    assert until - at <= timedelta(hours=26)
    if until > at:
        assert quiet_until(quiet, until - timedelta(microseconds=1)) == until


def wall(minutes: int) -> str:
    """A time on the wall."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        ({"time_zone": "Berlin"}, "routing.time_zone: .*is no time zone"),
        ({"digest_at": "7:00"}, "routing.digest_at"),
        ({"quiet": [{"start": "24:00", "end": "06:00"}]}, "routing.quiet.0.start"),
        ({"rule": [{"kind": ["prices"], "route": "off"}]}, "routing.rule.0.kind: no kind 'prices'"),
        ({"rule": [{"cause": ["x"], "route": "off"}]}, "no cause 'x'"),
        ({"rule": [{"zone": ["north"], "route": "off"}]}, "no zone 'north'; there are: south"),
        ({"rule": [{"route": "mail"}]}, "routing.rule.0.route"),
        ({"rule": [{"route": "off", "labels": {"kind": "x"}}]}, "a label of the incident itself"),
        ({"rule": [{"route": "off", "labels": {"Team": "x"}}]}, "routing.rule.0.labels"),
        ([], "routing: must be a table"),
    ],
)
def test_wrong_rules_are_named(routing: Any, message: str) -> None:
    """The message names the field."""
    with pytest.raises(ValueError, match=message):
        ConsistencyRules.of({"routing": routing, "zones": {"south": ["12"]}})


def test_rules_of_kinds_are_kept() -> None:
    """Routing changes nothing of what judges incidents."""
    with_routing = ConsistencyRules.of({"routing": {"digest_at": "08:00"}})
    assert with_routing.by_kind == ConsistencyRules.of({}).by_kind
    assert with_routing.routing.digest_at == "08:00"

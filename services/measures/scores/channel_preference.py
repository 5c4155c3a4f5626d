"""The channel that a customer prefers, for everything and for buying, service and information, and
the part of the week in which the customer acts most.

By the definition of the measure: a stated channel wins; else that with the most touchpoints, each
counting half for every 90 days of age. Between touchpoints nothing changes but all weights alike,
so the preference is as old as the touchpoint that brought it about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.api.insights import InsightScore, ScoreAbsence
from services.measures.catalogue.channel_preference import (
    ALL,
    BUYING,
    HALF_LIFE_DAYS,
    MEASURE,
    MILLION,
    PURPOSES,
    SERVICE,
    TOUCHPOINTS_MIN,
)
from services.measures.core.person import (
    PersonContext,
    PersonFacts,
    PersonScore,
    Touch,
    Wish,
    absent,
    reason,
)
from services.measures.core.result import SHARE

NAME = MEASURE.name
MOMENT = "best_moment"
HALF_LIFE = timedelta(days=HALF_LIFE_DAYS)
HOURS = ((6, "night"), (12, "morning"), (18, "afternoon"), (24, "evening"))
"""The parts of a day, each by the hour in which the next one begins."""
WORKDAYS = 5


def compute(facts: PersonFacts, context: PersonContext) -> Iterator[InsightScore]:
    """See the module."""
    for purpose in (ALL, *PURPOSES):
        touches = [one for one in facts.touches if purpose in (ALL, purpose_of(one))]
        wish = max(facts.wishes, key=lambda one: (one.at, one.channel), default=None)
        if purpose == ALL and wish is not None and wish.channel:
            yield _stated(wish)
        else:
            yield _shown(purpose, touches)
    yield _moment(facts.touches, context)


def purpose_of(touch: Touch) -> str:
    """What the customer did it for."""
    buying, service, information = PURPOSES
    if touch.type in BUYING:
        return buying
    return service if touch.type in SERVICE else information


def _stated(wish: Wish) -> InsightScore:
    return InsightScore(
        score=NAME,
        definition=MEASURE.definition,
        word=wish.channel,
        since=wish.at,
        reasons=[reason("the customer asked for this channel", [wish])],
    )


def _shown(purpose: str, touches: Sequence[Touch]) -> InsightScore:
    """What touchpoints show of one purpose."""
    name = NAME if purpose == ALL else f"{NAME}_{purpose}"
    return _most(name, touches, lambda one: one.channel, "on {key}")


def _moment(touches: Sequence[Touch], context: PersonContext) -> InsightScore:
    def moment(touch: Touch) -> str:
        return moment_of(touch.at, context.zone)

    return _most(MOMENT, touches, moment, "in this part of the week")


def moment_of(at: datetime, zone: ZoneInfo) -> str:
    """The part of the week: of a working day or of the weekend, as `workday_evening`."""
    local = at.astimezone(zone)
    day = "workday" if local.weekday() < WORKDAYS else "weekend"
    return f"{day}_{next(name for end, name in HOURS if local.hour < end)}"


def _most(
    name: str,
    touches: Sequence[Touch],
    key_of: Callable[[Touch], str],
    where: str,
) -> InsightScore:
    """The key that most touchpoints have, by their weights."""
    if len(touches) < TOUCHPOINTS_MIN:
        what = f"{len(touches)} touchpoints in a year, {TOUCHPOINTS_MIN} at least are needed"
        return absent(name, MEASURE.definition, ScoreAbsence.TOO_LITTLE, what)
    weights = _weights(touches, key_of)
    key = _heaviest(weights)
    mine = [one for one in touches if key_of(one) == key]
    part = weights[key] / sum(weights.values())
    what = (
        f"{len(mine)} of {len(touches)} touchpoints in a year were {where.format(key=key)}, "
        f"{100 * part:.1f} % where younger ones count more"
    )
    return InsightScore(
        score=name,
        definition=MEASURE.definition,
        value=part,
        unit=SHARE,
        word=key,
        since=_since(touches, key, key_of),
        reasons=[reason(what, mine)],
    )


def _weights(touches: Sequence[Touch], key_of: Callable[[Touch], str]) -> dict[str, int]:
    """Millionths of the latest by key: parts do not change while time goes by. Rounded as the
    measure does it: equal sums are equal in any order."""
    weights: defaultdict[str, int] = defaultdict(int)
    latest = max(one.at for one in touches)
    for one in touches:
        weights[key_of(one)] += round(MILLION * 2.0 ** ((one.at - latest) / HALF_LIFE))
    return weights


def _heaviest(weights: dict[str, int]) -> str:
    return min(weights, key=lambda key: (-weights[key], key))


def _since(touches: Sequence[Touch], key: str, key_of: Callable[[Touch], str]) -> datetime | None:
    """Since when the key is the heaviest of enough touchpoints, without a break."""
    weights: defaultdict[str, float] = defaultdict(float)
    in_order = sorted(touches, key=lambda one: (one.at, one.event_id))
    since = None
    for number, one in enumerate(in_order, 1):
        weights[key_of(one)] += 2.0 ** ((one.at - in_order[0].at) / HALF_LIFE)
        heaviest = min(weights, key=lambda name: (-weights[name], name))
        is_so = number >= TOUCHPOINTS_MIN and heaviest == key
        since = (since or one.at) if is_so else None
    return since


SCORE = PersonScore(MEASURE.definition, compute)

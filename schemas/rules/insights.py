"""The typed form of the insight rules file: what a retailer decides about measures."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.rules import load_rules
from schemas.touchpoint import EVENT_TYPES

ActiveDays = Annotated[int, Field(ge=1, le=3_660)]
"""For how many days after an order a person is a customer."""


Margin = Annotated[float, Field(gt=0, le=1)]
"""The part of revenue that is left when goods are paid."""
ReviewScale = tuple[Annotated[int, Field(ge=0, le=100)], Annotated[int, Field(ge=0, le=100)]]
"""The worst and the best rating of a review."""
Score = Annotated[int, Field(ge=1, le=5)]
OTHER = "other"
"""The group of customers whom no rule names."""
DEFAULT = "default"
"""Stands for every channel or team that has no rule of its own."""
Word = Annotated[str, Field(min_length=1, max_length=100)]
"""A name as events write it."""
Cap = Annotated[int, Field(ge=1, le=1_000)]
_DAY = "(Mo|Tu|We|Th|Fr|Sa|Su)"
_TIME = "(([01]?[0-9]|2[0-3])(:[0-5][0-9])?|24(:00)?)"
_SPAN = f"{_TIME}-{_TIME}"
Days = Annotated[str, Field(pattern=f"^{_DAY}(-{_DAY})?$")]
"""A day of the week or several, as `Mo-Fr`."""
Hours = Annotated[str, Field(pattern=f"^{_SPAN}(, ?{_SPAN})*$")]
"""When somebody is there on a day, as `9-18` or `9-12:30, 14-18`."""


def _is_event_type(name: str) -> str:
    if name not in EVENT_TYPES:
        raise ValueError(f"{name!r} is no type of event")
    return name


EventTypeName = Annotated[str, AfterValidator(_is_event_type)]
Points = Annotated[float, Field(ge=0, le=100)]
StageNames = Annotated[list[Word], Field(max_length=30)]
Target = Annotated[int, Field(ge=0, le=1_000_000)]


Holidays = Annotated[list[date], Field(max_length=1_000)]


class ReplyPromise(BaseModel):
    """Within how long customers are promised an answer on a channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    within_s: Annotated[int, Field(ge=1, le=31_536_000)]
    """Seconds."""
    bots: bool = False
    """Whether the answer of a bot keeps it."""
    in_service_hours: bool = False
    """Whether only the service hours count."""


class PressureCaps(BaseModel):
    """How many marketing contacts a customer may get, all channels together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_7_days: Cap = 3
    in_30_days: Cap = 8
    channels: Annotated[list[Word], Field(min_length=1, max_length=60)] = [
        "email", "letter", "messenger", "phone", "push", "sms",
    ]  # fmt: skip
    """Channels on which a message is a contact."""


class BondRules(BaseModel):
    """What ties customers beside contracts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point_value: Annotated[float, Field(ge=0, le=1_000)] = 0
    """What a point is worth, in the realm's currency."""
    economic_min: Annotated[float, Field(gt=0)] = 20
    """From how much on, in the realm's currency, what leaving costs is a bond."""
    accessories: Annotated[
        dict[Word, Annotated[list[Word], Field(max_length=50)]], Field(max_length=200)
    ] = {}
    """By a category, those of what only fits it."""


class LeadRules(BaseModel):
    """What brings points to a person who has not bought yet, and what costs some."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fit: Annotated[dict[Word, Points], Field(max_length=500)] = {}
    """By what a person is: `country=DE` (an attribute), `role=decider`, `category=lamps`."""
    behaviour: Annotated[dict[EventTypeName, Points], Field(max_length=100)] = {
        "appointment.booked": 20, "quote.sent": 20, "store.visited": 10, "support.contacted": 5,
        "cart.updated": 5, "email.clicked": 4, "contest.entered": 3, "product.viewed": 2,
        "search.performed": 1,
    }  # fmt: skip
    """By the type of the event."""
    half_life_days: Annotated[float, Field(gt=0, le=3_660)] = 30
    """After so many days an event brings half of its points."""
    against: Annotated[dict[EventTypeName, Points], Field(max_length=100)] = {
        "email.unsubscribed": 20, "email.complained": 20,
    }  # fmt: skip
    """What costs points, once."""
    competitors: Annotated[list[Word], Field(max_length=1_000)] = []
    """Domains of e-mail addresses, in small letters."""
    competitor_points: Points = 40


class RecommendationRules(BaseModel):
    """What is not recommended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    durable: Annotated[list[Word], Field(max_length=1_000)] = []
    """Categories of which nobody needs the same article again."""
    withheld: Annotated[list[Word], Field(max_length=10_000)] = []
    """Articles that are not recommended, as they are out of stock."""


class RfmGroup(BaseModel):
    """Customers whose scores lie within these, ends included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
    recency: tuple[Score, Score]
    frequency: tuple[Score, Score]

    def holds(self, recency: int, frequency: int) -> bool:
        """Whether customers with these scores belong here."""
        return (
            self.recency[0] <= recency <= self.recency[1]
            and self.frequency[0] <= frequency <= self.frequency[1]
        )


class SalesStages(BaseModel):
    """Names of stages in the sales system, by the stages of the funnel; without regard to case. An
    opportunity in any other stage, as `lost`, has not moved on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interest: StageNames = ["interest"]
    talk: StageNames = ["talk"]
    offer: StageNames = ["offer"]
    contract: StageNames = ["contract"]


class SalesPlan(BaseModel):
    """What an employee is to reach in a month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    orders: Target = 0
    visits: Target = 0
    quotes: Target = 0
    first_calls: Target = 0


class RealmInsightRules(BaseModel):
    """What differs for one realm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    active_days: ActiveDays | None = None
    margin: Margin | None = None
    promise: dict[Word, ReplyPromise] | None = None
    service_hours: dict[Word, dict[Days, Hours]] | None = None
    pressure: PressureCaps | None = None
    bonds: BondRules | None = None
    leads: LeadRules | None = None
    recommendations: RecommendationRules | None = None
    holidays: Holidays | None = None
    stages: SalesStages | None = None
    target_contracts: Target | None = None
    plan: dict[Word, SalesPlan] | None = None


class InsightRules(BaseModel):
    """The rules of all measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "1"
    active_days: ActiveDays = 365
    margin: Margin | None = None
    discount_a_year: Annotated[float, Field(ge=0, le=1)] = 0.1
    review_scale: ReviewScale = (1, 5)
    overall_question: Word = "overall"
    """The question of satisfaction surveys that is about everything."""
    rfm: Annotated[list[RfmGroup], Field(max_length=25)] = []
    promise: Annotated[dict[Word, ReplyPromise], Field(max_length=100)] = {}
    """By channel; `default` for all others."""
    service_hours: Annotated[dict[Word, dict[Days, Hours]], Field(max_length=100)] = {}
    """By team; `default` for all others. A team without any is there around the clock."""
    pressure: PressureCaps = PressureCaps()
    delivered: Annotated[list[Word], Field(min_length=1, max_length=20)] = ["delivered"]
    """States of an order in which the customer has the goods, or may collect them."""
    bonds: BondRules = BondRules()
    leads: LeadRules = LeadRules()
    recommendations: RecommendationRules = RecommendationRules()
    holidays: Holidays = []
    """Days that are like no other, for `anomaly`."""
    fault_words: Annotated[list[Word], Field(max_length=100)] = []
    """Words in the reason of a return that say something was wrong with the goods."""
    stages: SalesStages = SalesStages()
    target_contracts: Target = 0
    """How many contracts are wanted; 0 for no target."""
    plan: Annotated[dict[Word, SalesPlan], Field(max_length=1_000)] = {}
    """By the pseudonym of the employee."""
    realm: dict[str, RealmInsightRules] = {}

    def of(self, realm: str) -> InsightRules:
        """The rules as they hold for one realm."""
        own = self.realm.get(realm)
        said = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
        return self.model_copy(update=said | {"realm": {}})

    @property
    def promise_elsewhere(self) -> ReplyPromise:
        """What holds on channels without a promise of their own."""
        return self.promise.get(DEFAULT, ReplyPromise(within_s=86_400))

    def rfm_group(self, recency: int, frequency: int) -> str:
        """The name of the group of customers with these scores."""
        fitting = (one.name for one in self.rfm if one.holds(recency, frequency))
        return next(fitting, OTHER)


@lru_cache(maxsize=8)
def insight_rules(path: Path | None = None) -> InsightRules:
    """The insight rules: the given file, or the packaged default. Raises as `load_rules`."""
    return load_rules(InsightRules, "insights.toml", path)

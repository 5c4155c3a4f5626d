"""What customers say, and what the retailer answers: feedback, service, sales talks."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.base import (
    Code,
    Contract,
    Currency,
    Flag,
    Instant,
    Money,
    OptionalCode,
    Quantity,
    Text,
    Title,
)
from schemas.scalars import BLANK, Whole

Json = dict[str, Any]
WAIT_MAX_S = 7 * 24 * 3600
"""A week: what is longer is a clock that went wrong."""


class SurveyKind(StrEnum):
    """The instrument."""

    NPS = "nps"
    CSAT = "csat"
    CLI = "cli"
    KANO = "kano"
    CES = "ces"
    """Customer effort."""
    STARS = "stars"
    """Stars for a product, a store or a dialogue, asked for by the retailer; a public review is
    `review.posted`."""
    RELATIONSHIP = "relationship"
    """Satisfaction, trust and commitment in a business relationship."""
    EXIT = "exit"
    """Why somebody leaves."""
    OPEN = "open"
    """Free answers only."""


class SurveyMode(StrEnum):
    """How the answers were given."""

    ONLINE = "online"
    PHONE = "phone"
    PAPER = "paper"
    IN_PERSON = "in_person"


class KanoForm(StrEnum):
    """Which of the two questions about a feature was asked."""

    FUNCTIONAL = "functional"
    """What if it has the feature?"""
    DYSFUNCTIONAL = "dysfunctional"
    """What if it lacks the feature?"""


class KanoChoice(StrEnum):
    """The five answers to a Kano question."""

    LIKE = "like"
    EXPECT = "expect"
    NEUTRAL = "neutral"
    TOLERATE = "tolerate"
    DISLIKE = "dislike"


KANO_CHOICES = tuple(KanoChoice)
_ONE_OF_THE_FIVE = f"^[{BLANK}]*({'|'.join(KanoChoice)})[{BLANK}]*$"
_CHOICE_OF_A_KANO_ANSWER: Json = {
    "if": {"properties": {"form": {"enum": list(KanoForm)}}, "required": ["form"]},
    "then": {
        "properties": {"choice": {"type": "string", "pattern": _ONE_OF_THE_FIVE}},
        "required": ["choice"],
    },
}


class SurveyAnswer(Contract):
    """One answer. A Kano feature is answered twice, under the same `question`: `functional` and
    `dysfunctional`."""

    model_config = ConfigDict(json_schema_extra=_CHOICE_OF_A_KANO_ANSWER)

    question: Code
    """Id of the question; of a Kano survey that of the feature."""
    score: Quantity | None = None
    """What was given on the scale of the question; of a CSAT answer the Ist value."""
    expected: Quantity | None = None
    """The Soll value of a CSAT answer."""
    choice: OptionalCode = ""
    """The option that was chosen. With `form` one of `like`, `expect`, `neutral`, `tolerate` and
    `dislike`."""
    text: Text = ""
    """What was written in free words."""
    form: KanoForm | None = None
    """Which of the two questions of a Kano feature it answers. Without it, it is no half of a
    pair."""
    importance: Quantity | None = None
    """How important the respondent calls what was asked for, on the scale of the question."""
    scale_min: Quantity | None = None
    """The lowest value that could be given; empty means that of the instrument: 0 for `nps`, else
    1."""
    scale_max: Quantity | None = None
    """The highest value that could be given; empty means that of the instrument: 10 for `nps`, 7
    for `ces`, else 5."""

    @model_validator(mode="after")
    def _kano_answers_are_five(self) -> Self:
        if self.form is not None and self.choice not in KANO_CHOICES:
            raise ValueError(f"choice of an answer with a form is none of {', '.join(KanoChoice)}")
        return self


class SurveyAnswered(Contract):
    """A survey was answered; it may be anonymous."""

    survey: OptionalCode = ""
    """Id of the questionnaire, as in the invitation."""
    kind: SurveyKind
    """The instrument."""
    touchpoint: OptionalCode = ""
    """What the customer was asked about, as a type of event or in words of the retailer."""
    answers: Annotated[list[SurveyAnswer], Field(min_length=1, max_length=60)]
    """One for each question that was answered."""
    wave: OptionalCode = ""
    """Which run of the survey, as in the invitation: figures of one survey are compared from wave
    to wave, and of one person the latest answer in a wave counts."""
    mode: SurveyMode | None = None
    """How the answers were given; empty means unknown."""
    case_id: OptionalCode = ""
    """The service case or complaint it is about, as in that case's own events. Leave it out of an
    anonymous answer: it says who answered."""
    order_id: OptionalCode = ""
    """The order it is about, as in the order's own events. Leave it out of an anonymous answer: it
    says who answered."""


class ReviewPosted(Contract):
    """A public review."""

    sku: OptionalCode = ""
    rating: Quantity | None = None
    text: Text = ""


class ReferralMade(Contract):
    """A customer recommended the retailer to somebody (who is not named here)."""

    code: OptionalCode = ""


class ReferralRedeemed(Contract):
    """A new customer came by a recommendation.

    The identifiers are those of the new customer; who recommended the retailer is known by the code
    alone, from `referral.made`.
    """

    code: Code
    """The code of the recommendation."""


class StoreVisited(Contract):
    """A customer who is known was in a store, whether or not anything was bought. The store is
    `source.store`."""

    appointment_id: OptionalCode = ""
    """The appointment that was kept, as in `appointment.booked`."""
    advised: Flag = False
    """Somebody of the staff advised the customer; `source.agent` says who."""


class CommunityPosted(Contract):
    """A customer wrote something for other customers: in a forum, a group, an answer to a question
    about a product."""

    community: OptionalCode = ""
    """Where: the forum or group."""
    post_id: OptionalCode = ""
    """Id of what was written."""
    reply_to: OptionalCode = ""
    """Id of what it answers."""
    sku: OptionalCode = ""
    """The product it is about."""
    title: Title = ""
    text: Text = ""


class IdeaSubmitted(Contract):
    """A customer suggested how to do better."""

    idea_id: OptionalCode = ""
    """Id of the suggestion."""
    sku: OptionalCode = ""
    """The product it is about."""
    title: Title = ""
    text: Text = ""


class ContestEntered(Contract):
    """A customer took part in a contest, a raffle or a vote."""

    contest: Code
    """Which one."""
    text: Text = ""
    """What was answered or sent in."""


class AgentKind(StrEnum):
    """Who dealt with the customer."""

    BOT = "bot"
    PERSON = "person"


class Side(StrEnum):
    """Who began a contact."""

    CUSTOMER = "customer"
    US = "us"
    """The retailer."""


class SupportExchanged(Contract):
    """A service contact, or the answer to it."""

    case_id: Code
    subject: Title = ""
    text: Text = ""
    repeated: Flag = False
    """The customer had to explain the case again."""
    team: OptionalCode = ""
    """The team that dealt with it. A case that changes its team was passed on."""
    kind_of_agent: AgentKind | None = None
    """Who dealt with it; empty means unknown. The answer of a bot counts for a promise only where
    the rules say so."""
    wait_s: Annotated[int, Whole(0, WAIT_MAX_S)] | None = None
    """For how many seconds the customer waited until somebody took the contact: on hold, in the
    queue of a chat. Not the time to an answer by another event."""
    solved: Flag | None = None
    """Whether the matter is settled with this contact; empty means unknown."""
    direction: Side | None = None
    """Who began the contact; empty means the customer. One that the retailer began is no question
    that waits for an answer, and nothing that the customer did."""


class ComplaintChanged(Contract):
    """A complaint was opened or closed."""

    case_id: Code
    subject: Title = ""
    text: Text = ""
    outcome: Title = ""


class Attachment(StrEnum):
    """What came with a message; only its kind is told, never its content."""

    IMAGE = "image"
    VIDEO = "video"
    VOICE = "voice"
    FILE = "file"


class MessageExchanged(Contract):
    """One message of a conversation, by customer, bot or agent. `STOP` and the like, from the
    customer on channel sms or messenger, end every purpose there."""

    conversation_id: Code
    author: Annotated[str, Field(pattern="^(customer|bot|agent)$")] = "customer"
    handed_over: Flag = False
    """The bot handed the conversation to a person with this message."""
    text: Text = ""
    intent: OptionalCode = ""
    """What the customer wants, in the words of the bot: `delivery_status`, `return` …"""
    attachment: Attachment | None = None
    """What came with the message."""


class AppointmentBooked(Contract):
    """A meeting in a store, by phone or by video."""

    appointment_id: Code
    starts_at: Instant | None = None
    subject: Title = ""


class QuoteSent(Contract):
    """A quote left for a customer."""

    quote_id: Code
    amount: Money | None = None
    currency: Currency | None = None
    valid_to: Instant | None = None


class OpportunityChanged(Contract):
    """A sales opportunity moved on in the funnel."""

    opportunity_id: Code
    stage: Code
    amount: Money | None = None
    currency: Currency | None = None
    lost_reason: OptionalCode = ""
    """Why it was lost, in the words of the sales system; `price` counts as a reason to leave."""
    owner: OptionalCode = ""
    """Pseudonym of the employee in charge, never a name."""


class ActionTaken(Contract):
    """What the retailer does about feedback: an improvement, a call, a compensation.

    Identifiers, if there are any, are those of the customer for whom it is done; an improvement for
    everybody has none.
    """

    action_id: Code
    """Id of the action: planned and done under the same one."""
    feedback: Annotated[list[Code], Field(max_length=100)] = Field(default=[])
    """Ids of the events that gave rise to it: answers to surveys, reviews, complaints."""
    survey: OptionalCode = ""
    """Where no single answers are meant: the survey that gave rise to it …"""
    question: OptionalCode = ""
    """… and the question of it."""
    kind: OptionalCode = ""
    """What sort of action it is, in the words of the retailer."""
    owner: OptionalCode = ""
    """Pseudonym of the employee in charge, never a name."""
    due: Instant | None = None
    """Until when it is to be done; of `action.done` it says nothing new."""

"""What customers say, and what the retailer answers: feedback, service, sales talks."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

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


class SurveyKind(StrEnum):
    """The instrument."""

    NPS = "nps"
    CSAT = "csat"
    CLI = "cli"
    KANO = "kano"


class SurveyAnswer(Contract):
    """One answer. A Kano feature is answered twice: `functional` and `dysfunctional`."""

    question: Code
    score: Quantity | None = None
    expected: Quantity | None = None
    """The Soll value of a CSAT answer."""
    choice: OptionalCode = ""
    text: Text = ""


class SurveyAnswered(Contract):
    """A survey was answered; it may be anonymous."""

    survey: OptionalCode = ""
    kind: SurveyKind
    touchpoint: OptionalCode = ""
    answers: Annotated[list[SurveyAnswer], Field(min_length=1, max_length=60)]


class ReviewPosted(Contract):
    """A public review."""

    sku: OptionalCode = ""
    rating: Quantity | None = None
    text: Text = ""


class ReferralMade(Contract):
    """A customer recommended the retailer to somebody (who is not named here)."""

    code: OptionalCode = ""


class SupportExchanged(Contract):
    """A service contact, or the answer to it."""

    case_id: Code
    subject: Title = ""
    text: Text = ""
    repeated: Flag = False
    """The customer had to explain the case again."""


class ComplaintChanged(Contract):
    """A complaint was opened or closed."""

    case_id: Code
    subject: Title = ""
    text: Text = ""
    outcome: Title = ""


class MessageExchanged(Contract):
    """One message of a conversation, by customer, bot or agent. `STOP` and the like, from the
    customer on channel sms or messenger, end every purpose there."""

    conversation_id: Code
    author: Annotated[str, Field(pattern="^(customer|bot|agent)$")] = "customer"
    handed_over: Flag = False
    """The bot handed the conversation to a person with this message."""
    text: Text = ""


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

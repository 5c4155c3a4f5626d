"""Messages sent to customers, and what they did with them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Instant, OptionalCode, Title


class Purpose(StrEnum):
    """Why a message was sent; decides whether it counts as contact pressure."""

    MARKETING = "marketing"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    SURVEY = "survey"
    CART_REMINDER = "cart_reminder"


class MessageSent(Contract):
    """A message left for one address."""

    purpose: Purpose
    address: Annotated[str, Field(max_length=320)] = ""
    campaign: OptionalCode = ""
    subject: Title = ""
    message_id: OptionalCode = ""


class MessageReaction(Contract):
    """Delivered, opened, clicked, bounced, complained, unsubscribed."""

    address: Annotated[str, Field(max_length=320)] = ""
    campaign: OptionalCode = ""
    message_id: OptionalCode = ""
    url: Annotated[str, Field(max_length=2000)] = ""
    single_use_token: bool = False
    """The link contained a single-use token. Only then may an identifier of an open, a click or an
    unsubscription be verified."""
    reason: Title = ""


class CampaignPublished(Contract):
    """A campaign starts: mailing, leaflet, spot, poster."""

    campaign: OptionalCode = ""
    title: Title = ""
    starts_at: Instant | None = None
    ends_at: Instant | None = None


class CampaignReached(Contract):
    """A campaign reached somebody, as far as is known."""

    campaign: OptionalCode = ""
    title: Title = ""

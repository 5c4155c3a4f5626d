"""Messages sent to customers, and what they did with them."""

from __future__ import annotations

from enum import StrEnum

from schemas.base import Address, Contract, Flag, Instant, OptionalCode, Title, Url


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
    address: Address = ""
    campaign: OptionalCode = ""
    subject: Title = ""
    message_id: OptionalCode = ""


class Bounce(StrEnum):
    """Whether the address does not exist (`hard`) or could not be reached this time (`soft`)."""

    HARD = "hard"
    SOFT = "soft"


class MessageReaction(Contract):
    """Delivered, opened, clicked, bounced, complained, unsubscribed."""

    address: Address = ""
    campaign: OptionalCode = ""
    message_id: OptionalCode = ""
    url: Url = ""
    single_use_token: Flag = False
    """The link contained a single-use token. Only then may an identifier of an open, a click or an
    unsubscription be verified."""
    purpose: OptionalCode = ""
    """Of an unsubscription: the purpose it ends. Empty, or a purpose that is not configured
    (`C360_CONSENT_PURPOSES`), means every e-mail purpose."""
    bounce: Bounce | None = None
    """Of a bounce; without it a hard one is recognised by the SMTP reply in `reason`."""
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

"""The touchpoint envelope and the union of all event types.

`EVENT_TYPES` is the one table of the types: body, classification and whether the event may come
without an identifier. The pydantic union, the JSON Schema and the reference page all follow it.
"""

from __future__ import annotations

from enum import StrEnum
from types import new_class
from typing import Annotated, Any, Literal, NamedTuple, Union

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from schemas.base import ChannelName, Code, Contract, Flag, Instant, OptionalCode, RealmName
from schemas.events import browsing, custom, dialogue, groups, master_data, messages, orders
from schemas.offer import Offer, PriceListCompleted
from schemas.scalars import Whole, Written

EVENT_BYTES_MAX = 32 * 1024
IDENTIFIERS_MAX = 20
PUBLIC_ID_PREFIX = "public:"
"""Begins the stored id of every event sent with a public write key, and of no other: so such a key
cannot occupy, replace or contest an event of a server."""
PUBLIC_MARK = b',"from_public_key":true}'
"""Ends a line that was sent with a public write key and is passed on: with it, the line keeps the
rights of such a key on every way in. It counts towards no limit of the line."""
DEFAULT_REALM = "default"


class Phase(StrEnum):
    """When in the customer's journey."""

    PRE_PURCHASE = "pre_purchase"
    PURCHASE = "purchase"
    POST_PURCHASE = "post_purchase"


class Control(StrEnum):
    """`direct`: the retailer's own touchpoint; `indirect`: customer to customer."""

    DIRECT = "direct"
    INDIRECT = "indirect"


class Dialogue(StrEnum):
    """Whether the customer can answer on the spot."""

    ONE_WAY = "one_way"
    TWO_WAY = "two_way"


class Identifier(Contract):
    """One identifier of the person who acts. A gift recipient belongs in the body."""

    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """An identifier type of the identity rules: customer_number, email, cookie …"""
    issuer: Annotated[str, Written(64, strip=True)] = ""
    """Who assigned the number (shop, erp, a loyalty coalition). Empty for e-mail and phone;
    otherwise empty means the issuer configured for the source."""
    value: Annotated[str, Written(500)]
    """As the source writes it; it is normalised by the rules of its type."""
    verified: Flag = False
    """Proven by a login, a confirmed registration, a presented card or a single-use token. Accepted
    only from trusted sources."""


class Source(Contract):
    """Where the event was created."""

    system: OptionalCode = ""
    """The system that reports it, for example `webshop` or `till-backend`."""
    store: OptionalCode = ""
    """Id of the store."""
    till: OptionalCode = ""
    """Id of the till within the store."""
    device: OptionalCode = ""
    """The device or terminal that created the event; identifies nobody."""
    campaign: OptionalCode = ""
    """The campaign that led here."""
    agent: OptionalCode = ""
    """Pseudonym of the agent or cashier."""
    synthetic: Flag = False
    """A test journey, which is excluded from every measure."""


class Touchpoint(Contract):
    """The envelope that every event shares."""

    event_id: Code
    """Created by the client, unique per realm: the idempotency key."""
    occurred_at: Instant
    """When it happened, by the source's clock, with its zone."""
    sent_at: Instant | None = None
    """When the source sent it, by the same clock; lets a live intake correct the clock's skew."""
    revision: Annotated[int, Whole(0, 2**31 - 1)] = 0
    """Raised by a client that corrects an event it already sent; the highest revision counts."""
    realm: RealmName = DEFAULT_REALM
    """Brand or tenant."""
    channel: ChannelName
    """Where the contact took place: one of the configured channels (`C360_CHANNELS`)."""
    type: str
    identifiers: Annotated[list[Identifier], Field(max_length=IDENTIFIERS_MAX)] = Field(default=[])
    """Of the person who acts, in any order."""
    source: Source = Source()
    """Where the event was created."""
    from_public_key: Flag = False
    """Sent with a public write key: the event has the rights of such a key, whichever way it comes.
    `c360 events export` marks such events so; a server that passes on what pages send may, too."""
    body: Any


class EventType(NamedTuple):
    """One row of the table of event types."""

    body: type[Contract]
    phase: Phase
    control: Control
    dialogue: Dialogue
    anonymous: bool = False
    """The event may come without identifiers."""
    acts: bool = False
    """The customer did it (and not the retailer, a system or nobody in particular), unless the body
    says otherwise: see services/ingest/core/activity.py."""
    impersonal: bool = False
    """The event must come without identifiers."""


PRE, BUY, POST = Phase.PRE_PURCHASE, Phase.PURCHASE, Phase.POST_PURCHASE
DIRECT, INDIRECT = Control.DIRECT, Control.INDIRECT
ONE, TWO = Dialogue.ONE_WAY, Dialogue.TWO_WAY

EVENT_TYPES: dict[str, EventType] = {
    "page.viewed": EventType(browsing.PageViewed, PRE, DIRECT, ONE, acts=True),
    "product.viewed": EventType(browsing.ProductViewed, PRE, DIRECT, ONE, acts=True),
    "search.performed": EventType(browsing.SearchPerformed, PRE, DIRECT, TWO, acts=True),
    "cart.updated": EventType(browsing.CartUpdated, PRE, DIRECT, TWO, acts=True),
    "order.placed": EventType(orders.OrderPlaced, BUY, DIRECT, TWO, anonymous=True, acts=True),
    "order.status_changed": EventType(orders.OrderStatusChanged, POST, DIRECT, ONE, anonymous=True),
    "order.cancelled": EventType(orders.OrderCancelled, POST, DIRECT, TWO, anonymous=True),
    "order.returned": EventType(orders.OrderReturned, POST, DIRECT, TWO, anonymous=True, acts=True),
    "voucher.issued": EventType(orders.VoucherIssued, PRE, DIRECT, ONE),
    "voucher.redeemed": EventType(orders.VoucherRedeemed, BUY, DIRECT, TWO, acts=True),
    "till.closed": EventType(orders.TillClosed, POST, DIRECT, ONE, anonymous=True),
    "day.closed": EventType(orders.DayClosed, POST, DIRECT, ONE, anonymous=True),
    "message.sent": EventType(messages.MessageSent, PRE, DIRECT, ONE),
    "email.sent": EventType(messages.MessageSent, PRE, DIRECT, ONE),
    "email.delivered": EventType(messages.MessageReaction, PRE, DIRECT, ONE),
    "email.opened": EventType(messages.MessageReaction, PRE, DIRECT, ONE, acts=True),
    "email.clicked": EventType(messages.MessageReaction, PRE, DIRECT, TWO, acts=True),
    "email.bounced": EventType(messages.MessageReaction, PRE, DIRECT, ONE),
    "email.complained": EventType(messages.MessageReaction, POST, DIRECT, TWO, acts=True),
    "email.unsubscribed": EventType(messages.MessageReaction, POST, DIRECT, TWO, acts=True),
    "campaign.published": EventType(messages.CampaignPublished, PRE, DIRECT, ONE, anonymous=True),
    "campaign.reached": EventType(messages.CampaignReached, PRE, DIRECT, ONE),
    "campaign.held_out": EventType(messages.CampaignHeldOut, PRE, DIRECT, ONE),
    "identity.linked": EventType(master_data.IdentityLinked, PRE, DIRECT, TWO, acts=True),
    "profile.updated": EventType(master_data.ProfileUpdated, POST, DIRECT, TWO),
    "consent.given": EventType(master_data.ConsentChanged, PRE, DIRECT, TWO, acts=True),
    "consent.confirmed": EventType(master_data.ConsentChanged, PRE, DIRECT, TWO, acts=True),
    "consent.withdrawn": EventType(master_data.ConsentChanged, POST, DIRECT, TWO, acts=True),
    "objection.made": EventType(master_data.ObjectionMade, POST, DIRECT, TWO, acts=True),
    "loyalty.changed": EventType(master_data.LoyaltyChanged, POST, DIRECT, ONE),
    "survey.answered": EventType(
        dialogue.SurveyAnswered, POST, DIRECT, TWO, anonymous=True, acts=True
    ),
    "review.posted": EventType(dialogue.ReviewPosted, POST, INDIRECT, TWO, acts=True),
    "referral.made": EventType(dialogue.ReferralMade, POST, INDIRECT, TWO, acts=True),
    "referral.redeemed": EventType(dialogue.ReferralRedeemed, BUY, INDIRECT, TWO, acts=True),
    "community.posted": EventType(dialogue.CommunityPosted, POST, INDIRECT, TWO, acts=True),
    "idea.submitted": EventType(dialogue.IdeaSubmitted, POST, DIRECT, TWO, acts=True),
    "contest.entered": EventType(dialogue.ContestEntered, PRE, DIRECT, TWO, acts=True),
    "store.visited": EventType(dialogue.StoreVisited, PRE, DIRECT, TWO, acts=True),
    "support.contacted": EventType(dialogue.SupportExchanged, POST, DIRECT, TWO, acts=True),
    "support.answered": EventType(dialogue.SupportExchanged, POST, DIRECT, TWO),
    "complaint.opened": EventType(dialogue.ComplaintChanged, POST, DIRECT, TWO, acts=True),
    "complaint.closed": EventType(dialogue.ComplaintChanged, POST, DIRECT, TWO),
    "message.exchanged": EventType(dialogue.MessageExchanged, PRE, DIRECT, TWO, acts=True),
    "appointment.booked": EventType(dialogue.AppointmentBooked, PRE, DIRECT, TWO, acts=True),
    "quote.sent": EventType(dialogue.QuoteSent, PRE, DIRECT, ONE),
    "opportunity.changed": EventType(dialogue.OpportunityChanged, PRE, DIRECT, TWO),
    "action.planned": EventType(dialogue.ActionTaken, POST, DIRECT, ONE, anonymous=True),
    "action.done": EventType(dialogue.ActionTaken, POST, DIRECT, ONE, anonymous=True),
    "contract.started": EventType(master_data.ContractChanged, BUY, DIRECT, TWO, acts=True),
    "contract.renewed": EventType(master_data.ContractChanged, POST, DIRECT, TWO),
    "contract.ended": EventType(master_data.ContractChanged, POST, DIRECT, TWO),
    "offer.published": EventType(Offer, PRE, DIRECT, ONE, anonymous=True),
    "price_list.completed": EventType(PriceListCompleted, PRE, DIRECT, ONE, anonymous=True),
    "store.published": EventType(master_data.StorePublished, PRE, DIRECT, ONE, anonymous=True),
    "account.updated": EventType(
        groups.AccountUpdated, POST, DIRECT, ONE, anonymous=True, impersonal=True
    ),
    "account.contact_changed": EventType(groups.AccountContactChanged, POST, DIRECT, ONE),
    "household.member_changed": EventType(groups.HouseholdMemberChanged, POST, DIRECT, ONE),
    "custom.tracked": EventType(custom.CustomTracked, PRE, DIRECT, ONE, acts=True),
}


def types_with(*bodies: type[Contract]) -> frozenset[str]:
    """The event types whose body is of one of these contracts. Asking an event for its type is
    cheaper than asking its body whether it is an instance of each."""
    return frozenset(name for name, row in EVENT_TYPES.items() if issubclass(row.body, bodies))


IMPERSONAL_TYPES = frozenset(name for name, row in EVENT_TYPES.items() if row.impersonal)
PUBLIC_TYPES = frozenset(
    {
        "page.viewed", "product.viewed", "search.performed", "cart.updated", "identity.linked",
        "profile.updated", "consent.given", "consent.withdrawn", "objection.made",
        "survey.answered", "review.posted", "referral.made", "support.contacted",
        "complaint.opened", "message.exchanged", "appointment.booked", "community.posted",
        "idea.submitted", "contest.entered", "custom.tracked",
    }
)  # fmt: skip
"""What a public write key may send: what a visitor does. Orders, prices and mailings come from
servers, or a stranger could cancel an order, invent a price, or become a contact of a company. So
do redeemed referrals, which may earn a reward, and visits to a store, which no page sees."""


def _body_default(body: type[Contract]) -> Any:
    """An empty body where nothing in it is required (`...` where something is)."""
    required = any(field.is_required() for field in body.model_fields.values())
    return ... if required or body is Offer else body()


def _event_model(name: str, event_type: EventType) -> type[Touchpoint]:
    """The envelope with `type` fixed to one name and `body` to its contract."""
    members: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": (event_type.body.__doc__ or "").strip(),
        "__annotations__": {"type": Literal[name], "body": event_type.body},
    }
    default = _body_default(event_type.body)
    if default is not ...:
        members["body"] = default
    title = "".join(part.title() for part in name.replace("_", ".").split("."))
    return new_class(f"{title}Event", (Touchpoint,), exec_body=lambda space: space.update(members))


EVENT_MODELS = {name: _event_model(name, row) for name, row in EVENT_TYPES.items()}

_any_event: Any = Annotated[Union[tuple(EVENT_MODELS.values())], Field(discriminator="type")]  # noqa: UP007
TouchpointAdapter: TypeAdapter[Touchpoint] = TypeAdapter(
    _any_event, config=ConfigDict(defer_build=True)
)
"""Validates one event from JSON bytes or from a mapping; the discriminator makes it 3 x faster.
Built by the first event: most commands validate none."""

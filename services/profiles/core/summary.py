"""One line of the timeline, made from the stored event.

It states what happened, how much and where, never who: no names, addresses, search words, subjects
or free text. A number that people may need to quote (receipt, case) is shown, shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from pydantic import ValidationError

from schemas.currency import written_money
from schemas.events import browsing, custom, dialogue, groups, master_data, messages, orders
from schemas.offer import Offer, PriceListCompleted
from schemas.touchpoint import Touchpoint, TouchpointAdapter

SHOWN_CHARACTERS_MAX = 40
GOODS = frozenset({orders.LineKind.PRODUCT, orders.LineKind.SERVICE})
Body = Any


def summarise(payload: bytes, currency: str) -> str:
    """The line for one stored event; `currency` is the realm's.

    An event that a later contract can no longer read has an empty summary.
    """
    try:
        event = TouchpointAdapter.validate_json(payload)
    except ValidationError:
        return ""
    body = event.body
    return TELLERS[type(body)](event, body, currency) + _place(event)


def _place(event: Touchpoint) -> str:
    return f" at store {_short(event.source.store)}" if event.source.store else ""


def _short(text: str) -> str:
    """A code as one printable word group of bounded length."""
    clean = "".join(sign if sign.isprintable() else " " for sign in text)
    cut = len(clean) > SHOWN_CHARACTERS_MAX
    return clean[: SHOWN_CHARACTERS_MAX - 1] + "…" if cut else clean


def _named(word: str, code: str) -> str:
    return f" {word} {_short(code)}" if code else ""


def _money(amount: Decimal, currency: str) -> str:
    """An amount; one whose currency the event leaves to its order has none."""
    return f"{written_money(amount, currency)} {currency}".rstrip()


def _items(lines: Sequence[orders.OrderLine]) -> str:
    """Number of pieces; a line sold by weight counts as one item."""
    count = sum(
        int(line.quantity) if line.quantity == int(line.quantity) and line.unit == "piece" else 1
        for line in lines
        if line.kind in GOODS
    )
    return f"{count} item" if count == 1 else f"{count} items"


def _goods(lines: Sequence[orders.OrderLine], otherwise: Decimal | None) -> Decimal | None:
    return Decimal(sum(line.total for line in lines)) if lines else otherwise


def _back(lines: Sequence[orders.OrderLine], otherwise: Decimal | None) -> Decimal | None:
    """The value of returned or cancelled lines, whichever sign their source gives them."""
    amount = _goods(lines, otherwise)
    return None if amount is None else abs(amount)


def _for(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else f" for {_money(amount, currency)}"


def _placed(event: Touchpoint, body: orders.OrderPlaced, currency: str) -> str:
    number = _named("receipt" if event.channel == "pos" else "order", body.order_id)
    if body.receipt_kind is not orders.ReceiptKind.SALE:
        return f"no sale ({body.receipt_kind}):{number}"
    paid = _for(_goods(body.lines, body.gross), body.currency or currency)
    what = _items(body.lines) if body.lines else "goods"
    return f"bought {what}{paid},{number}"


def _cancelled(_: Touchpoint, body: orders.OrderCancelled, __: str) -> str:
    if not body.lines:
        return f"cancelled{_named('order', body.order_id)}"
    off = _for(_back(body.lines, None), body.currency or "")
    return f"cancelled {_items(body.lines)}{off} of{_named('order', body.order_id)}"


def _returned(_: Touchpoint, body: orders.OrderReturned, currency: str) -> str:
    what = _items(body.lines) if body.lines else "goods"
    unsaid = "" if body.order_id else currency
    back = _for(_back(body.lines, body.refund), body.currency or unsaid)
    of_order = f" of{_named('order', body.order_id)}" if body.order_id else ""
    return f"returned {what}{back}{of_order}"


def _status(_: Touchpoint, body: orders.OrderStatusChanged, __: str) -> str:
    return f"order {_short(body.order_id)} is {_short(body.status)}"


def _viewed(_: Touchpoint, body: browsing.ProductViewed, currency: str) -> str:
    offer = body.offer
    seen = f" at {_money(offer.price, offer.currency or currency)}" if offer and offer.price else ""
    return f"looked at{_named('product', body.sku or (offer.sku if offer else ''))}{seen}"


def _searched(_: Touchpoint, body: browsing.SearchPerformed, __: str) -> str:
    return "searched" if body.results is None else f"searched, {body.results} results"


def _cart(_: Touchpoint, body: browsing.CartUpdated, currency: str) -> str:
    if not body.items:
        return "emptied the cart"
    worth = f" worth {_money(body.total, body.currency or currency)}" if body.total else ""
    return f"cart with {len(body.items)} products{worth}"


def _voucher(event: Touchpoint, body: Body, currency: str) -> str:
    done = "redeemed" if event.type == "voucher.redeemed" else "received"
    worth = f" of {_money(body.value, body.currency or currency)}" if body.value else ""
    return f"{done} a voucher{worth}"


def _message(event: Touchpoint, body: messages.MessageSent, _: str) -> str:
    kind = "e-mail" if event.type == "email.sent" else f"{event.channel} message"
    purpose = body.purpose.replace("_", " ")
    return f"{purpose} {kind} sent{_named('for campaign', body.campaign)}"


def _reaction(event: Touchpoint, body: messages.MessageReaction, _: str) -> str:
    done = event.type.removeprefix("email.") + (" by a program" if body.is_automated else "")
    return f"e-mail {done}{_named('of campaign', body.campaign)}"


def _campaign(_: Touchpoint, body: messages.CampaignReached, __: str) -> str:
    return f"reached by{_named('campaign', body.campaign) or ' a campaign'}"


def _linked(_: Touchpoint, body: master_data.IdentityLinked, __: str) -> str:
    if body.reason is master_data.LinkReason.OTHER:
        return "identified"
    return f"identified by {body.reason.replace('_', ' ')}"


def _attributes(_: Touchpoint, body: master_data.ProfileUpdated, __: str) -> str:
    """Names of the attributes only: the values are personal."""
    names = ", ".join(sorted(body.attributes))
    return f"profile updated: {_short(names)}" if names else "profile updated"


def _consent(event: Touchpoint, body: master_data.ConsentChanged, _: str) -> str:
    done = event.type.removeprefix("consent.")
    waits = ", waits for confirmation" if body.double_opt_in and done == "given" else ""
    return f"consent {done}: {_short(body.purpose)} by {_short(body.channel)}{waits}"


def _objection(_: Touchpoint, body: master_data.ObjectionMade, __: str) -> str:
    return f"objected to {_short(body.purpose)} by {_short(body.channel) or 'every channel'}"


def _loyalty(_: Touchpoint, body: master_data.LoyaltyChanged, __: str) -> str:
    parts = [] if body.points_change is None else [f"{body.points_change:+f} points"]
    parts += [] if body.points_balance is None else [f"balance {body.points_balance:f}"]
    parts += [f"tier {_short(body.tier)}"] if body.tier else []
    return "loyalty account: " + ", ".join(parts) if parts else "loyalty account changed"


def _contract(event: Touchpoint, body: master_data.ContractChanged, _: str) -> str:
    return f"contract {event.type.removeprefix('contract.')}{_named('for', body.product)}"


def _survey(_: Touchpoint, body: dialogue.SurveyAnswered, __: str) -> str:
    scores = [f"{one.score:f}" for one in body.answers if one.score is not None]
    return f"answered a {body.kind} survey" + (f": {', '.join(scores)}" if scores else "")


def _review(_: Touchpoint, body: dialogue.ReviewPosted, __: str) -> str:
    stars = "" if body.rating is None else f" with rating {body.rating:f}"
    return f"reviewed{_named('product', body.sku) or ' the retailer'}{stars}"


def _held_out(_: Touchpoint, body: messages.CampaignHeldOut, __: str) -> str:
    return f"held out of{_named('campaign', body.campaign)}, to compare"


def _visit(_: Touchpoint, body: dialogue.StoreVisited, __: str) -> str:
    kept = f", appointment {_short(body.appointment_id)}" if body.appointment_id else ""
    return "visited a store" + (", was advised" if body.advised else "") + kept


def _community(_: Touchpoint, body: dialogue.CommunityPosted, __: str) -> str:
    done = "answered" if body.reply_to else "wrote"
    return f"{done} in{_named('community', body.community) or ' a community'}"


def _idea(_: Touchpoint, body: dialogue.IdeaSubmitted, __: str) -> str:
    return f"submitted an idea{_named('about product', body.sku)}"


def _contest(_: Touchpoint, body: dialogue.ContestEntered, __: str) -> str:
    return f"took part in{_named('contest', body.contest)}"


def _action(event: Touchpoint, body: dialogue.ActionTaken, _: str) -> str:
    return f"action {_short(body.action_id)} {event.type.removeprefix('action.')}"


def _support(event: Touchpoint, body: dialogue.SupportExchanged, _: str) -> str:
    done = "asked" if event.type == "support.contacted" else "was answered by"
    if event.type == "support.contacted" and body.direction is dialogue.Side.US:
        done = "was contacted by"
    again = ", explained again" if body.repeated else ""
    return f"{done} service, case {_short(body.case_id)}{again}"


def _complaint(event: Touchpoint, body: dialogue.ComplaintChanged, _: str) -> str:
    return f"complaint {event.type.removeprefix('complaint.')}, case {_short(body.case_id)}"


def _exchange(_: Touchpoint, body: dialogue.MessageExchanged, __: str) -> str:
    over = ", handed over to a person" if body.handed_over else ""
    return f"message from the {body.author}{over}"


def _quote(_: Touchpoint, body: dialogue.QuoteSent, currency: str) -> str:
    worth = f" over {_money(body.amount, body.currency or currency)}" if body.amount else ""
    return f"quote {_short(body.quote_id)} sent{worth}"


def _opportunity(_: Touchpoint, body: dialogue.OpportunityChanged, __: str) -> str:
    return f"sales opportunity at stage {_short(body.stage)}"


def _contact(_: Touchpoint, body: groups.AccountContactChanged, __: str) -> str:
    done = "no longer a contact" if body.left else "a contact"
    roles = f" as {', '.join(sorted(set(body.roles)))}" if body.roles and not body.left else ""
    return f"{done} of account {_short(body.account_id)}{roles}"


def _member(_: Touchpoint, body: groups.HouseholdMemberChanged, __: str) -> str:
    """Neither its number nor the relation: both are personal."""
    return "no longer a member of a household" if body.left else "a member of a household"


def _tracked(_: Touchpoint, body: custom.CustomTracked, __: str) -> str:
    """Its name only: the properties may say anything."""
    return f"tracked {_short(body.name)}"


def _offer(_: Touchpoint, body: Offer, currency: str) -> str:
    price = f" at {_money(body.price, body.currency or currency)}" if body.price else ""
    return f"offer of{_named('product', body.sku or body.gtin)}{price}"


def _said(text: str, _event: Touchpoint, _body: Body, _currency: str) -> str:
    return text


TELLERS: dict[type, Callable[[Touchpoint, Body, str], str]] = {
    browsing.PageViewed: partial(_said, "viewed a page"),
    browsing.ProductViewed: _viewed,
    browsing.SearchPerformed: _searched,
    browsing.CartUpdated: _cart,
    orders.OrderPlaced: _placed,
    orders.OrderCancelled: _cancelled,
    orders.OrderReturned: _returned,
    orders.OrderStatusChanged: _status,
    orders.VoucherIssued: _voucher,
    orders.VoucherRedeemed: _voucher,
    orders.TillClosed: partial(_said, "till closed"),
    orders.DayClosed: partial(_said, "day closed"),
    messages.MessageSent: _message,
    messages.MessageReaction: _reaction,
    messages.CampaignPublished: partial(_said, "campaign published"),
    messages.CampaignReached: _campaign,
    messages.CampaignHeldOut: _held_out,
    master_data.IdentityLinked: _linked,
    master_data.ProfileUpdated: _attributes,
    master_data.ConsentChanged: _consent,
    master_data.ObjectionMade: _objection,
    master_data.LoyaltyChanged: _loyalty,
    master_data.ContractChanged: _contract,
    master_data.StorePublished: partial(_said, "store data published"),
    dialogue.SurveyAnswered: _survey,
    dialogue.ReviewPosted: _review,
    dialogue.ReferralMade: partial(_said, "recommended the retailer"),
    dialogue.ReferralRedeemed: partial(_said, "came by a recommendation"),
    dialogue.StoreVisited: _visit,
    dialogue.CommunityPosted: _community,
    dialogue.IdeaSubmitted: _idea,
    dialogue.ContestEntered: _contest,
    dialogue.ActionTaken: _action,
    dialogue.SupportExchanged: _support,
    dialogue.ComplaintChanged: _complaint,
    dialogue.MessageExchanged: _exchange,
    dialogue.AppointmentBooked: partial(_said, "booked an appointment"),
    dialogue.QuoteSent: _quote,
    dialogue.OpportunityChanged: _opportunity,
    Offer: _offer,
    PriceListCompleted: partial(_said, "price list completed"),
    groups.AccountUpdated: partial(_said, "master data of an account changed"),
    groups.AccountContactChanged: _contact,
    groups.HouseholdMemberChanged: _member,
    custom.CustomTracked: _tracked,
}

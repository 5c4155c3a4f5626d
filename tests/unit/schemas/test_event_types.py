"""The table of event types: complete, classified, and open to nobody only where it must be."""

from __future__ import annotations

import pytest

from schemas.touchpoint import (
    EVENT_MODELS,
    EVENT_TYPES,
    Control,
    Dialogue,
    Phase,
    TouchpointAdapter,
)

NAMED = [
    "page.viewed", "product.viewed", "search.performed", "cart.updated", "order.placed",
    "order.status_changed", "order.cancelled", "order.returned", "voucher.issued",
    "voucher.redeemed", "till.closed", "day.closed", "message.sent", "email.sent",
    "email.delivered",
    "email.opened", "email.clicked", "email.bounced", "email.complained", "email.unsubscribed",
    "campaign.published", "campaign.reached", "identity.linked", "profile.updated",
    "consent.given", "consent.confirmed", "consent.withdrawn", "objection.made",
    "loyalty.changed", "survey.answered", "review.posted", "referral.made", "support.contacted",
    "support.answered", "complaint.opened", "complaint.closed", "message.exchanged",
    "appointment.booked", "quote.sent", "opportunity.changed", "contract.started",
    "contract.renewed", "contract.ended", "offer.published", "store.published",
    "price_list.completed", "account.updated", "account.contact_changed",
    "household.member_changed", "campaign.held_out", "referral.redeemed", "store.visited",
    "community.posted", "idea.submitted", "contest.entered", "action.planned", "action.done",
    "custom.tracked",
]  # fmt: skip
NAMELESS = [
    "offer.published", "store.published", "till.closed", "day.closed", "order.placed",
    "order.status_changed", "price_list.completed", "account.updated",
    "order.cancelled", "order.returned", "survey.answered", "campaign.published",
    "action.planned", "action.done",
]  # fmt: skip


def test_every_designed_type_is_there() -> None:
    """The types the architecture names are exactly those of the table."""
    assert sorted(EVENT_TYPES) == sorted(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_every_type_is_classified(name: str) -> None:
    """Each type has its phase, control and dialogue, and a body that explains itself."""
    row = EVENT_TYPES[name]
    assert isinstance(row.phase, Phase)
    assert isinstance(row.control, Control)
    assert isinstance(row.dialogue, Dialogue)
    assert (row.body.__doc__ or "").strip()


def test_only_facts_about_goods_may_name_nobody() -> None:
    """Receipts, offers, stores, tills, surveys, campaigns, accounts and what is done about feedback
    need none; the rest does."""
    assert sorted(name for name, row in EVENT_TYPES.items() if row.anonymous) == sorted(NAMELESS)


@pytest.mark.parametrize(
    ("name", "phase", "control", "dialogue"),
    [
        ("order.placed", Phase.PURCHASE, Control.DIRECT, Dialogue.TWO_WAY),
        ("review.posted", Phase.POST_PURCHASE, Control.INDIRECT, Dialogue.TWO_WAY),
        ("referral.made", Phase.POST_PURCHASE, Control.INDIRECT, Dialogue.TWO_WAY),
        ("campaign.published", Phase.PRE_PURCHASE, Control.DIRECT, Dialogue.ONE_WAY),
        ("email.sent", Phase.PRE_PURCHASE, Control.DIRECT, Dialogue.ONE_WAY),
        ("support.contacted", Phase.POST_PURCHASE, Control.DIRECT, Dialogue.TWO_WAY),
        ("campaign.held_out", Phase.PRE_PURCHASE, Control.DIRECT, Dialogue.ONE_WAY),
        ("referral.redeemed", Phase.PURCHASE, Control.INDIRECT, Dialogue.TWO_WAY),
        ("store.visited", Phase.PRE_PURCHASE, Control.DIRECT, Dialogue.TWO_WAY),
        ("community.posted", Phase.POST_PURCHASE, Control.INDIRECT, Dialogue.TWO_WAY),
        ("action.done", Phase.POST_PURCHASE, Control.DIRECT, Dialogue.ONE_WAY),
    ],
)
def test_classification_follows_the_business(
    name: str, phase: Phase, control: Control, dialogue: Dialogue
) -> None:
    """Newsletters speak one way, service talks both ways, reviews are customer to customer."""
    row = EVENT_TYPES[name]
    assert (row.phase, row.control, row.dialogue) == (phase, control, dialogue)


def test_each_type_has_a_model_of_its_own() -> None:
    """Model names are the types in capitals, and none is taken twice."""
    assert list(EVENT_MODELS) == list(EVENT_TYPES)
    assert len({model.__name__ for model in EVENT_MODELS.values()}) == len(EVENT_TYPES)
    assert EVENT_MODELS["order.status_changed"].__name__ == "OrderStatusChangedEvent"


def test_only_master_data_of_companies_must_name_nobody() -> None:
    """What must come without identifiers also may."""
    impersonal = {name for name, row in EVENT_TYPES.items() if row.impersonal}
    assert impersonal == {"account.updated"}
    assert impersonal <= set(NAMELESS)


def test_type_decides_the_body() -> None:
    """The same body under another type is read by that type's contract."""
    event = {
        "event_id": "1",
        "occurred_at": "2026-04-03T18:00:00Z",
        "channel": "shop",
        "body": {"order_id": "7", "status": "paid"},
    }
    moved = TouchpointAdapter.validate_python(event | {"type": "order.status_changed"})
    placed = TouchpointAdapter.validate_python(event | {"type": "order.placed"})
    assert moved.body.status == "paid"
    assert not hasattr(placed.body, "status")

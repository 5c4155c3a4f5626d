"""For how long what has an age limit is kept; `c360 store retention` removes the rest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from services.runtime.settings.part import Part

Days = Annotated[int, Field(ge=1, le=36_500)]
LIMITED_TYPES = (
    "page.viewed", "search.performed", "email.delivered", "email.opened", "email.clicked",
)  # fmt: skip
"""Types of events that may have an age limit. Nothing that is proven, judged or owed rests on them:
no consent, no order, no claim of a kind of incident (ADR 0103)."""

KEPT_FOR = {
    "they prove what one may do": (
        "consent.given", "consent.confirmed", "consent.withdrawn", "objection.made",
        "email.bounced", "email.complained", "email.unsubscribed", "message.exchanged",
    ),
    "they are to be kept by law, and figures of customers follow from them": (
        "order.placed", "order.status_changed", "order.cancelled", "order.returned",
        "voucher.issued", "voucher.redeemed", "till.closed", "day.closed", "quote.sent",
        "opportunity.changed", "contract.started", "contract.renewed", "contract.ended",
    ),
    "profiles, accounts and households are made of them": (
        "identity.linked", "profile.updated", "account.updated", "account.contact_changed",
        "household.member_changed",
    ),
    "incidents are judged from what they say, and would never have been without it": (
        "product.viewed", "cart.updated", "message.sent", "email.sent", "campaign.published",
        "campaign.reached", "loyalty.changed", "survey.answered", "review.posted",
        "referral.made", "support.contacted", "support.answered", "complaint.opened",
        "complaint.closed", "appointment.booked", "offer.published", "price_list.completed",
        "store.published",
    ),
    "what they stand for is the retailer's own matter": ("custom.tracked",),
    "measures that look back for years count them": (
        "campaign.held_out", "referral.redeemed", "store.visited", "community.posted",
        "idea.submitted", "contest.entered", "action.planned", "action.done",
    ),
}  # fmt: skip
"""Why events of the other types have no age limit."""


class RetentionSettings(Part):
    """`c360 store retention`."""

    retention_rejected_days: Days | None = None
    """Days for which rejected events are kept in the store; none for ever. On Kafka they are in a
    topic, which has a retention of its own."""
    retention_conflicts_days: Days | None = None
    """Days for which bodies are kept that came under the id of another event; none for ever."""
    retention_access_log_days: Days | None = None
    """Days for which the access log is kept; none for the three years after which the store
    removes its entries anyway."""
    retention_insights_days: Days | None = None
    """Days for which it is kept what measures were; none for ever."""
    retention_events_days: dict[str, Days] = Field(default={})
    """Days for which events are kept, by type, as JSON: `{"page.viewed": 365, "email.opened":
    90}`; others for ever. Older ones are rejected as `expired` once they were removed. Only of
    `page.viewed`, `search.performed`, `email.delivered`, `email.opened` and
    `email.clicked`."""

    @field_validator("retention_events_days")
    @classmethod
    def _may_have_a_limit(cls, given: dict[str, int]) -> dict[str, int]:
        whys = {name: why for why, names in KEPT_FOR.items() for name in names}
        kept = sorted(set(given) - set(LIMITED_TYPES))
        if kept:
            each = "; ".join(f"{one}: {whys.get(one, 'no such type of events')}" for one in kept)
            raise ValueError(
                f"only these types may have an age limit: {', '.join(LIMITED_TYPES)}. {each}"
            )
        return given

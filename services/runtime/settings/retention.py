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
    retention_events_days: dict[str, Days] = Field(default={})
    """Days for which events are kept, by type, as JSON: `{"page.viewed": 365, "email.opened":
    90}`; others for ever. Older ones are rejected as `expired` once they were removed. Only of
    `page.viewed`, `search.performed`, `email.delivered`, `email.opened` and
    `email.clicked`."""

    @field_validator("retention_events_days")
    @classmethod
    def _may_have_a_limit(cls, given: dict[str, int]) -> dict[str, int]:
        if not set(given) <= set(LIMITED_TYPES):
            raise ValueError(
                f"only these types may have an age limit: {', '.join(LIMITED_TYPES)}; consents, "
                "orders, incidents and what they rest on are kept"
            )
        return given

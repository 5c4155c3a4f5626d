"""How long what is no fact of a customer is kept; `c360 store retention` removes the rest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.runtime.settings.part import Part

Days = Annotated[int, Field(ge=1, le=36_500)]


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

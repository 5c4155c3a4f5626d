"""What a journey came to: one of a closed list of outcomes, and how long each channel took.

Pure: the walk measures, this judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class JourneyOutcome(StrEnum):
    """How a journey ended."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    """The service did not answer, or only with 429 or 5xx."""
    REFUSED = "refused"
    """The key or the request is wrong, or something else than the service answered."""
    REJECTED = "rejected"
    """An event of the journey was rejected."""
    NOT_VISIBLE = "not_visible"
    """An event was accepted, and could not be read within the deadline."""
    NOT_JOINED = "not_joined"
    """The identifiers of the journey are not one profile."""
    NOT_APART = "not_apart"
    """The journeys of two customers are one profile."""


class JourneyFinding(NamedTuple):
    """The result of one journey. Says nothing that a key or a customer could be told from."""

    outcome: JourneyOutcome
    detail: str
    freshness_s: dict[str, float]
    """By channel: seconds from sending to the answer that shows the event."""
    profile_id: str | None = None


def judge(
    profiles: Mapping[str, str | None], customer: int, before: tuple[int, str] | None
) -> tuple[JourneyOutcome, str]:
    """The outcome of a visible journey, from the profile that each channel's identifier leads to.

    `before` is the customer and the profile of the journey before.
    """
    missing = [channel for channel, profile in profiles.items() if profile is None]
    if missing:
        return JourneyOutcome.NOT_JOINED, f"no profile for the identifier of {', '.join(missing)}"
    different = set(profiles.values())
    if len(different) != 1:
        return JourneyOutcome.NOT_JOINED, f"the journey is in {len(different)} profiles"
    if before is not None and before[0] != customer and before[1] in different:
        return JourneyOutcome.NOT_APART, "two customers are in one profile"
    return JourneyOutcome.OK, ""

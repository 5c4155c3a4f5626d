"""What statements about experiences ask for: the interactions they read, the scale of reviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.measures.core.measure import MeasureContext

EXPERIENCE_KINDS = ("case", "word_of_mouth")


def experiences(context: MeasureContext, *more_kinds: str) -> Mapping[str, Any]:
    """The parameters of a statement that begins with `experiences`, and reads more kinds."""
    lowest, highest = context.rules.review_scale
    return {
        "interaction_kinds": sorted({*EXPERIENCE_KINDS, *more_kinds}),
        "lowest": lowest,
        "highest": highest,
    }

"""The language of sentences for customers, by the header Accept-Language."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from schemas.api.permission import Language

AcceptLanguage = Annotated[
    str,
    Header(
        alias="Accept-Language",
        max_length=1_000,
        description="Language of the sentences for customers: `en` or `de`.",
    ),
]


def preferred(accepted: str) -> Language:
    """The language that an Accept-Language header (RFC 9110) prefers; English if neither."""
    weights = dict.fromkeys(Language, 0.0)
    for part in accepted.split(","):
        tag, _, rest = part.strip().partition(";")
        name = tag.partition("-")[0].strip().lower()
        if name in weights:
            language = Language(name)
            weights[language] = max(weights[language], _weight(rest))
    return max(Language, key=lambda one_: weights[one_])


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0

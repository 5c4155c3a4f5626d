"""The words of the console in each language: texts/*.toml, read once.

A key names its page and what it says there: `search.title`. A text with a number has the forms
`one` and `other` of its language (CLDR); both languages of the console have these two.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.api.permission import Language

ONE, OTHER = "one", "other"


@cache
def texts_of(language: Language) -> Mapping[str, str]:
    """All texts of a language by their keys."""
    found: dict[str, str] = {}
    for place in sorted(_folder(language).iterdir(), key=lambda one: one.name):
        if place.name.endswith(".toml"):
            _collect(tomllib.loads(place.read_text("utf-8")), "", found)
    return found


def text(language: Language, key: str, **values: Any) -> str:
    """A text with its values put in. Raises KeyError for a key that no text has."""
    texts = texts_of(language)
    if key not in texts and "n" in values:
        key = f"{key}.{ONE if values['n'] in (1, '1') else OTHER}"
    return texts[key].format(**values) if values else texts[key]


def has_text(language: Language, key: str) -> bool:
    """Whether there is such a text."""
    return key in texts_of(language)


def _folder(language: Language) -> Any:
    return files("services.console").joinpath("texts", language.value)


def _collect(table: Mapping[str, Any], before: str, found: dict[str, str]) -> None:
    for name, value in table.items():
        key = f"{before}.{name}" if before else name
        if isinstance(value, str):
            found[key] = value
        else:
            _collect(value, key, found)

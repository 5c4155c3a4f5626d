"""The language in which the command line speaks of customers: that of the environment."""

from __future__ import annotations

import os

from schemas.api.permission import Language

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Of POSIX: the first that is set counts."""


def spoken() -> Language:
    """The language of the environment; English for any other than German, and for none."""
    named = next((value for name in VARIABLES if (value := os.environ.get(name))), "")
    return Language.GERMAN if named.lower().startswith("de") else Language.ENGLISH

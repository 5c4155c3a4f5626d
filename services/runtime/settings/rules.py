"""Which rules files are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from services.runtime.errors import ConfigurationError
from services.runtime.settings.part import Part

T = TypeVar("T")


class RulesSettings(Part):
    """Rules files."""

    identity_rules: Path | None = None
    """Identity rules file (TOML): the first rules of a new store, empty for the packaged ones.
    Later it is only compared with the rules in force."""
    consistency_rules: Path | None = None
    """Consistency rules file (TOML); empty for the packaged rules."""
    profile_rules: Path | None = None
    """Survivorship rules file (TOML); empty for the packaged rules."""
    insight_rules: Path | None = None
    """Insight rules file (TOML), for measures; empty for the packaged rules."""
    trust_rules: Path | None = None
    """File that says what each source may claim (TOML), in the place of `C360_TRUSTED_SOURCES`."""


def read_rules(
    settings: RulesSettings,
    name: Literal[
        "identity_rules", "consistency_rules", "profile_rules", "insight_rules", "trust_rules"
    ],
    read: Callable[[Path | None], T],
) -> T:
    """The rules of the file that a setting names. Raises ConfigurationError if it cannot be read or
    breaks its contract; the text names variable, file and rule."""
    try:
        return read(getattr(settings, name))
    except ValueError as error:
        raise ConfigurationError(f"C360_{name.upper()}: {error}") from error

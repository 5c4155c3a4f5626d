"""Which rules files are used."""

from __future__ import annotations

from pathlib import Path

from services.runtime.settings.part import Part


class RulesSettings(Part):
    """Rules files."""

    identity_rules: Path | None = None
    """Identity rules file (TOML); empty for the packaged rules."""
    consistency_rules: Path | None = None
    """Consistency rules file (TOML); empty for the packaged rules."""
    profile_rules: Path | None = None
    """Survivorship rules file (TOML); empty for the packaged rules."""

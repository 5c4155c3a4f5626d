"""What is logged, and how."""

from __future__ import annotations

from typing import Literal

from services.runtime.settings.part import Part


class LogSettings(Part):
    """The log."""

    log_format: Literal["console", "json"] = "console"
    """`json` writes one object per line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""

"""The console: who may sign in, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.runtime.settings.part import Part


class ConsoleSettings(Part):
    """The pages for people, at `/console`."""

    console_accounts_file: Path | None = None
    """File with the accounts of the console (TOML), as `c360 console add` makes it. Without it
    people sign in by an API key."""
    console_session_h: Annotated[int, Field(ge=1, le=168)] = 10
    """Hours after which a person must sign in again."""

"""Shared by all commands: the selected store, and sessions on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo

import typer

from services.cli.session import Session, open_session
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings, load_settings

Realm = Annotated[str, typer.Option("--realm", help="Brand or tenant.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 picks one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class State:
    """Created once per command line, from its global options."""

    def __init__(self, data_dir: Path | None) -> None:
        """`data_dir` is None where the option was not given."""
        self._data_dir = data_dir
        self._settings: Settings | None = None

    def settings(self, **overrides: Any) -> Settings:
        """The effective settings, which take a while to read. Raises ConfigurationError."""
        if self._settings is not None and not overrides:
            return self._settings
        settings = load_settings(self._data_dir, **overrides)
        configure_logging(settings)
        if not overrides:
            self._settings = settings
        return settings

    def zone(self, realm: str) -> tzinfo:
        """The time zone that the times of a realm are shown in."""
        known = self.settings().realms.get(realm)
        return ZoneInfo(known.time_zone) if known else UTC

    @contextmanager
    def session(self, *, create: bool = False) -> Iterator[Session]:
        """A session on the store of the settings. Raises as open_session does."""
        with open_session(self.settings(), create=create) as session:
            yield session


def state_of(context: typer.Context) -> State:
    """The state of this command line."""
    return cast(State, context.obj)

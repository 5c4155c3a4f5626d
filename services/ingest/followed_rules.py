"""Ingest by the identity rules that are in force, in a process that another one tells of a change.

The rules are looked at twice a minute. What is decoded until then goes by the rules before: as if
it had come in before the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.ledger import Ledger
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings
from services.store.rules_in_force import FollowedRules

REFRESH_S = 30.0
log = structlog.get_logger()


class FollowingCore:
    """Gives `use` a core for the rules in force whenever these change."""

    def __init__(
        self,
        settings: Settings,
        rules: FollowedRules,
        ledger: Ledger,
        use: Callable[[EventProcessor], None],
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._ledger = ledger
        self._use = use

    def use_newest(self) -> None:
        """Use a core for the rules known now. Raises ConfigurationError if other settings do not
        fit them."""
        config = ingest_config(self._settings, self._rules.newest)
        ledger = self._ledger
        self._use(EventProcessor(config, ledger.erased_at, ledger.kept_since, ledger.is_suppressed))

    async def keep(self) -> None:
        """Follow the rules until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            await self.look()

    async def look(self) -> None:
        """Look whether other rules are in force."""
        try:
            before = self._rules.newest
            if await asyncio.to_thread(self._rules.refresh) and self._rules.newest != before:
                self.use_newest()
                log.info("rules_changed", rules=self._rules.newest.version)
        except ConfigurationError as error:  # events go on by the rules before
            log.error("rules_not_followed", error=str(error))
        except Exception as error:  # the store is down: whoever writes waits for it
            log.warning("rules_not_read", error=str(error))

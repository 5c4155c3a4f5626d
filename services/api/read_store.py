"""The read side of a store: a connection, the rules, and the profile reader over both.

The embedded engine is one (services/embedded/engine.py), a ClickHouse server is another
(services/api/server.py); the operations work on either.
"""

from __future__ import annotations

from schemas.rules.identity import identity_rules
from schemas.rules.profile import profile_rules
from services.consistency.rules import consistency_rules
from services.profiles.adapters.clickhouse import ProfileReader
from services.runtime.settings import Settings
from services.store.database import Database


class ReadStore:
    """The read side of a store. Creating it writes nothing."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Raises ValueError for a wrong rules file."""
        self.settings = settings
        self.reading = database
        self.identity_rules = identity_rules(settings.identity_rules)
        self.consistency_rules = consistency_rules(settings.consistency_rules)
        self.profiles = ProfileReader(
            database, settings.realms, profile_rules(settings.profile_rules), self.identity_rules
        )

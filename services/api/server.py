"""The composition root of commands on a ClickHouse server: no directory, no lock, no writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from services.api.read_store import ReadStore
from services.profiles.adapters.clickhouse import personal_types
from services.profiles.adapters.totals import register_realms, registered_realms
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings
from services.store.database import open_server
from services.store.migrations import MigrationState, migrate_server, require_schema
from services.store.rules_in_force import FollowedRules
from services.store.secret import check_secret

REALMS_DIFFER = "realms_differ"
"""Reason of a ConfigurationError: settings and server know the realms differently."""


@contextmanager
def open_reading(settings: Settings) -> Iterator[ReadStore]:
    """The read side of the server of the settings.

    Raises:
        Retry: the server does not answer now.
        ConfigurationError: no secret or another one, a schema or realms that the server does not
            know yet, a wrong rules file, or the server does not let this user in.
    """
    secret = settings.secret()
    with closing(open_server(settings)) as database:
        require_schema(database)
        check_secret(database, secret, database.place)
        reading = ReadStore(settings, database)
        _require_realms(reading)
        yield reading


def prepare_server(settings: Settings, *, dry_run: bool = False) -> list[MigrationState]:
    """Migrate the server's schema and write the realms; raises as migrate_server does.

    Returns the migrations that were (or would be) applied.
    """
    states = migrate_server(settings, dry_run=dry_run)
    if not dry_run:
        with closing(open_server(settings)) as database:
            rules = FollowedRules(settings, database)
            rules.register(settings.realms)
            for name, realm in settings.realms.items():
                register_realms(database, {name: realm}, personal_types(rules.of(name)))
    return states


def _require_realms(reading: ReadStore) -> None:
    """A realm that is not on the server has no totals; its lists would be empty or wrong.

    While other rules are being applied, the identity worker has registered their types, or will.
    """
    known = registered_realms(reading.reading)
    for name, realm in reading.settings.realms.items():
        currency, types = known.get(name, ("", []))
        expected = sorted(personal_types(reading.rules.of(name)))
        if currency != realm.currency or (types != expected and not reading.rules.is_renewed(name)):
            raise ConfigurationError(
                f"realm {name!r} is not what {reading.reading.place} knows: its currency and the "
                "personal identifier types come from C360_REALMS and the identity rules. Use the "
                "settings of the workers",
                reason=REALMS_DIFFER,
            )

"""The settings as the ingest core reads them."""

from __future__ import annotations

from schemas.rules.identity import IdentityRules
from schemas.rules.profile import profile_rules
from services.ingest.core.event_processor import IngestConfig, Realm
from services.runtime.settings import Settings, read_rules


def ingest_config(settings: Settings, rules: IdentityRules) -> IngestConfig:
    """The core's configuration.

    Raises ConfigurationError without a secret, or for wrong profile rules.
    """
    return IngestConfig(
        secret=settings.secret(),
        rules=rules,
        profile_rules=read_rules(settings, "profile_rules", profile_rules),
        realms={
            n: Realm(r.region, r.currency, r.time_zone, r.tills_close)
            for n, r in settings.realms.items()
        },
        channels=frozenset(settings.channels),
        purposes=frozenset(settings.consent_purposes),
        contact_channels=frozenset(settings.consent_channels),
        time_floor=settings.floor(),
        secret_generation=settings.secret_generation,
        source_issuers=settings.source_issuers,
        trusted_sources=settings.trusted_sources,
        future_tolerance=settings.future_tolerance(),
    )

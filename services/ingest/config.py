"""The settings as the ingest core reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from schemas.rules.identity import IdentityRules
from schemas.rules.profile import profile_rules
from schemas.rules.trust import TrustRules, trust_rules, trusting
from services.ingest.core.event_processor import IngestConfig, Realm
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings, read_rules

EVERY_SOURCE = "*"


def ingest_config(settings: Settings, rules: IdentityRules) -> IngestConfig:
    """The core's configuration.

    Raises ConfigurationError without a secret, or for wrong profile or trust rules.
    """
    return replace(
        config_of_nobody(settings, rules),
        profile_rules=read_rules(settings, "profile_rules", profile_rules),
        trust=configured_trust(settings, rules),
    )


def config_of_nobody(settings: Settings, rules: IdentityRules) -> IngestConfig:
    """The same for events that name nobody: every source is trusted, and no file of profile or
    trust rules is read, for neither says anything of such events.

    Raises ConfigurationError without a secret.
    """
    return IngestConfig(
        secret=settings.secret(),
        rules=rules,
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
        future_tolerance=settings.future_tolerance(),
    )


def configured_trust(settings: Settings, rules: IdentityRules) -> TrustRules:
    """What each source may claim: the file of C360_TRUST_RULES, or what C360_TRUSTED_SOURCES says.

    Raises ConfigurationError if both are set, or for a file that cannot be used.
    """
    if settings.trust_rules is None:
        return trusting(settings.trusted_sources)
    if settings.trusted_sources != [EVERY_SOURCE]:
        raise ConfigurationError(
            "C360_TRUST_RULES and C360_TRUSTED_SOURCES are both set: give each trusted source a "
            'row in the file, with verifies = ["*"], and unset C360_TRUSTED_SOURCES'
        )

    def read(path: Path | None) -> TrustRules:
        assert path is not None  # the setting is
        found = trust_rules(path)
        try:
            found.require_types(rules.by_name.keys())
        except ValueError as error:
            raise ValueError(f"rules file {path}: {error}") from error
        return found

    return read_rules(settings, "trust_rules", read)

"""The consistency rules that the settings name."""

from __future__ import annotations

from services.consistency.rules import ConsistencyRules, consistency_rules
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings, read_rules


def configured_rules(settings: Settings) -> ConsistencyRules:
    """The rules of the file that the settings name, or the defaults.

    Raises:
        ConfigurationError: the file cannot be read, breaks its contract, or has rules for a realm
            that the settings do not list; the text names variable, file and rule.
    """
    rules = read_rules(settings, "consistency_rules", consistency_rules)
    for realm in rules.by_realm:
        if realm not in settings.realms:
            listed = ", ".join(settings.realms)
            raise ConfigurationError(
                f"C360_CONSISTENCY_RULES: rules file {settings.consistency_rules}: "
                f"realms.{realm}: no such realm; C360_REALMS lists: {listed}"
            )
    return rules

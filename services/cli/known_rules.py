"""The identity rules that are in force in the store of the settings, for commands about settings.

A file of this machine says nothing of them: what is in force is in the store.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.rules.identity import IdentityRules, identity_rules
from services.api.queries.identity_rules import IDENTITY_RULES, RulesInForce, RulesRequest
from services.cli.session import Session
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings, read_rules
from services.store.rules_in_force import FIRST_SINCE, rules_of_text


def rules_of_store(session: Session) -> list[RulesInForce]:
    """Those in force in each realm, with their text; a realm before its first event has none.
    Raises as the session does."""
    return list(session.run(IDENTITY_RULES, RulesRequest(with_text=True)))


def newest(found: Sequence[RulesInForce]) -> IdentityRules | None:
    """Those by which values are normalised: of the latest change in any realm, None if there is
    none. Raises ConfigurationError if this program cannot read them."""
    if not found:
        return None
    return _read(max(found, key=lambda one: (one.since != FIRST_SINCE, one.applied_at, one.sha256)))


def differing(settings: Settings, found: Sequence[RulesInForce]) -> list[RulesInForce]:
    """Those that the file of the settings, or the packaged one, is not. Raises ConfigurationError
    for a wrong file."""
    own = read_rules(settings, "identity_rules", identity_rules)
    return [one for one in found if _read(one) != own]


def own_name(settings: Settings) -> str:
    """What the own rules are called."""
    if settings.identity_rules is None:
        return "the packaged rules"
    return f"C360_IDENTITY_RULES ({settings.identity_rules})"


def told(one: RulesInForce) -> str:
    """Rules of a realm, in some words."""
    state = "" if one.is_done else ", still being applied"
    return f"version {one.rules} in realm {one.realm}, by {one.author}{state}"


def _read(one: RulesInForce) -> IdentityRules:
    try:
        return rules_of_text(one.text or "")
    except ValueError as error:
        raise ConfigurationError(
            f"this version of c360 cannot read the identity rules in force in realm {one.realm} "
            f"(applied by {one.author}); use the version that applied them"
        ) from error

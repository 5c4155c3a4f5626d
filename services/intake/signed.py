"""Which deliveries of webhooks are signed, and with which secrets (C360_WEBHOOK_SECRETS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import SecretStr

from schemas.touchpoint import DEFAULT_REALM
from services.intake.format import Format
from services.intake.formats import FORMATS
from services.runtime.errors import ConfigurationError

SETTING = "C360_WEBHOOK_SECRETS"


class Webhook(NamedTuple):
    """Where deliveries of one sender come in."""

    format: Format
    realm: str
    secrets: list[str]
    """With which its deliveries are signed; any of them will do."""


def webhooks_of(
    secrets: Mapping[str, Sequence[SecretStr]], realms: Mapping[str, object]
) -> dict[tuple[str, str], Webhook]:
    """Those with a secret, by the names of their format and realm.

    Raises ConfigurationError for a name that is no format, one of a sender that signs nothing, and
    an unknown realm.
    """
    found = {}
    for name, values in secrets.items():
        layout, _, named = name.partition("@")
        realm = named or DEFAULT_REALM
        known = FORMATS.get(layout)
        if known is None or known.is_signed is None:
            signing = ", ".join(sorted(n for n, one in FORMATS.items() if one.is_signed))
            raise ConfigurationError(f"{SETTING}: {layout!r} signs nothing; give one of {signing}")
        if realm not in realms:
            raise ConfigurationError(f"{SETTING}: {name!r} names no realm of C360_REALMS")
        found[layout, realm] = Webhook(known, realm, [one.get_secret_value() for one in values])
    return found

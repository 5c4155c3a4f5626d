"""The fingerprint of the identity secret, stored with the data that the secret keyed.

With another secret no stored identifier would be recognised, silently. So every process that opens
a store, embedded or on a server, to read or to write, checks it first.
"""

from __future__ import annotations

import hmac

from services.runtime.errors import ConfigurationError
from services.store.database import Database
from services.store.statements import statements_of

FINGERPRINT = "identity_secret_fingerprint"
STORED_SQL = statements_of(__file__)["stored"]


def register_secret(database: Database, secret: bytes, place: str) -> None:
    """Check the secret of a writer; the first writer to open a store records its fingerprint.

    Raises:
        ConfigurationError: what is in `place` was written with another secret.
    """
    if check_secret(database, secret, place):
        return
    row = (FINGERPRINT, _fingerprint(secret), 1)
    database.insert_rows("properties", ("name", "value", "version"), [row])
    check_secret(database, secret, place)  # of two simultaneous first writers, one is refused


def check_secret(database: Database, secret: bytes, place: str) -> bool:
    """Check the secret of a reader; False while nothing has been written. Raises as above."""
    rows = database.rows(STORED_SQL, {"name": FINGERPRINT})
    if rows and rows[0][0] != _fingerprint(secret):
        raise ConfigurationError(
            f"C360_IDENTITY_SECRET is not the secret that {place} was written with. With another "
            "one every known customer would become a stranger; set the right one."
        )
    return bool(rows)


def _fingerprint(secret: bytes) -> str:
    return hmac.digest(secret, b"customer360 identity secret", "sha256").hex()[:16]

"""When a certificate expires: the one field that is read of it, straight from its DER bytes.

The standard library decodes certificates of peers only. Nothing here judges a certificate; OpenSSL
has loaded it before.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

SEQUENCE, UTC_TIME, VERSION = 0x30, 0x17, 0xA0
FORMS = {UTC_TIME: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}


def expires_at(pem: str) -> datetime:
    """When a certificate in PEM expires (RFC 5280, 4.1.2.5). Raises ValueError for a broken one."""
    _, certificate, _ = _element(ssl.PEM_cert_to_DER_cert(pem))
    _, fields, _ = _element(certificate)
    tag, _, rest = _element(fields)
    if tag != VERSION:
        rest = fields
    for _ in ("serial number", "signature algorithm", "issuer"):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)
    tag, text, _ = _element(rest)
    if tag not in FORMS:
        raise ValueError("the certificate has no time of expiry")
    return datetime.strptime(text.decode("ascii"), FORMS[tag]).replace(tzinfo=UTC)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    if len(data) < 2:
        raise ValueError("the certificate ends early")
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError("the certificate ends early")
    return tag, data[start : start + length], data[start + length :]

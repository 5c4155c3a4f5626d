"""TLS of the HTTP server: the certificate of the settings, and handshakes with a deadline.

asyncio's own TLS server makes a connection known only once its handshake is over, and waits for
that for a minute. Here a connection is in the table from its first byte, with the deadline of a
request's head. Nothing here reads HTTP.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, cast

from services.runtime.connections import Connections, address_of
from services.runtime.errors import ConfigurationError
from services.runtime.settings import IntakeSettings

CERT, KEY = "C360_HTTP_TLS_CERT_FILE", "C360_HTTP_TLS_KEY_FILE"
PEM_BEGIN, PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
SHUTDOWN_S = 5.0
"""How long a sender may take to agree to the end of a connection."""


def tls_context(settings: IntakeSettings) -> ssl.SSLContext | None:
    """How the server of the settings proves who it is; None for plain HTTP.

    Raises ConfigurationError if one file is missing, cannot be read, or does not fit the other.
    """
    certificate, key = settings.http_tls_cert_file, settings.http_tls_key_file
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        missing = CERT if certificate is None else KEY
        raise ConfigurationError(f"{missing} is not set: TLS needs {CERT} and {KEY}")
    _require_readable(CERT, certificate)
    _require_readable(KEY, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, _no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise ConfigurationError(_why(error, certificate, key)) from error
    return context


def own_certificate(settings: IntakeSettings) -> str:
    """The server's certificate in PEM, without those of its issuers; empty for plain HTTP."""
    if settings.http_tls_cert_file is None:
        return ""
    text = settings.http_tls_cert_file.read_text("ascii", "replace")
    inside = text.partition(PEM_BEGIN)[2].partition(PEM_END)[0]
    return f"{PEM_BEGIN}{inside}{PEM_END}\n"


def _require_readable(name: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise ConfigurationError(f"{name}: {file} cannot be read: {error.strerror}") from error


def _no_password() -> NoReturn:
    raise ConfigurationError(f"{KEY}: the key is encrypted; give one without a password")


def _why(error: Exception, certificate: Path, key: Path) -> str:
    reason = getattr(error, "reason", "") or str(error)
    if reason == "KEY_VALUES_MISMATCH":
        return f"{KEY}: {key} is not the key of the certificate in {certificate}"
    return f"{CERT}, {KEY}: {certificate} and {key} hold no certificate and key in PEM ({reason})"


class Handshake(asyncio.Protocol):
    """A connection until its handshake is over; implements `HeldConnection`.

    Then `inner` takes its place, in the table and at the transport.
    """

    def __init__(
        self,
        inner: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
        table: Connections,
        limit_s: float,
    ) -> None:
        """`limit_s` is how long the handshake may take."""
        self.address = ""
        self._inner = inner
        self._context = context
        self._table = table
        self._limit_s = limit_s
        self._began_s = table.clock_s()
        self._early = b""
        self._is_over = False
        self._is_aborted = False
        self._task: asyncio.Task[None] | None = None
        self._raw: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol: of the bare connection."""
        self._raw = cast(asyncio.Transport, transport)
        self.address = address_of(self._raw)
        if self._table.admit(self):
            self._task = asyncio.get_running_loop().create_task(self._shake())
        else:  # nothing can be said before a handshake
            self._raw.abort()

    async def _shake(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                self._raw,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._limit_s,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except (OSError, ssl.SSLError):  # too late, gone, or it speaks no TLS
            if not self._is_aborted:
                self._table.closed("head")
            self._table.gone(self)
            return
        self._table.gone(self)
        if secured is None or self._is_over:
            return
        protocol = self._inner()
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        if self._early:
            protocol.data_received(self._early)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol: what came with the end of the handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._is_over = True
        self._table.gone(self)

    def waits_since(self) -> float | None:
        """See HeldConnection."""
        return self._began_s

    def look(self, now_s: float) -> None:
        """See HeldConnection."""
        if now_s - self._began_s > self._limit_s:
            self._table.closed("head")
            self.abort()

    def abort(self) -> None:
        """See HeldConnection."""
        self._is_aborted = True
        self._raw.abort()

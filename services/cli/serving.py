"""What `c360 up` and `c360 api` have in common: a listener, the guarded server, the intake's parts.

Imports of the web stack are late: it takes longer to load than most commands to run.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services.api.http.sink import IntakeSink
from services.intake.certificate import expires_at
from services.intake.tls import own_certificate, tls_context
from services.runtime.connections import Connections, connections_that_fit
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from services.intake.http import Running
    from services.intake.server import HttpServer


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises ConfigurationError when the address cannot be used."""
    try:
        return socket.create_server((settings.http_host, settings.http_port))
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.http_host}:{settings.http_port}: {error.strerror}. Choose "
            "another with --port or C360_HTTP_PORT."
        ) from error


def url_of(settings: Settings, listener: socket.socket) -> str:
    """Where the service is."""
    scheme = "http" if settings.http_tls_cert_file is None else "https"
    host, port = listener.getsockname()[:2]
    return f"{scheme}://{host}:{port}"


def http_server(app: Any, settings: Settings, metrics: Metrics) -> HttpServer:
    """The server with the limits of the settings. Raises ConfigurationError for wrong TLS files."""
    from services.intake.server import Deadlines, HttpServer

    table = Connections(connections_that_fit(settings.http_connections_max), metrics)
    deadlines = Deadlines(
        settings.http_head_s, settings.http_body_s, settings.http_body_bytes_per_s_min
    )
    context = tls_context(settings)
    if context is not None:
        with suppress(ValueError):  # OpenSSL may read what RFC 5280 forbids
            metrics.certificate_expiry.set(expires_at(own_certificate(settings)).timestamp())
    server = HttpServer(app, table, deadlines, context, settings.http_drain_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Until uvicorn listens to signals, they end it here. It raises them again once it has shut
        # down; by then we end by ourselves.
        signal.signal(number, lambda _number, _frame: server.stop())
    return server


def intake_of(
    settings: Settings, metrics: Metrics, ping: Callable[[], None], sink: IntakeSink
) -> Running:
    """What the routes of the intake and of the health pages work with."""
    from services.intake.http import Running
    from services.intake.in_flight import BytesInFlight
    from services.intake.signed import webhooks_of

    bytes_max = max(settings.request_bytes_in_flight_max, 2 * settings.request_bytes_max)
    return Running(
        ping,
        sink,
        metrics.registry,
        settings.request_bytes_max,
        BytesInFlight(bytes_max, metrics),
        asyncio.Lock(),
        webhooks_of(settings.webhook_secrets, settings.realms),
        settings.http_public_url or "",
    )

"""A free port of loopback, for servers of development and tests."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """A port of loopback that nobody listens on now; somebody may take it before you do."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port

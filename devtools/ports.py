"""Free ports of loopback, for servers of development and tests.

They lie below the ports that systems hand out to outgoing connections: one of those could otherwise
take the port of a server that has not started yet, or is down for a moment.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from services.runtime.errors import ConfigurationError

HOST = "127.0.0.1"
PORTS = range(15_000, 32_000)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int, wanted: Sequence[int] = ()) -> list[int]:
    """The ports asked for, filled up with free ones. Raises ConfigurationError for a taken one."""
    for port in wanted:
        require_free(port)
    found = list(wanted)
    for port in random.SystemRandom().sample(PORTS, 1_000):
        if len(found) == count:
            break
        if port not in found and _is_free(port):
            found.append(port)
    return found


def require_free(port: int) -> None:
    """Raises ConfigurationError when somebody listens on the port."""
    if not _is_free(port):
        raise ConfigurationError(
            f"port {port} is taken on {HOST}: stop what uses it, or choose another with --port"
        )


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except (OSError, OverflowError):
        return False
    return True

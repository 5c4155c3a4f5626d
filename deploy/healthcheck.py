"""Whether the process of this container is alive: exit code 0 or 1. Only the image has it.

It asks `/livez` where a worker or a server serves it: at the port of the settings, else at the
ports that each kind takes by itself. It imports nothing of ours, so that it costs little; it never
looks at stores or brokers, whose trouble no restart of this container would end.
"""

from __future__ import annotations

import os
import ssl
import sys
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

SERVER_PORT = "8360"
WORKER_PORTS = ("8361", "8362", "8363", "8364", "8365")
TIMEOUT_S = 4


def addresses(environment: dict[str, str]) -> list[str]:
    """Where the pages may be, the likeliest first."""
    scheme = "https" if environment.get("C360_HTTP_TLS_CERT_FILE") else "http"
    server = environment.get("C360_HTTP_PORT") or SERVER_PORT
    workers = [one] if (one := environment.get("C360_WORKER_HTTP_PORT")) else WORKER_PORTS
    return [
        f"{scheme}://127.0.0.1:{server}/livez",
        *(f"http://127.0.0.1:{port}/livez" for port in workers),
    ]


def is_alive(url: str) -> bool | None:
    """What the page says; None if nobody serves it."""
    own = ssl.create_default_context()  # our own certificate, which names no loopback address
    own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
    try:
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=own))
        with opener.open(url, timeout=TIMEOUT_S):
            return True
    except HTTPError:
        return False
    except (URLError, OSError):
        return None


if __name__ == "__main__":
    seen = map(is_alive, addresses(dict(os.environ)))
    sys.exit(0 if next((one for one in seen if one is not None), False) else 1)

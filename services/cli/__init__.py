"""The command `c360`."""

import gc
import os
import signal

__all__ = ["main"]
ENDED = 128 + signal.SIGTERM
COLLECTED_EVERY = 50_000
"""Objects; nearly all that loading makes lives until the end, and looking for garbage took a sixth
of the time."""


def main() -> None:
    """Run the command line.

    The first process of a container gets no signal that it does not handle: without this, an order
    to end that comes while the program loads would be lost, and the container would run on until
    it is killed. Workers and servers then take the signal over.
    """
    gc.set_threshold(COLLECTED_EVERY)
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(ENDED))
    from services.cli.app import main as run  # loads everything

    run()

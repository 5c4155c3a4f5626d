"""Processes that never outlive the one that started them, not even when that one is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# A launcher of its own, since `preexec_fn` is not safe in a process with threads. A parent that
# died before the request took effect shows in the parent's id.
LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start a program (by its full path) whose output is appended to a file.

    It is killed when the thread that calls this ends, however that happens (on Linux; elsewhere it
    has to be stopped), so call it from a thread that stays. It has a process group of its own:
    Ctrl-C in a terminal reaches only us, and we stop it in order.
    """
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command]
    with output.open("ab") as file:
        return subprocess.Popen(
            launcher, stdin=subprocess.DEVNULL, stdout=file, stderr=file, process_group=0
        )


def end_all(processes: Sequence[subprocess.Popen[bytes]], grace_s: float) -> None:
    """Ask all of them to end, kill those that did not within the time, and wait for all."""
    for process in processes:
        process.terminate()
    end = time.monotonic() + grace_s
    for process in processes:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

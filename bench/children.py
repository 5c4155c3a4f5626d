"""Runs one measurement in a fresh interpreter, so that memory and caches are its own.

A child starts with the peak memory of the process that started it (Linux keeps it across exec),
so users of this module must stay smaller than what they measure: import no engine here.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Result = dict[str, Any]
KIB = 1024
PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else KIB


class ChildFailed(Exception):
    """A measurement ended with an error, which stands on standard error."""


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of a child: ours without its settings of the product, and with those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("C360_")}
    return kept | dict(settings or {})


def run_child(module: str, *arguments: str, settings: Mapping[str, str] | None = None) -> Result:
    """Run `python -m module arguments`; the last line of its output, a JSON object.

    Blocks until it ends. Its standard error is ours; settings of the environment do not reach it.

    Raises:
        ChildFailed: it exited with a code other than 0, or printed nothing.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment(settings), check=False)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise ChildFailed(f"{module} ended with code {done.returncode}")
    result: Result = json.loads(lines[-1])
    return result


def answer(result: Result) -> None:
    """Hand the result of a child to its parent."""
    print(json.dumps(result))


def progress(text: str) -> None:
    """Report progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def peak_mib() -> float:
    """The most memory this process ever held, in MiB, pages of shared libraries included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * PEAK_UNIT_BYTES / KIB**2, 1)


def cpu_s() -> float:
    """Seconds of processor time of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def machine() -> Result:
    """What the figures were measured on, and how busy it was when they began."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()

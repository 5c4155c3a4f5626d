"""What the kernel says of a process: memory now, processor time so far; and where it may run."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

KIB = 1024
TICKS_PER_S = 100


def resident_mib(pid: int) -> float:
    """The memory that it holds now, pages of shared libraries included."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [one for one in status.splitlines() if one.startswith("VmRSS")]
    return round(int(line.split()[1]) / KIB, 1)


def cpu_s_of(pid: int) -> float:
    """Seconds of processor time so far, user and system, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def pin(pid: int, cpus: Collection[int]) -> None:
    """Keep all threads of a process, and those that they start, on these CPUs (Linux only)."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # threads come and go
            os.sched_setaffinity(int(thread.name), cpus)

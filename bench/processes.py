"""What the kernel says of a process: memory now, processor time so far."""

from __future__ import annotations

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

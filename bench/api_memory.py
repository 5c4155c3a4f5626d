"""Memory of the service: how it grows, and what idle streams of server-sent events take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bench.api_load import Target, request_of
from bench.children import ChildFailed, Result, progress
from bench.processes import cpu_s_of, resident_mib

PATH = "/v1/incidents/stream"
OPEN_TIMEOUT_S = 60
IDLE_S = 20.0
AT_ONCE = 50


def slope_per_minute(samples: Sequence[tuple[float, float]]) -> float:
    """The least-squares growth of (seconds, MiB), in MiB a minute; at least two samples."""
    seconds, sizes = zip(*samples, strict=True)
    mean_s, mean_mib = sum(seconds) / len(seconds), sum(sizes) / len(sizes)
    spread = sum((one - mean_s) ** 2 for one in seconds)
    together = sum((s - mean_s) * (mib - mean_mib) for s, mib in samples)
    return round(float(60 * together / spread), 3)


def stream_memory(
    target: Target, headers: dict[str, str], pid: int, streams: int, idle_s: float = IDLE_S
) -> Result:
    """Open so many streams of incidents and leave them idle: memory and processor time.

    Raises ChildFailed when one is refused.
    """
    progress(f"{streams:,} idle streams …")
    return asyncio.run(_streams(target, headers, pid, streams, idle_s))


async def _streams(
    target: Target, headers: dict[str, str], pid: int, streams: int, idle_s: float
) -> Result:
    before_share = await _cpu_share(pid, idle_s)  # what the loads left is given back meanwhile
    before_mib = resident_mib(pid)
    opened = []
    begun_s = time.monotonic()
    for first in range(0, streams, AT_ONCE):
        count = min(AT_ONCE, streams - first)
        opened += await asyncio.gather(*(_opened(target, headers) for _ in range(count)))
    took_s = time.monotonic() - begun_s
    share = await _cpu_share(pid, idle_s)
    after_mib = resident_mib(pid)
    for writer in opened:
        writer.close()
    return {
        "streams": streams,
        "open_seconds": round(took_s, 1),
        "rss_mib_before": before_mib,
        "rss_mib_after": after_mib,
        "kib_each": round((after_mib - before_mib) * 1024 / streams, 1),
        "cpu_share_before": before_share,
        "cpu_share_idle": share,
    }


async def _cpu_share(pid: int, seconds: float) -> float:
    begun_s, begun_cpu_s = time.monotonic(), cpu_s_of(pid)
    await asyncio.sleep(seconds)
    return round((cpu_s_of(pid) - begun_cpu_s) / (time.monotonic() - begun_s), 3)


async def _opened(target: Target, headers: dict[str, str]) -> asyncio.StreamWriter:
    """A stream, once its first bytes have come."""
    async with asyncio.timeout(OPEN_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(*target)
        writer.write(request_of(target, "GET", PATH, {**headers, "Accept": "text/event-stream"}))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise ChildFailed(f"a stream was refused: {head.partition(chr(13).encode())[0]!r}")
        await reader.readuntil(b"\n\n")
    return writer

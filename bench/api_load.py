"""A closed loop of HTTP requests over a number of connections; in a process of its own.

Every connection sends its next request once the answer to the one before is there. It speaks HTTP
over plain streams: a client library would cost as much as the service that is measured. What it
costs itself is in the result.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from bench.children import Result, answer, cpu_s
from bench.percentiles import percentile

CONNECT_TIMEOUT_S = 30


class Target(NamedTuple):
    """Where the requests go."""

    host: str
    port: int


class Load:
    """The requests, and what became of them."""

    def __init__(self, target: Target, requests: Sequence[bytes], *, again: bool) -> None:
        """`again`: begin anew after the last request; else it ends with it."""
        self._target = target
        self._requests: Iterator[bytes] = cycle(requests) if again else iter(requests)
        self.latencies_s: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.bytes = 0

    async def run(self, connections: int, seconds: float) -> Result:
        """Send for so long; requests, rates and latencies."""
        begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
        await asyncio.gather(*(self._client(begun_s + seconds) for _ in range(connections)))
        took_s = time.perf_counter() - begun_s
        ascending = [one * 1000 for one in sorted(self.latencies_s)]
        count = len(ascending)
        return {
            "requests": count,
            "per_second": round(count / took_s, 1),
            "p50": round(percentile(ascending, 50), 2),
            "p99": round(percentile(ascending, 99), 2),
            "max": round(ascending[-1], 2),
            "statuses": {str(status): found for status, found in sorted(self.statuses.items())},
            "bytes_each": round(self.bytes / count),
            "generator_cpu_us_each": round((cpu_s() - begun_cpu_s) / count * 1e6),
        }

    async def _client(self, until_s: float) -> None:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(*self._target), CONNECT_TIMEOUT_S
        )
        try:
            for request in self._requests:
                begun_s = time.perf_counter()
                if begun_s >= until_s:
                    break
                writer.write(request)
                status, size = await read_answer(reader)
                self.latencies_s.append(time.perf_counter() - begun_s)
                self.statuses[status] += 1
                self.bytes += size
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Status and size of an answer, read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    at = head.lower().find(b"\r\ncontent-length:")
    size = int(head[at + 17 : head.index(b"\r\n", at + 2)]) if at >= 0 else 0
    if size:
        await reader.readexactly(size)
    return status, len(head) + size


def request_of(
    target: Target, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    """The bytes of a request."""
    named = {"Host": f"{target.host}:{target.port}", **headers}
    if body:
        named |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def main() -> None:
    """`python -m bench.api_load FILE`: the load that a JSON file describes, as one line of JSON."""
    asked = json.loads(Path(sys.argv[1]).read_bytes())
    target = Target(asked["host"], asked["port"])
    requests = [
        request_of(target, one["method"], one["path"], asked["headers"] | one.get("headers", {}),
                   one.get("body", "").encode())
        for one in asked["requests"]
    ]  # fmt: skip
    load = Load(target, requests, again=asked["again"])
    answer(asyncio.run(load.run(asked["connections"], asked["seconds"])))


if __name__ == "__main__":
    main()

"""How fast the query API answers beside live ingest, and how that compares with its bare queries.

`c360 up` on a store of so many profiles with some twenty facts each takes a steady stream of events
while closed loops of requests ask it. Right after them, under the same stream, the same process
asks its engine the statements of profiles alone. Afterwards memory is watched under mixed load and
with idle streams. Every figure that counts is a ratio within the run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

from bench.api_load import Target
from bench.api_memory import IDLE_S, slope_per_minute, stream_memory
from bench.arena import answers, bound, c360, wait
from bench.children import ChildFailed, Result, environment, machine, progress, run_child
from bench.live_customers import SECRET, live_address
from bench.processes import cpu_s_of, resident_mib
from devtools.child import end_all
from devtools.ports import HOST, free_port

REPORT_VERSION = 1
PROFILES = 1_000_000
SECONDS = 20.0
CONNECTIONS = 4
RATE = 200
SOAK_S = 600.0
STREAMS = 1_000
HOT = 50
"""Profiles that are asked for again and again; some of them have an event every second."""
HOT_LIVE = 5
BARE_IDS = 300
ADDRESSES = 1_000
SAMPLE_S = 1.0
START_TIMEOUT_S = 300
STOP_S = 60
SCOPES = ("events:write", "profiles:read", "profiles:pii", "incidents:read")
KINDS = {
    "livez": "GET /livez: no key, no store",
    "whoami": "GET /v1/whoami: a key, no store",
    "profile": "profile, read from the store",
    "profile_kept": "profile, kept",
    "profile_304": "profile, If-None-Match",
    "lookup": "lookup by e-mail address",
    "timeline": "timeline, first page",
    "permission": f"permission of {ADDRESSES:,} addresses",
}
BARE = {
    "profile": "the statements of a profile alone",
    "key": "one key of the map",
    "select_1": "SELECT 1",
}
Sent = dict[str, Any]


def measure(
    profiles: int = PROFILES,
    seconds: float = SECONDS,
    connections: int = CONNECTIONS,
    rate: int = RATE,
    soak_s: float = SOAK_S,
    streams: int = STREAMS,
    data_dir: Path | None = None,
    seed: int = 1,
) -> Result:
    """Run the benchmark; the documented JSON report (docs/performance.md).

    `data_dir` keeps the store, so that another run need not fill one.

    Raises:
        ChildFailed: a process ended with an error.
    """
    begun_on = machine()
    with TemporaryDirectory(prefix="c360-bench-") as directory:
        place = Path(directory)
        filled = filled_store(data_dir or place / "data", profiles, seed)
        ids = filled.pop("ids")
        with Service(data_dir or place / "data", place) as service:
            with service.live(rate) as stream:
                stream["service_cpu_share"] = service.cpu_share(seconds)
                run = Run(service, ids, connections, seconds)
                http = {kind: run.load(kind) for kind in KINDS}
                bare = run.bare()
                soak = run.soak(soak_s)
            idle = stream_memory(
                service.target, service.headers, service.pid, streams, min(IDLE_S, 2 * seconds)
            )
        return {
            "version": REPORT_VERSION,
            "benchmark": "api",
            "machine": begun_on,
            "store": filled,
            "connections": connections,
            "stream": stream,
            "http": http,
            "bare": bare,
            "ratios": {
                "p50": _ratio(http["profile"]["p50"], bare["profile"]["p50"]),
                "p99": _ratio(http["profile"]["p99"], bare["profile"]["p99"]),
                "kept_per_second": _ratio(
                    http["profile_kept"]["per_second"], http["profile"]["per_second"]
                ),
                "not_modified_per_second": _ratio(
                    http["profile_304"]["per_second"], http["profile"]["per_second"]
                ),
            },
            "soak": soak,
            "streams": idle,
        }


def _ratio(one: float, other: float) -> float:
    return round(one / other, 2)


def filled_store(data_dir: Path, profiles: int, seed: int) -> Result:
    """What the store holds; it is filled if it is not there."""
    kept = data_dir / "bench-filled.json"
    if not kept.is_file():
        progress(f"a store of {profiles:,} profiles …")
        filled = run_child("bench.api_fill", str(data_dir), str(profiles), str(seed))
        kept.write_text(json.dumps(filled))
    found: Result = json.loads(kept.read_bytes())
    return found


class Service:
    """The running service, with a key for everything; a context manager."""

    def __init__(
        self, data_dir: Path, place: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """`settings`: beside those of every run."""
        self._settings = settings or {}
        self.target = Target(HOST, free_port())
        self.headers: dict[str, str] = {}
        self._data_dir = data_dir
        self._place = place
        self._log = place / "service.log"
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Service:
        settings = {
            "C360_IDENTITY_SECRET": SECRET,
            "C360_API_RATE_PER_S": "100000",
            "C360_API_STREAMS_PER_KEY_MAX": str(STREAMS),
            "C360_HTTP_CONNECTIONS_MAX": str(2 * STREAMS),
            "C360_LOG_LEVEL": "error",
            **self._settings,
        }
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        where = ("--data-dir", str(self._data_dir))
        made = c360(
            *where, "keys", "create", "--name", "bench", *scopes, "--json", settings=settings
        )
        self.headers = {"Authorization": f"Bearer {json.loads(made)['key']}"}
        with self._log.open("wb") as log:
            module = (sys.executable, "-m", "bench.api_service")
            self._process = subprocess.Popen(
                [*bound(), *module, str(self._data_dir), str(self.target.port)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(settings),
            )
        self._stack.callback(end_all, [self._process], STOP_S)
        wait(
            lambda: answers(f"{self.url}/livez"),
            "the service",
            [self._process],
            self._log,
            START_TIMEOUT_S,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.target.host}:{self.target.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def cpu_share(self, seconds: float) -> float:
        """What of a CPU it uses for so long from now."""
        begun_s, begun_cpu_s = time.monotonic(), cpu_s_of(self.pid)
        time.sleep(seconds)
        return round((cpu_s_of(self.pid) - begun_cpu_s) / (time.monotonic() - begun_s), 2)

    def bare(self, asked: Result) -> Result:
        """Have the service ask its engine (bench/api_service.py)."""
        to = cast(IO[bytes], self._process.stdin)
        to.write(json.dumps(asked).encode() + b"\n")
        to.flush()
        told = cast(IO[bytes], self._process.stdout).readline()
        if not told:
            raise ChildFailed(f"the service ended\n{self._log.read_text('utf-8', 'replace')}")
        found: Result = json.loads(told)
        return found

    def get(self, path: str) -> tuple[bytes, str]:
        """Body and ETag of an answer."""
        request = urllib.request.Request(f"{self.url}{path}")
        for name, value in self.headers.items():
            request.add_header(name, value)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read(), answer.headers.get("ETag", "")

    def load(
        self, requests: Sequence[Sent], connections: int, seconds: float, *, again: bool
    ) -> Result:
        """A closed loop of requests (bench/api_load.py), and what of a CPU the service used."""
        asked = {"requests": requests, "connections": connections, "seconds": seconds}
        begun_s, begun_cpu_s = time.monotonic(), cpu_s_of(self.pid)
        found = self._child("bench.api_load", {**asked, "again": again})
        cpu_s = cpu_s_of(self.pid) - begun_cpu_s
        return {
            **found,
            "service_cpu_us_each": round(cpu_s / found["requests"] * 1e6, 1),
            "service_cpu_share": round(cpu_s / (time.monotonic() - begun_s), 2),
            "service_rss_mib": resident_mib(self.pid),
        }

    @contextmanager
    def live(self, rate: int) -> Iterator[Result]:
        """The stream of events; what it came to is there at the end."""
        file = self.described("bench.api_sender", {"rate": rate})
        sender = subprocess.Popen(
            [*bound(), sys.executable, "-m", "bench.api_sender", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        self._stack.callback(end_all, [sender], STOP_S)
        told: Result = {"rate": rate}
        yield told
        out, _ = sender.communicate(timeout=STOP_S)
        told |= json.loads(out)

    def _child(self, module: str, asked: Result) -> Result:
        return run_child(module, str(self.described(module, asked)))

    def described(self, module: str, asked: Result) -> Path:
        """A file that tells a process where and what to send."""
        file = self._place / f"{module}.json"
        file.write_text(json.dumps({**self.target._asdict(), "headers": self.headers, **asked}))
        return file


class Run:
    """The loads of one run. No id that is read from the store is asked for twice."""

    def __init__(
        self, service: Service, ids: Sequence[str], connections: int, seconds: float
    ) -> None:
        self._service = service
        self._ids = iter(ids)
        self._connections = connections
        self._seconds = seconds
        self._built: dict[str, list[Sent]] = {}
        self._hot = self._fresh(HOT - HOT_LIVE) + self._live_ids()

    def load(self, kind: str) -> Result:
        """One kind of requests; those for what is kept are asked once before."""
        progress(f"{KINDS[kind]} …")
        requests = self._built[kind] = self._requests(kind)
        if kind == "profile_kept":
            for one in requests:
                self._service.get(one["path"])
        again = kind not in ("profile", "timeline")
        return self._service.load(requests, self._connections, self._seconds, again=again)

    def bare(self) -> Result:
        """The bare statements."""
        progress("bare statements …")
        ids = self._fresh(BARE_IDS)
        how = {"connections": self._connections, "seconds": self._seconds}
        return self._service.bare({"ids": ids, **how})

    def soak(self, seconds: float) -> Result:
        """Memory of the service under everything at once, and how it grows by the minute."""
        progress(f"mixed load for {seconds:.0f} s …")
        mixed: list[Sent] = []
        parts = [self._built[kind] for kind in ("profile_kept", "lookup", "profile_304")]
        for number in range(HOT):
            mixed += [part[number % len(part)] for part in parts]
            mixed.append({"method": "GET", "path": f"/v1/profiles/{next(self._ids)}"})
        samples: list[tuple[float, float]] = []
        begun_s = time.monotonic()
        with ExitStack() as stack:
            file = self._service.described(
                "bench.api_load",
                {"requests": mixed, "connections": 2, "seconds": seconds, "again": True},
            )
            load = subprocess.Popen(
                [*bound(), sys.executable, "-m", "bench.api_load", str(file)],
                stdout=subprocess.PIPE, env=environment(),
            )  # fmt: skip
            stack.callback(end_all, [load], STOP_S)
            while load.poll() is None:
                samples.append((time.monotonic() - begun_s, resident_mib(self._service.pid)))
                time.sleep(SAMPLE_S)
            out = cast(IO[bytes], load.stdout).read()
        if load.returncode:
            raise ChildFailed(f"the mixed load ended with {load.returncode}")
        later = samples[len(samples) // 2 :]
        return {
            **json.loads(out),
            "seconds": seconds,
            "rss_mib_first": samples[0][1],
            "rss_mib_last": samples[-1][1],
            "rss_mib_max": max(size for _, size in samples),
            "mib_per_minute": slope_per_minute(samples),
            "mib_per_minute_second_half": slope_per_minute(later),
        }

    def _fresh(self, count: int) -> list[str]:
        found = [one for one, _ in zip(self._ids, range(count), strict=False)]
        if len(found) < count:
            raise ChildFailed("the store has too few profiles for so long a run")
        return found

    def _live_ids(self) -> list[str]:
        """Profiles of the customers of the stream that have an event every second."""
        found = []
        for number in range(HOT_LIVE):
            [sent] = self._lookups(range(number, number + 1))
            request = urllib.request.Request(
                f"{self._service.url}{sent['path']}",
                sent["body"].encode(),
                {**self._service.headers, "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                found.append(str(json.load(answer)["profile_id"]))
        return found

    def _lookups(self, numbers: Sequence[int]) -> list[Sent]:
        return [
            {
                "method": "POST",
                "path": "/v1/profiles/lookup",
                "body": json.dumps(
                    {"identifiers": [{"type": "email", "value": live_address(number)}]}
                ),
            }
            for number in numbers
        ]

    def _requests(self, kind: str) -> list[Sent]:
        if kind == "livez":
            return [{"method": "GET", "path": "/livez"}]
        if kind == "whoami":
            return [{"method": "GET", "path": "/v1/whoami"}]
        if kind == "profile_kept":
            return [{"method": "GET", "path": f"/v1/profiles/{one}"} for one in self._hot]
        if kind == "profile_304":
            return [
                {"method": "GET", "path": (path := f"/v1/profiles/{one}"),
                 "headers": {"If-None-Match": self._service.get(path)[1]}}
                for one in self._hot
            ]  # fmt: skip
        if kind == "lookup":
            return self._lookups(range(1_000))
        if kind == "permission":
            return [self._permission(first) for first in (0, 500, 1_000)]
        count = round(self._seconds * 100)  # more than it can answer
        path = "/v1/profiles/{}" if kind == "profile" else "/v1/profiles/{}/timeline"
        return [{"method": "GET", "path": path.format(one)} for one in self._fresh(count)]

    def _permission(self, first: int) -> Sent:
        addresses = [
            {"type": "email", "value": live_address(number)}
            for number in range(first, first + ADDRESSES)
        ]
        body = {"channel": "email", "purpose": "marketing", "addresses": addresses}
        return {"method": "POST", "path": "/v1/contact-permission", "body": json.dumps(body)}


def tell(report: Result) -> str:
    """The report for people."""
    store, stream, ratios = report["store"], report["stream"], report["ratios"]
    soak, streams = report["soak"], report["streams"]
    lines = [
        f"Query API: {store['profiles']:,} profiles, {store['facts']:,} facts "
        f"({store['disk_mib']:,} MiB, filled in {store['fill_seconds']:.0f} s); "
        f"{report['connections']} connections beside {stream['events_per_second']:.0f} events/s, "
        f"which take {stream['service_cpu_share']} of a CPU",
        f"  {'ms':<34}{'a second':>10}{'p50':>9}{'p99':>9}{'CPU':>6}",
    ]
    for kind, what in KINDS.items():
        one = report["http"][kind]
        lines.append(_row(what, one) + f"{one['service_cpu_share']:>6.2f}")
    lines += [_row(what, report["bare"][kind]) for kind, what in BARE.items()]
    lines += [
        f"  a profile over HTTP : its statements alone: p50 x {ratios['p50']}, "
        f"p99 x {ratios['p99']}",
        f"  kept : read x {ratios['kept_per_second']}, 304 : read "
        f"x {ratios['not_modified_per_second']}",
        f"  memory under mixed load for {soak['seconds']:.0f} s: {soak['rss_mib_first']:.0f} to "
        f"{soak['rss_mib_last']:.0f} MiB, {soak['mib_per_minute']:+.1f} MiB a minute "
        f"({soak['mib_per_minute_second_half']:+.1f} in the second half)",
        f"  {streams['streams']:,} idle streams: {streams['kib_each']:.0f} KiB each, "
        f"{streams['cpu_share_idle']:.3f} of a CPU",
    ]
    return "\n".join(lines)


def _row(what: str, one: Result) -> str:
    return f"  {what:<34}{one['per_second']:>10,.1f}{one['p50']:>9.2f}{one['p99']:>9.2f}"

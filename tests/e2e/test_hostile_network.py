"""Strangers at `c360 up`: whatever they hold or send, the others are served and nothing is lost.

Raw sockets against a real process. Every loop is bounded, every wait has a deadline.
"""

from __future__ import annotations

import gzip
import json
import math
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from tests.chaos.small_disk import SmallDisk
from tests.e2e.runs import API_KEY, c360_json, wait_for
from tests.e2e.test_bad_input import _needs_mounts
from tests.e2e.up import PUBLIC_KEY, Running, running
from tests.events import event, identifier
from tests.tiers import LONG

CONNECTIONS_MAX = 60
DEADLINE_S = 60.0
MIB = 1024 * 1024
SHORT = {
    "C360_HTTP_CONNECTIONS_MAX": str(CONNECTIONS_MAX),
    "C360_HTTP_HEAD_S": "2",
    "C360_HTTP_BODY_S": "4",
    "C360_REQUEST_BYTES_IN_FLIGHT_MAX": str(16 * MIB),
}


class Stranger:
    """A connection without a client library."""

    def __init__(self, up: Running) -> None:
        url = up.client.base_url
        self._socket = socket.create_connection((url.host, url.port or 80), timeout=DEADLINE_S)

    def send(self, data: bytes) -> bool:
        """Whether the connection is still open."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def post(self, length: int, key: str = PUBLIC_KEY) -> bool:
        """The head of a request with that many bytes to come."""
        return self.send(
            f"POST /v1/touchpoints HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )

    def rest(self) -> bytes:
        """Everything until the service closes the connection."""
        got = b""
        with suppress(ConnectionError):
            while part := self._socket.recv(65_536):
                got += part
        return got

    def answer(self) -> bytes:
        """What comes first."""
        with suppress(ConnectionError):
            return self._socket.recv(65_536)
        return b""

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A `c360 up` with short deadlines and 256 files."""
    with running(tmp_path_factory.mktemp("up") / "data", (), 256, **SHORT) as started:
        yield started
        assert started.process.poll() is None, "it has ended"
        started.client.close()


@pytest.fixture
def strangers(up: Running) -> Iterator[Callable[[], Stranger]]:
    """Makes connections that are closed at the end; then the service must be as before."""
    with ExitStack() as open_ones:

        def connect() -> Stranger:
            made = Stranger(up)
            open_ones.callback(made.close)
            return made

        yield connect
    wait_for(lambda: connections(up) <= 3)
    assert metric(up, "c360_intake_bytes_in_flight") == 0
    assert_serves(up)


def connections(up: Running) -> float:
    """Open connections; while the table is full, the one that asks may be closed itself."""
    try:
        return metric(up, "c360_http_connections")
    except httpx.TransportError:
        return math.inf


def metric(up: Running, name: str) -> float:
    """Sum over the labels of a metric; 0 while there is none."""
    lines = up.client.get("/metrics").text.splitlines()
    return sum(float(one.split()[-1]) for one in lines if one.split("{")[0].split(" ")[0] == name)


def memory_mib(up: Running) -> float:
    """Resident memory of the service."""
    pages = int(Path(f"/proc/{up.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def files(up: Running) -> int:
    """Open files of the service."""
    return len(list(Path(f"/proc/{up.process.pid}/fd").iterdir()))


def assert_serves(up: Running) -> None:
    """A new client is answered on every route, and its event is durable."""
    with httpx.Client(base_url=up.client.base_url, timeout=DEADLINE_S, trust_env=False) as client:
        assert client.get("/livez").text == "ok"
        answer = client.post(
            "/v1/touchpoints", json={"batch": [event()]}, headers={"X-Api-Key": API_KEY}
        )
        assert [one["status"] for one in answer.json()["results"]] == ["accepted"]


def test_idle_connections(up: Running, strangers: Callable[[], Stranger]) -> None:
    """Many times the connections and files there are for: everybody else is served meanwhile."""
    before = files(up)
    for number in range(600):
        strangers()
        if number % 100 == 99:
            assert_serves(up)
    assert files(up) <= before + CONNECTIONS_MAX + 20
    assert metric(up, "c360_http_connections_closed_total") > 0


def test_slow_heads(up: Running, strangers: Callable[[], Stranger]) -> None:
    """A head that never ends is answered with 408, however regularly another byte comes."""
    slow = [strangers() for _ in range(20)]
    for one in slow:
        one.send(b"GET /livez HTTP/1.1\r\nX-Slow: ")
    wait_for(lambda: not [one for one in slow if one.send(b"x")])
    assert_serves(up)
    last = strangers()
    last.send(b"POST /v1/touchpoints HTTP/1.1\r\n")
    assert b" 408 " in last.rest()


def test_slow_second_head(strangers: Callable[[], Stranger]) -> None:
    """An answered request does not buy time for the next one."""
    one = strangers()
    one.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in one.answer()
    one.send(b"GET /livez HTTP/1.1\r\n")
    assert b" 408 " in one.rest()


def test_slow_bodies(up: Running, strangers: Callable[[], Stranger]) -> None:
    """A body that never ends is answered with 408, and what it held is given back."""
    slow = [strangers() for _ in range(20)]
    for one in slow:
        assert one.post(1_000_000)
    wait_for(lambda: not [one for one in slow if one.send(b" ")])
    last = strangers()
    last.post(1_000_000)
    last.send(b'{"batch":')
    assert b" 408 " in last.rest()
    assert_serves(up)


def test_half_sent_bodies(up: Running, strangers: Callable[[], Stranger]) -> None:
    """With a public key no more than half of the memory for bodies can be held: the others of them
    get 503, a server none."""
    before = memory_mib(up)
    for _ in range(40):
        one = strangers()
        one.post(4_000_000)
        one.send(b'{"batch":[' + b" " * 3_000_000)
        assert metric(up, "c360_intake_bytes_in_flight") <= 8 * MIB
    assert_serves(up)
    one = strangers()
    one.post(4_000_000)
    one.send(b" " * 3_900_000)
    answer = one.answer()
    assert b" 503 " in answer
    assert b"retry-after: " in answer.lower()
    assert memory_mib(up) < before + 120


def test_without_a_key_no_body_is_read(strangers: Callable[[], Stranger]) -> None:
    """The key is checked first; what still comes is dropped, and not for long."""
    one = strangers()
    one.post(4_000_000, key="no-key-at-all")
    answer = one.answer()
    assert b" 401 " in answer
    wait_for(lambda: not one.send(b" " * 1_000))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 17_000 + b"\r\n\r\n", b" 431 "),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 300_000, b" 431 "),
        (b"GET /livez?" + b"q" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b" 431 "),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", b" 431 "),
        (b"GET / HTTP/1.1\r\n" + b"X-Api-Key: k\r\n" * 500 + b"Host: x\r\n\r\n", b" 404 "),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), b" 400 "),
        (b"GET  HTTP/1.1\r\n\r\n\r\n", b" 400 "),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b" 400 "),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n", b" 400 "),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", b" 400 "),
        (
            b"POST /v1/touchpoints HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
            b" 400 ",  # which of the two lengths counts decides where the next request begins
        ),
        (
            b"GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n"
            b"Content-Length: 0\r\n\r\n0\r\n\r\n",
            b" 400 ",
        ),
        (b"GET /%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 404 "),
    ],
)
def test_bad_heads(strangers: Callable[[], Stranger], sent: bytes, status: bytes) -> None:
    """Each is answered with a problem document that says what is wrong."""
    one = strangers()
    one.send(sent)
    answer = one.answer()
    assert status in answer.split(b"\r\n")[0]
    assert b"application/problem+json" in answer.lower()


@pytest.mark.parametrize(
    "chunks",
    [b"zzz\r\n{}\r\n", b"-5\r\n{}\r\n", b"5\r\n{}", b"f" * 30 + b"\r\n", b"5;" + b"x" * 20_000],
)
def test_bad_chunks(strangers: Callable[[], Stranger], chunks: bytes) -> None:
    """A body whose chunks do not add up ends its own connection only."""
    one = strangers()
    one.send(
        b"POST /v1/touchpoints HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + PUBLIC_KEY.encode()
        + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    )  # fmt: skip
    answer = one.answer()
    assert not answer or answer.split(b" ")[1][:1] == b"4"


def test_tiny_chunks(strangers: Callable[[], Stranger]) -> None:
    """A body of one-byte chunks is a body like any other."""
    one, body = strangers(), json.dumps({"batch": [event()]}).encode()
    one.send(
        b"POST /v1/touchpoints HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + API_KEY.encode()
        + b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    )  # fmt: skip
    assert b"accepted" in one.rest()


def test_announced_too_large(strangers: Callable[[], Stranger]) -> None:
    """What announces too much is refused before any of it is sent."""
    one = strangers()
    one.post(5 * MIB)
    assert b" 413 " in one.answer()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_compressed_bodies(up: Running, encoding: str) -> None:
    """Nothing is unpacked, so nothing can blow up: 415 says what to send instead."""
    headers = {"X-Api-Key": PUBLIC_KEY, "Content-Encoding": encoding}
    bomb = gzip.compress(bytes(20 * MIB))
    answer = up.client.post("/v1/touchpoints", content=bomb, headers=headers)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize(
    ("encodings", "status"),
    [(["IDENTITY"], 200), ([""], 200), (["identity, gzip"], 415), (["identity", "gzip"], 415)],
)
def test_no_encoding_in_other_words(up: Running, encodings: list[str], status: int) -> None:
    """Names of encodings have no letter case, and several headers are one list."""
    headers = [("X-Api-Key", API_KEY), *(("Content-Encoding", one) for one in encodings)]
    body = json.dumps({"batch": [event()]})
    assert up.client.post("/v1/touchpoints", content=body, headers=headers).status_code == status


def test_probes_that_ask_for_the_head(strangers: Callable[[], Stranger]) -> None:
    """Load balancers probe with HEAD: the answer of GET without its body, and the connection goes
    on."""
    one = strangers()
    for path in (b"/livez", b"/readyz", b"/metrics", b"/openapi.json"):
        one.send(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    one.send(b"HEAD /v1/touchpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answers = one.rest()
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 4 + [b"405"]
    assert b"\r\n\r\nHTTP/1.1" in answers
    assert answers.endswith(b"\r\n\r\n")


def test_pipelined_requests(strangers: Callable[[], Stranger]) -> None:
    """Requests in a row are answered one after the other, in order."""
    one = strangers()
    one.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
    one.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert one.rest().count(b"HTTP/1.1 200 ") == 201


def test_answers_nobody_reads(up: Running, strangers: Callable[[], Stranger]) -> None:
    """Whoever asks without end and reads nothing is not read from either."""
    before = memory_mib(up)
    ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100
    for _ in range(10):
        one = strangers()
        one._socket.settimeout(0.2)
        for _ in range(100):
            if not one.send(ask):
                break
    assert_serves(up)
    assert memory_mib(up) < before + 60


@pytest.mark.parametrize(
    "events",
    [
        b"[" * 3_000_000,
        b'{"a":[' + b"[]," * 1_000_000 + b"[]]}",
        b'{"a":' + b'{"a":' * 500_000 + b"1" + b"}" * 500_001,
        b"{}," * 1_000_000 + b"{}",
        b'"' + b'\\"' * 1_500_000,
        b'nan,{"a":[' + b'"",' * 1_000_000 + b'""]}',
        b"9" * 3_000_000,
        b'{"a":{' + b",".join(b'"k%d":0' % number for number in range(200_000)) + b"}}",
    ],
)
def test_bodies_made_to_be_slow(up: Running, events: bytes) -> None:
    """Whatever is nested, repeated or quoted: an answer, without much memory."""
    before = memory_mib(up)
    answer = up.client.post(
        "/v1/touchpoints",
        content=b'{"batch":[' + events + b"]}",
        headers={"X-Api-Key": PUBLIC_KEY},
        timeout=DEADLINE_S,
    )
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or answer.json()["results"][-1]["status"] == "rejected"
    assert memory_mib(up) < before + 300
    assert_serves(up)


def test_many_keys(up: Running) -> None:
    """Wrong keys are refused, whatever they look like, and none stands for a right one."""
    for key in ("", "x" * 10_000, API_KEY[:-1], API_KEY + "x", API_KEY.upper(), "ü" * 20):
        answer = up.client.post(
            "/v1/touchpoints", content=b"{}", headers={b"X-Api-Key": key.encode()}
        )
        assert answer.status_code == 401


def test_out_of_files(tmp_path: Path) -> None:
    """Without a free descriptor: 503 with the right words; with some again it goes on by itself,
    and what was accepted is there."""
    with running(tmp_path / "data") as up:
        assert up.post(event(event_id="before")).status_code == 200
        held = len(list(Path(f"/proc/{up.process.pid}/fd").iterdir()))
        before = resource.prlimit(up.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(up.process.pid, resource.RLIMIT_NOFILE, (held, before[1]))
        answer = up.post(event(event_id="during"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "out of files" in answer.json()["detail"]
        assert "space" not in answer.json()["detail"]
        assert up.client.get("/readyz").status_code == 503
        assert up.client.get("/livez").status_code == 200
        resource.prlimit(up.process.pid, resource.RLIMIT_NOFILE, before)
        wait_for(lambda: up.post(event(event_id="after")).status_code == 200)
        assert up.client.get("/readyz").status_code == 200
        assert up.stop() == 0
    assert stored(tmp_path / "data") >= {"before", "after"}


@LONG
def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """503 with the right words while no file may be written, although nobody reads the log either;
    then it goes on by itself."""
    with running(tmp_path / "data") as up:
        assert up.process.stderr is not None
        up.process.stderr.close()
        before = resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
        answers = [up.post(event(event_id=f"during-{number}")) for number in range(3)]
        assert {one.status_code for one in answers} == {503}
        assert "ulimit -f" in answers[-1].json()["detail"]
        assert up.client.get("/readyz").status_code == 503
        assert up.client.get("/livez").status_code == 200
        resource.prlimit(up.process.pid, resource.RLIMIT_FSIZE, before)
        wait_for(lambda: up.post(event(event_id="after")).status_code == 200)
        up.client.close()
        up.process.terminate()
        assert up.process.wait(60) == 0
    assert "after" in stored(tmp_path / "data")


def test_full_disk(tmp_path: Path) -> None:
    """Without room: 503 with the right words, as long as it takes; then it goes on by itself."""
    _needs_mounts()
    cookie = identifier("cookie", "c-1")
    with SmallDisk(tmp_path / "disk", 60) as disk:
        data_dir = disk.path / "data"
        with running(data_dir, launcher=disk.launcher) as up:
            assert up.post(event(identifiers=[cookie])).status_code == 200
            disk.fill()
            answers = [up.post(event(identifiers=[cookie])) for _ in range(3)]
            assert {one.status_code for one in answers} == {503}
            assert all("Free some space" in one.json()["detail"] for one in answers)
            assert all(int(one.headers["retry-after"]) > 0 for one in answers)
            disk.free()
            wait_for(lambda: up.post(event(identifiers=[cookie])).status_code == 200)
            again = up.post(event(event_id="last", identifiers=[cookie])).json()["results"]
            assert again[0]["status"] == "accepted"
            up.client.close()


def stored(data_dir: Path) -> set[str]:
    """Ids of the events of the anonymous profile that the tests write to."""
    shown = c360_json(data_dir, "profile", "timeline", "--json", "--identifier", "cookie=c-1")
    return {one["event_id"] for one in shown["entries"]}

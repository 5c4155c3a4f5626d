"""TLS: real handshakes, certificates that do not fit, and senders who never finish one."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.runs import API_KEY, c360, wait_for
from tests.e2e.up import Running, running
from tests.events import event

WRONG_CONFIGURATION = 78
HEAD_S = 2
CONNECTIONS_MAX = 8


class Pair(NamedTuple):
    """A certificate and its key."""

    cert: Path
    key: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that name them."""
        return {"C360_HTTP_TLS_CERT_FILE": str(self.cert), "C360_HTTP_TLS_KEY_FILE": str(self.key)}

    def trusting(self) -> ssl.SSLContext:
        """A client that trusts nobody else."""
        return ssl.create_default_context(cafile=str(self.cert))


def make_pair(directory: Path, name: str, *more: str) -> Pair:
    """A certificate for loopback, signed by itself."""
    pair = Pair(directory / f"{name}.pem", directory / f"{name}.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-out", str(pair.cert), "-keyout", str(pair.key), *(more or ("-nodes",))],
        check=True, capture_output=True,
    )  # fmt: skip
    return pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The server's certificate."""
    return make_pair(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def secured(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A `c360 up` that speaks TLS."""
    data_dir = tmp_path_factory.mktemp("up") / "data"
    limits: dict[str, Any] = {
        "C360_HTTP_HEAD_S": str(HEAD_S),
        "C360_HTTP_CONNECTIONS_MAX": str(CONNECTIONS_MAX),
    }
    with running(data_dir, (), None, **pair.settings, **limits) as up:
        yield up


def address_of(up: Running) -> tuple[str, int]:
    """Where it listens."""
    return "127.0.0.1", up.client.base_url.port or 0


def test_events_over_tls(secured: Running) -> None:
    """A client that trusts the certificate sends and is answered; HSTS is set."""
    answer = secured.post(event())
    assert answer.json()["results"][0]["status"] == "accepted"
    assert "max-age" in answer.headers["strict-transport-security"]


def test_commands_of_this_machine_trust_their_own_service(secured: Running) -> None:
    """Whoever issued the certificate: the data directory says which one it is."""
    secured.post(event(event_id="over-tls"))
    listed = c360(secured.data_dir, "events", "list", "--json").stdout
    assert "over-tls" in listed


def test_others_are_not_trusted(secured: Running) -> None:
    """A client that does not know the certificate does not send its key."""
    stranger = ssl.create_default_context()
    with (
        socket.create_connection(address_of(secured)) as wire,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        stranger.wrap_socket(wire, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    ("version", "is_spoken"), [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]
)
def test_versions(secured: Running, version: str, is_spoken: bool) -> None:
    """TLS 1.2 and newer, nothing older, whatever a client would put up with."""
    host, port = address_of(secured)
    asked = ["openssl", "s_client", "-connect", f"{host}:{port}", version]
    weak = ["-cipher", "DEFAULT@SECLEVEL=0"] if not is_spoken else []
    done = subprocess.run([*asked, *weak], input=b"", capture_output=True, check=False)
    assert (done.returncode == 0) is is_spoken, done.stderr


def test_handshakes_that_never_end(secured: Running, pair: Pair) -> None:
    """Those who say nothing, or half of it, or no TLS at all, are closed within the time of a head;
    however many there are, others are served."""
    held = [socket.create_connection(address_of(secured)) for _ in range(3 * CONNECTIONS_MAX)]
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(40)
    try:
        for number, wire in enumerate(held[-3:]):
            wire.sendall((hello, b"GET / HTTP/1.1\r\n\r\n", b"\x16")[number])
        begun = time.monotonic()
        live = httpx.get(
            f"{secured.client.base_url}/livez", verify=pair.trusting(), trust_env=False
        )
        assert live.status_code == 200
        assert time.monotonic() - begun < HEAD_S
        wait_for(lambda: all(map(_is_closed, held)))
    finally:
        for wire in held:
            wire.close()


def test_a_head_that_never_ends(secured: Running, pair: Pair) -> None:
    """After the handshake a request has its deadlines as without TLS, and an answer says so."""
    with socket.create_connection(address_of(secured)) as wire:
        wire.settimeout(10 * HEAD_S)
        with pair.trusting().wrap_socket(wire, server_hostname="127.0.0.1") as spoken:
            spoken.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
            assert spoken.recv(64).startswith(b"HTTP/1.1 408")


def test_a_request_that_comes_with_the_handshake(secured: Running, pair: Pair) -> None:
    """A client may send its request in the flight that ends the handshake: nothing is lost."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    shaking = pair.trusting().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(address_of(secured)) as wire:
        wire.settimeout(20)
        while True:
            try:
                shaking.do_handshake()
                break
            except ssl.SSLWantReadError:
                wire.sendall(outgoing.read())
                incoming.write(wire.recv(65_536))
        shaking.write(request)
        wire.sendall(outgoing.read())  # the end of the handshake, and the request
        answer = b""
        while not answer.endswith(b"ok"):
            with suppress(ssl.SSLWantReadError):
                answer += shaking.read(65_536)
                continue
            part = wire.recv(65_536)
            assert part, answer
            incoming.write(part)


def _is_closed(wire: socket.socket) -> bool:
    wire.settimeout(0.01)
    try:
        return wire.recv(1_000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    ("change", "says"),
    [
        # one of both
        ({"C360_HTTP_TLS_KEY_FILE": ""}, "C360_HTTP_TLS_KEY_FILE is not set"),
        ({"C360_HTTP_TLS_CERT_FILE": ""}, "C360_HTTP_TLS_CERT_FILE is not set"),
        # no such file
        ({"C360_HTTP_TLS_KEY_FILE": "/nowhere"}, "/nowhere cannot be read"),
        # the key of another one
        ({"C360_HTTP_TLS_KEY_FILE": "other.key"}, "is not the key of the certificate"),
        # a key with a password
        ({"C360_HTTP_TLS_KEY_FILE": "locked.key"}, "the key is encrypted"),
        # no certificate
        ({"C360_HTTP_TLS_CERT_FILE": "text.pem"}, "hold no certificate and key in PEM"),
    ],
)
def test_wrong_files_stop_the_start(
    pair: Pair, tmp_path: Path, change: dict[str, str], says: str
) -> None:
    """With the settings' names, before anything is opened."""
    make_pair(tmp_path, "other")
    make_pair(tmp_path, "locked", "-passout", "pass:secret")
    (tmp_path / "text.pem").write_text("no certificate")
    named = {name: str(tmp_path / file) if file and "/" not in file else file
             for name, file in change.items()}  # fmt: skip
    settings: dict[str, Any] = pair.settings | named
    done = c360(tmp_path / "data", "up", code=WRONG_CONFIGURATION, **settings)
    assert says in done.stderr
    assert API_KEY not in done.stderr

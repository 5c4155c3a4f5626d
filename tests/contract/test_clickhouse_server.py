"""A server as every command and worker meets it: how we log in, what its errors mean, what breaks.

Faults are ordered from the development endpoint, which answers as a server does.
"""

from __future__ import annotations

import re
import select
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from opentelemetry.sdk.trace import TracerProvider

from services.api.server import prepare_server
from services.runtime import tracing
from services.runtime.errors import C360Error, ConfigurationError, Fatal, Retry
from services.runtime.otel_spans import OtelSpans
from services.runtime.settings import Settings, load_settings
from services.store.database import Database, open_server
from services.store.errors import SERVER_ADVICE, Unstorable
from tests.clickhouse_endpoint import ClickHouseEndpoint

PASSWORD = "store-tests-password"
PROPERTY = ("name", "value", "version")
CARRIED = re.compile(rb"traceparent: 00-(\w+)-(\w+)-", re.IGNORECASE)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseEndpoint]:
    """An endpoint whose faults nobody else sees."""
    made = ClickHouseEndpoint(tmp_path_factory.mktemp("faults") / "data", password=PASSWORD).start()
    prepare_server(settings_of(made))
    yield made
    made.stop()


def settings_of(endpoint: ClickHouseEndpoint, **others: object) -> Settings:
    given = {"clickhouse_url": endpoint.url, "clickhouse_password": PASSWORD, **others}
    return load_settings(None, **given)


@pytest.fixture
def store(endpoint: ClickHouseEndpoint) -> Iterator[Database]:
    """A connection to it; no fault is left over."""
    with closing(open_server(settings_of(endpoint))) as opened:
        opened.command("TRUNCATE TABLE properties")
        yield opened
    endpoint.heal()


class Relay(socketserver.BaseRequestHandler):
    """Hands bytes on to the endpoint and back, and keeps what clients send."""

    target: tuple[str, int]
    heard: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        """One connection."""
        with socket.create_connection(self.target) as server:
            ends = {self.request: server, server: self.request}
            while True:
                for one in select.select(list(ends), [], [])[0]:
                    if not (data := one.recv(65_536)):
                        return
                    if one is self.request:
                        self.heard.append(data)
                    ends[one].sendall(data)


def test_a_server_hears_of_the_span_of_each_statement(endpoint: ClickHouseEndpoint) -> None:
    """While a request is recorded, and of no other; so its own spans join the trace."""
    Relay.target = ("127.0.0.1", int(endpoint.url.rpartition(":")[2]))
    relay = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)
    thread = threading.Thread(target=relay.serve_forever, args=(0.05,))
    thread.start()
    url = f"http://127.0.0.1:{relay.server_address[1]}"
    tracing.switch(OtelSpans(TracerProvider(shutdown_on_exit=False)))
    try:
        with closing(open_server(settings_of(endpoint, clickhouse_url=url))) as store:
            store.insert_rows("properties", PROPERTY, [("a", "b", 1)])
            assert CARRIED.findall(b"".join(Relay.heard)) == []
            with tracing.request("GET", None):
                trace_id = tracing.trace_id()
                store.insert_rows("properties", PROPERTY, [("a", "c", 2)])
                store.ping()
                store.records("SELECT * FROM properties")
                store.command("TRUNCATE TABLE properties")
    finally:
        tracing.switch(None)
        relay.shutdown()
        relay.server_close()
        thread.join()
    carried = CARRIED.findall(b"".join(Relay.heard))
    assert [trace.decode() for trace, _ in carried] == [trace_id] * 4
    assert len({span for _, span in carried}) == 4


@pytest.mark.parametrize("code", sorted(SERVER_ADVICE))
def test_what_may_pass_is_tried_again(
    store: Database, endpoint: ClickHouseEndpoint, code: int
) -> None:
    """Each code of a server in trouble: a Retry that says which server, and where to look."""
    endpoint.fault(code=code, match="properties", count=0)
    with pytest.raises(Retry) as caught:
        store.rows("SELECT * FROM properties")
    assert endpoint.url in str(caught.value)
    assert SERVER_ADVICE[code] in str(caught.value)
    endpoint.heal()
    assert store.rows("SELECT * FROM properties") == []


@pytest.mark.parametrize(
    ("code", "family", "words"),
    [
        (60, ConfigurationError, "c360 migrate"),
        (81, ConfigurationError, "c360 migrate"),
        (497, ConfigurationError, "grants"),
        (516, ConfigurationError, "C360_CLICKHOUSE_PASSWORD"),
        (701, ConfigurationError, "C360_CLICKHOUSE_CLUSTER"),
        (407, Unstorable, "does not fit its column"),
        (62, Fatal, "refused a statement"),
    ],
)
def test_what_stays_wrong_is_not(
    store: Database, endpoint: ClickHouseEndpoint, code: int, family: type[C360Error], words: str
) -> None:
    """A permanent error says what to set."""
    endpoint.fault(code=code, match="properties")
    with pytest.raises(family, match=words) as caught:
        store.rows("SELECT * FROM properties")
    assert type(caught.value) is family


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_that_answers_for_the_server(
    store: Database, endpoint: ClickHouseEndpoint, status: int
) -> None:
    """Load balancers answer so while the server restarts."""
    endpoint.fault(status=status, match="properties", count=0)
    with pytest.raises(Retry, match=f"{endpoint.url} answers HTTP {status}"):
        store.rows("SELECT * FROM properties")


def test_what_is_no_clickhouse_server(endpoint: ClickHouseEndpoint) -> None:
    """Any other web server: the address is wrong, and waiting does not mend that."""
    with ThreadingHTTPServer(("127.0.0.1", 0), QuietHandler) as other:
        serving = threading.Thread(target=other.serve_forever)
        serving.start()
        url = f"http://127.0.0.1:{other.server_address[1]}"
        try:
            with pytest.raises(ConfigurationError, match=r"answers HTTP 501, .*CLICKHOUSE_URL"):
                open_server(settings_of(endpoint, clickhouse_url=url))
        finally:
            other.shutdown()
            serving.join()


class QuietHandler(BaseHTTPRequestHandler):
    """Knows no method at all, and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_password_in_the_address_is_refused(endpoint: ClickHouseEndpoint) -> None:
    """Addresses are shown; the refusal does not show it either."""
    with pytest.raises(ConfigurationError, match="C360_CLICKHOUSE_PASSWORD") as caught:
        open_server(settings_of(endpoint, clickhouse_url="http://me:hidden-word@localhost:1"))
    assert "hidden-word" not in str(caught.value)


def test_an_insert_whose_answer_was_lost_counts_once(
    store: Database, endpoint: ClickHouseEndpoint
) -> None:
    """The server stored it and could not say so: written again, it is still one row."""
    endpoint.fault(code=319, when="after", match="properties")
    with pytest.raises(Retry, match="quorum"):
        store.insert_rows("properties", PROPERTY, [("a", "1", 1)])
    assert store.rows("SELECT count() FROM properties") == [(1,)]
    store.insert_rows("properties", PROPERTY, [("a", "1", 1)])
    assert store.rows("SELECT name, value FROM properties FINAL") == [("a", "1")]


def test_an_insert_under_which_the_connection_broke(
    store: Database, endpoint: ClickHouseEndpoint
) -> None:
    """Whether the driver sends it again or we do, it is one row."""
    endpoint.fault(drop=True, when="after", match="properties")
    with suppress(Retry):
        store.insert_rows("properties", PROPERTY, [("a", "1", 1)])
    assert store.rows("SELECT name, value FROM properties FINAL") == [("a", "1")]


def test_a_slow_answer_ends_at_the_time_limit(endpoint: ClickHouseEndpoint) -> None:
    """The client waits no longer than C360_CLICKHOUSE_TIMEOUT_S."""
    with closing(open_server(settings_of(endpoint, clickhouse_timeout_s=1))) as store:
        store.rows("SELECT count() FROM properties")
        endpoint.fault(delay_s=5, match="properties")
        with pytest.raises(Retry, match="does not answer"):
            store.rows("SELECT count() FROM properties")
    endpoint.heal()


def test_a_server_that_is_killed_and_comes_back(endpoint: ClickHouseEndpoint) -> None:
    """The same connection works again; what was acknowledged is there."""
    with closing(open_server(settings_of(endpoint))) as store:
        store.insert_rows("properties", PROPERTY, [("kept", "1", 1)])
        endpoint.kill()
        with pytest.raises(Retry, match="does not answer"):
            store.rows("SELECT count() FROM properties")
        with pytest.raises(Retry, match=r"does not answer .*refused"):
            open_server(settings_of(endpoint))
        endpoint.start()
        assert store.rows("SELECT value FROM properties FINAL WHERE name = 'kept'") == [("1",)]


def test_addresses_and_values_stay_out_of_messages(endpoint: ClickHouseEndpoint) -> None:
    """The driver quotes the whole address with its parameters; we do not."""
    with closing(open_server(settings_of(endpoint, clickhouse_timeout_s=1))) as store:
        endpoint.fault(delay_s=3, match="properties")
        with pytest.raises(Retry) as caught:
            store.rows(
                "SELECT * FROM properties WHERE name = {name:String}", {"name": "anna@example.com"}
            )
    assert "anna" not in str(caught.value)
    endpoint.heal()


def test_no_proxy_of_the_environment(
    endpoint: ClickHouseEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the web is no way to a store."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with closing(open_server(settings_of(endpoint))) as store:
        assert store.rows("SELECT 1") == [(1,)]


def test_writes_wait_for_the_quorum(endpoint: ClickHouseEndpoint) -> None:
    """Every statement carries the settings under which a quorum means something."""
    settings = settings_of(endpoint, clickhouse_insert_quorum="auto", clickhouse_cluster="prod")
    with closing(open_server(settings)) as store:
        rows = store.rows(
            "SELECT name, value FROM system.settings WHERE startsWith(name, 'insert_quorum') "
            "OR name IN ('select_sequential_consistency', 'distributed_ddl_task_timeout')"
        )
    assert dict(rows) == {
        "insert_quorum": "auto",
        "insert_quorum_parallel": "0",
        "insert_quorum_timeout": "24000",
        "select_sequential_consistency": "1",
        "distributed_ddl_task_timeout": "24",
    }


class TlsFront:
    """Ends TLS in front of an endpoint, with a certificate that only its own file vouches for."""

    def __init__(self, directory: Path, target: int) -> None:
        self.certificate = directory / "ca.pem"
        key = directory / "key.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", str(key), "-out", str(self.certificate)),
            ],
            check=True,
            capture_output=True,
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(5)

    def _accept(self) -> None:
        while True:
            try:
                plain, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, suppress(OSError):
            secured = self._context.wrap_socket(plain, server_side=True)
            with secured, socket.create_connection(("127.0.0.1", self._target)) as behind:
                back = threading.Thread(target=_copy, args=(behind, secured), daemon=True)
                back.start()
                _copy(secured, behind)
                back.join(5)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def front(endpoint: ClickHouseEndpoint, tmp_path: Path) -> Iterator[TlsFront]:
    """TLS in front of the endpoint."""
    made = TlsFront(tmp_path, endpoint.port)
    yield made
    made.close()


def test_tls_with_a_certificate_of_our_own(endpoint: ClickHouseEndpoint, front: TlsFront) -> None:
    """The CA file makes it trusted; without, the message names the setting; nothing is sent."""
    with pytest.raises(ConfigurationError, match="C360_CLICKHOUSE_CA_FILE"):
        open_server(settings_of(endpoint, clickhouse_url=front.url))
    secured = settings_of(
        endpoint, clickhouse_url=front.url, clickhouse_ca_file=str(front.certificate)
    )
    with closing(open_server(secured)) as store:
        assert store.rows("SELECT 1") == [(1,)]


def test_ca_file_that_is_not_there(endpoint: ClickHouseEndpoint, tmp_path: Path) -> None:
    """A wrong path is said before anything is tried."""
    settings = settings_of(endpoint, clickhouse_ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match="C360_CLICKHOUSE_CA_FILE"):
        open_server(settings)


def test_wrong_password_is_told_at_once(endpoint: ClickHouseEndpoint) -> None:
    """No retry helps, and the password does not stand in the message."""
    with pytest.raises(ConfigurationError, match="C360_CLICKHOUSE_USER") as caught:
        open_server(settings_of(endpoint, clickhouse_password="not-the-password"))
    assert "not-the-password" not in str(caught.value)

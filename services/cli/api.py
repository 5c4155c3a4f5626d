"""`c360 api`: the API beside workers, on a ClickHouse server and Kafka. Start any number.

`c360 worker intake` is the same process with the ways in for events alone.

It may start before the store and the brokers: it serves its health pages at once and says in
/readyz what it waits for. Nothing is kept here; what it accepts is in Kafka.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog
import typer

from schemas.records import PersonRecord
from services.api.http.sink import ClosedIntake, IntakeSink
from services.api.server import open_reading
from services.cli.output import err
from services.cli.serving import http_server, intake_of, listen, url_of
from services.cli.state import Host, Port, state_of
from services.ingest.adapters.clickhouse import ClickHouseFactStore
from services.ingest.ledger import Ledger, LedgerOfStore
from services.intake.tls import tls_context
from services.runtime.errors import C360Error, ConfigurationError, Retry
from services.runtime.metrics import Metrics
from services.runtime.process import tune_garbage_collector
from services.runtime.retry import until_done
from services.runtime.settings import Settings
from services.runtime.tracing import traced
from services.store.database import Database, open_server

if TYPE_CHECKING:
    from services.api.http.streams import Streams
    from services.ingest.followed_rules import FollowingCore
    from services.intake.kafka_sink import KafkaSink

PING_S = 5
"""How long /readyz waits for the store."""
NO_BROKERS = "this service has no brokers: it takes no events and no actions"
NOT_OPEN = "the store is not open yet"
log = structlog.get_logger()


def api(context: typer.Context, host: Host = None, port: Port = None) -> None:
    """Serve the API beside workers: reads from the ClickHouse server, events to Kafka."""
    serve(context, host, port, "c360 api", only_intake=False)


def serve(
    context: typer.Context, host: str | None, port: int | None, name: str, *, only_intake: bool
) -> None:
    """Serve until SIGTERM under the name of a command.

    Raises ConfigurationError when the store never can be used, or a setting is missing or wrong.
    """
    given = {"http_host": host, "http_port": port}
    settings = state_of(context).settings(**{k: v for k, v in given.items() if v is not None})
    settings.secret()
    if settings.clickhouse_url is None:
        raise ConfigurationError(
            "C360_CLICKHOUSE_URL is not set: this serves what workers store on a ClickHouse "
            "server. 'c360 up' serves a data directory"
        )
    if only_intake and not settings.kafka_bootstrap_servers:
        raise ConfigurationError(
            "C360_KAFKA_BOOTSTRAP_SERVERS is not set: this sends events to the topics of workers. "
            "'c360 up' takes them into a data directory"
        )
    tls_context(settings)  # wrong files are reported before anything is served
    with traced(settings, f"c360-{name.split()[-1]}"):
        asyncio.run(_Service(settings, name, only_intake=only_intake).run())


def _needs_no_store() -> None:
    """The store of a process that is ready once it knows the rules and the brokers answer."""


class CheckedServer:
    """The server of the settings: nobody reads it before its schema and secret are checked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_open = False
        self._waits_for = NOT_OPEN
        self._probe: Database | None = None
        self._probing = threading.Lock()

    def check(self) -> None:
        """Look whether it can be used. Raises Retry, or ConfigurationError when it never can."""
        try:
            with open_reading(self._settings):
                self._is_open = True
        except Retry as error:
            self._waits_for = str(error)
            raise

    def opened(self, limit_s: int) -> Database:
        """A connection for requests, whose statements may take so many seconds. Raises Retry while
        the store is not open."""
        if not self._is_open:
            raise Retry(self._waits_for)
        return open_server(self._settings, timeout_s=limit_s)

    def ping(self) -> None:
        """See services.intake.http.Running. On a connection that no request uses."""
        if not self._is_open:
            raise Retry(self._waits_for)
        if not self._probing.acquire(timeout=PING_S):
            raise Retry(f"the store does not answer within {PING_S} s")
        try:
            self._ping()
        finally:
            self._probing.release()

    def _ping(self) -> None:
        probe, self._probe = self._probe, None
        if probe is None:
            probe = open_server(self._settings, timeout_s=PING_S)
        try:
            probe.ping()
        except C360Error:
            probe.close()
            raise
        self._probe = probe

    def close(self) -> None:
        """Close the connection of the health page."""
        if self._probe is not None:
            self._probe.close()


class _Service:
    """One process, from its start to SIGTERM."""

    def __init__(self, settings: Settings, name: str, *, only_intake: bool) -> None:
        self._settings = settings
        self._name = name
        self._only_intake = only_intake
        self._metrics = Metrics()
        self._store = CheckedServer(settings)
        self._ledger = Ledger()
        self._failures: list[C360Error] = []

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises ConfigurationError when the store never can be
        used."""
        from services.api.query_side import QuerySide
        from services.console.application import account_ring, add_console
        from services.intake.application import INTAKE_ROUTERS, ROUTERS, create_app

        settings, metrics, store = self._settings, self._metrics, self._store
        kafka = self._kafka() if settings.kafka_bootstrap_servers else None
        sink: IntakeSink = ClosedIntake(NO_BROKERS) if kafka is None else kafka
        accounts = account_ring(settings)
        act = _acting(kafka)
        query = QuerySide(settings, store.opened, act, metrics, people=[accounts])
        ping = _needs_no_store if self._only_intake else store.ping
        running = intake_of(settings, metrics, ping, sink)
        streams = None if kafka is None or self._only_intake else self._streams()
        routers = INTAKE_ROUTERS if self._only_intake else ROUTERS
        app = create_app(running, query.parts, None, streams, routers)
        if not self._only_intake:
            add_console(app, settings, accounts)
        server = http_server(app, settings, metrics)
        listener = listen(settings)
        if kafka is not None:
            await kafka.start()
        await asyncio.to_thread(query.start)
        opening = asyncio.create_task(self._open(server.stop, kafka))
        tune_garbage_collector()
        url = url_of(settings, listener)

        def started() -> None:
            err.print(f"{self._name} is at {url} (stop with Ctrl-C)")

        try:
            await server.run(listener, started)
        finally:
            opening.cancel()
            if streams is not None:
                await streams.close()
            if kafka is not None:
                await kafka.stop()
            await asyncio.to_thread(query.stop)
            store.close()
        if self._failures:
            raise self._failures[0]

    def _kafka(self) -> KafkaSink:
        from schemas.rules.identity import identity_rules
        from services.intake.kafka_sink import KafkaSink, SinkLimits
        from services.runtime.settings import read_rules
        from services.stream.producer import Producer

        settings = self._settings
        read_rules(settings, "identity_rules", identity_rules)  # reports a wrong file first
        limits = SinkLimits(
            settings.intake_queue_events_max, settings.batch_events_max, settings.intake_deadline_s
        )
        return KafkaSink(
            None,  # which rules are in force, only the store says
            Producer(settings, settings.intake_deadline_s),
            self._metrics,
            limits,
        )

    def _streams(self) -> Streams:
        from schemas.api.streams import INCIDENTS_STREAM, PROFILES_STREAM
        from services.api.http.streams import streams_over
        from services.api.log_feeds import alert_log, profile_change_log

        feeds = {
            INCIDENTS_STREAM: alert_log(self._settings),
            PROFILES_STREAM: profile_change_log(self._settings),
        }
        return streams_over(feeds, self._settings, self._metrics)

    async def _open(self, stop: Callable[[], None], kafka: KafkaSink | None) -> None:
        """Check the store, for as long as it takes; end the service if it never can be used."""
        try:
            await until_done(lambda: asyncio.to_thread(self._store.check), "store", self._metrics)
            log.info("store_open")
            ledger = await self._ledger_of_store()
            following = None if kafka is None else await self._following(kafka)
            await asyncio.gather(ledger.keep(), *([] if following is None else [following.keep()]))
        except C360Error as error:
            self._failures.append(error)
            stop()

    async def _ledger_of_store(self) -> LedgerOfStore:
        """What a worker would reject by a ledger is rejected here."""
        store = await until_done(lambda: asyncio.to_thread(self._erasures), "ledger", self._metrics)
        return LedgerOfStore(self._ledger, store)

    async def _following(self, kafka: KafkaSink) -> FollowingCore:
        """Events are checked by the identity rules that are in force: from here on they are taken.

        Raises ConfigurationError if other settings do not fit these.
        """
        from services.ingest.followed_rules import FollowingCore
        from services.store.rules_in_force import FollowedRules

        rules = await until_done(
            lambda: asyncio.to_thread(
                lambda: FollowedRules(self._settings, open_server(self._settings))
            ),
            "rules",
            self._metrics,
        )
        following = FollowingCore(self._settings, rules, self._ledger, kafka.use)
        following.use_newest()
        return following

    def _erasures(self) -> ClickHouseFactStore:
        store = ClickHouseFactStore(open_server(self._settings))
        self._ledger.refresh(store)
        return store


def _acting(kafka: KafkaSink | None) -> Callable[[Sequence[PersonRecord]], None]:
    def refuse(_records: Sequence[PersonRecord]) -> None:
        raise Retry(NO_BROKERS)

    return refuse if kafka is None else kafka.act

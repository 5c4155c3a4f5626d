"""`c360 up`: keep the engine running and accept events over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from schemas.records import PersonRecord
from services.api.actions import ActionSink
from services.api.ports import Access
from services.api.read_store import access_to
from services.cli.output import err
from services.cli.serving import http_server, intake_of, listen, url_of
from services.cli.state import Host, Port, state_of
from services.embedded.engine import DefinedSegments, Engine
from services.embedded.rules_applying import RulesApplying
from services.embedded.running_instance import remove_running_instance, write_running_instance
from services.intake.tls import own_certificate, tls_context
from services.intake.writer import IntakeWriter
from services.runtime.errors import Fatal, Retry
from services.runtime.process import tune_garbage_collector
from services.runtime.tracing import traced
from services.store.database import Database, open_embedded

if TYPE_CHECKING:
    from services.api.http.parts import ApiParts
    from services.api.http.streams import Streams
    from services.intake.application import Application


def up(context: typer.Context, host: Host = None, port: Port = None) -> None:
    """Keep running and accept events over HTTP; other commands work at the same time."""
    given = {"http_host": host, "http_port": port}
    settings = state_of(context).settings(**{k: v for k, v in given.items() if v is not None})
    if not settings.api_keys and not settings.public_write_keys:
        err.print("no C360_API_KEYS are set: only keys of 'c360 keys create' are accepted")
    listener = listen(settings)
    tls_context(settings)  # wrong files are reported before the data directory is opened
    with traced(settings, "c360-up"), Engine.open(settings) as engine:
        serve(engine, listener)


def _access(
    engine: Engine, act: ActionSink, in_turn: Callable[[Callable[[], None]], None]
) -> Access:
    """What operations work with; `in_turn` has the writing thread do something."""
    return access_to(
        engine.settings,
        engine.reading,
        act,
        lambda record: in_turn(lambda: engine.erase(record)),
        lambda before, _within_s: in_turn(lambda: engine.expire(before)),
        lambda steps: in_turn(lambda: engine.suppress(steps)),
        engine.pipeline,
        DefinedSegments(engine.pipeline, in_turn),
    )


def serve(engine: Engine, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, or until the writer ends. Raises Fatal in the latter case."""
    # Imported late: the web stack takes longer to load than most commands to run.
    from services.api.query_side import QuerySide
    from services.console.application import account_ring, add_console

    settings = engine.settings
    failures: list[BaseException] = []

    def on_fatal(error: BaseException) -> None:
        failures.append(error)
        server.stop()

    writer = IntakeWriter(
        engine.pipeline,
        engine.metrics,
        settings.batch_events_max,
        settings.intake_queue_events_max,
        settings.intake_linger_ms / 1000,
        on_fatal,
    )
    url, certificate = url_of(settings, listener), own_certificate(settings)
    presence = write_running_instance(settings.data_dir, url, certificate)

    def in_turn(work: Callable[[], None]) -> None:
        writer.submit_work(work).result()

    applying = RulesApplying(in_turn, engine.finish_rules)

    def act(records: Sequence[PersonRecord]) -> None:
        in_turn(lambda: applying.note(engine.begin(records)))
        applying.start()

    def open_database(limit_s: int) -> Database:
        return open_embedded(settings.data_dir, limit_s)

    access = _access(engine, act, in_turn)
    accounts = account_ring(settings)
    query = QuerySide(
        settings,
        open_database,
        act,
        engine.metrics,
        presence.token,
        engine.pipeline,
        [accounts],
    )
    app = _application(engine, writer, access, query.parts, _streams(engine))
    add_console(app, settings, accounts)
    server = http_server(app, settings, engine.metrics)
    tune_garbage_collector()
    writer.start()
    query.start()
    applying.note(bool(engine.rules.unfinished()))
    applying.start()

    def started() -> None:
        err.print(f"c360 is up at {presence.url} on {settings.data_dir} (stop with Ctrl-C)")

    try:
        asyncio.run(server.run(listener, started))
    finally:
        remove_running_instance(settings.data_dir)
        applying.stop()
        query.stop()
        writer.stop()
    if failures:
        if isinstance(failures[0], Retry):  # stopped while the store took nothing
            raise failures[0]
        raise Fatal(f"the writer ended: {failures[0]}") from failures[0]


def _streams(engine: Engine) -> Streams:
    from services.api.http.streams import streams_over
    from services.api.store_feeds import store_feeds

    settings = engine.settings
    feeds = store_feeds(
        lambda: open_embedded(settings.data_dir), lambda: engine.pipeline.settled, settings.secret()
    )
    return streams_over(feeds, settings, engine.metrics)


def _application(
    engine: Engine, writer: IntakeWriter, access: Access, parts: ApiParts, streams: Streams
) -> Application:
    """The application over the engine."""
    from services.api.http.local import LocalChannel
    from services.intake.application import create_app

    running = intake_of(engine.settings, engine.metrics, access.reads.ping, writer)
    return create_app(running, parts, LocalChannel(access, writer, parts.authenticator), streams)

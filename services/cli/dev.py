"""`c360 dev`: servers for development on this machine, until Ctrl-C. Each loads only its own."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from services.cli.checkout import require_checkout
from services.cli.output import err, out
from services.runtime.errors import ConfigurationError, NotFound

if TYPE_CHECKING:
    from devtools.clickhouse.server import Config

app = typer.Typer(help="Servers for development on this machine.", no_args_is_help=True)
CHECK_INTERVAL_S = 0.5
EXPORT_WAIT_S = 300
"""The first start of Kafka fetches it."""
SET_LINES = """in other shells: eval "$(c360 dev %s --export)\""""
Export = Annotated[
    bool,
    typer.Option(
        "--export", help="Only print what to export for the running one, once it is up: for eval."
    ),
]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@app.callback()
def group() -> None:
    """Servers for development on this machine."""
    require_checkout()


@app.command()
def kafka(
    brokers: Annotated[int, typer.Option(help="1, or 3 for failover.")] = 1,
    port: Annotated[
        int, typer.Option(min=0, max=65_500, help="Port of the first broker; 0 picks free ones.")
    ] = 0,
    export: Export = False,
) -> None:
    """Run Apache Kafka with temporary data; needs a checkout, Java 17 and Maven."""
    if export:
        _print_exports("kafka")
        return
    from devtools.exports import left_for_others
    from devtools.kafka import Cluster

    _end_on_sigterm()
    cluster = Cluster(brokers, port=port)
    err.print("starting Kafka (fetched once, about 45 MB) …")
    try:
        with ExitStack() as stack:
            stack.enter_context(cluster)
            lines = [
                f"export C360_KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}",
                f"export C360_KAFKA_REPLICATION={brokers}",
            ]
            stack.enter_context(left_for_others("kafka", lines))
            _print_lines(lines)
            err.print(
                f"Kafka is up at {cluster.bootstrap_servers}; {SET_LINES % 'kafka'}, then "
                "'c360 topics apply' (stop with Ctrl-C; its data go with it)",
                soft_wrap=True,
            )
            while True:
                cluster.check()
                time.sleep(CHECK_INTERVAL_S)
    except KeyboardInterrupt:
        err.print("Kafka is stopped")


@app.command()
def clickhouse(
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Where data stays.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 picks a free one.")] = 8123,
    user: Annotated[str, typer.Option(help="The one user.")] = "default",
    password: Annotated[
        str, typer.Option(help="The user's password.", envvar="C360_CLICKHOUSE_PASSWORD")
    ] = "",
    any_host: Annotated[
        bool, typer.Option("--any-host", help="Allow a host that is not this machine's loopback.")
    ] = False,
    body_mb_max: Annotated[int, typer.Option(min=1, help="Largest request body, in MB.")] = 256,
    result_mb_max: Annotated[int, typer.Option(min=1, help="Largest answer, in MB.")] = 1024,
    backup_dir: Annotated[
        Path | None,
        typer.Option("--backup-dir", help="Where BACKUP and RESTORE may use files; else nowhere."),
    ] = None,
    export: Export = False,
) -> None:
    """Serve the ClickHouse HTTP protocol over one chDB engine. Not for production."""
    if export:
        _print_exports("clickhouse")
        return
    from devtools.clickhouse.server import Config

    if host not in LOOPBACK and not any_host:
        raise ConfigurationError(
            f"{host} is not loopback, and this endpoint is for this machine only: no TLS, one "
            "user, faults on demand. Use 127.0.0.1, or give --any-host if you mean it."
        )
    with ExitStack() as stack:
        where = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory("-clickhouse")))
        config = Config(
            data_dir=where,
            host=host,
            port=port,
            user=user,
            password=password,
            body_bytes_max=body_mb_max * 1024 * 1024,
            result_bytes_max=result_mb_max * 1024 * 1024,
            backup_dir=backup_dir,
        )
        asyncio.run(_serve_clickhouse(config, kept=data_dir is not None))


async def _serve_clickhouse(config: Config, *, kept: bool) -> None:
    from devtools.clickhouse.server import NOTICE, serving
    from devtools.exports import left_for_others

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with serving(config) as url:
            lines = [f"export C360_CLICKHOUSE_URL={url}"]
            if config.user != "default":
                lines.append(f"export C360_CLICKHOUSE_USER={config.user}")
            if config.password:
                lines.append("# and C360_CLICKHOUSE_PASSWORD, the one you chose")
            _print_lines(lines)
            fate = f"its data stay in {config.data_dir}" if kept else "its data go with it"
            err.print(
                f"{NOTICE}\nIt is up at {url}; {SET_LINES % 'clickhouse'} (stop with Ctrl-C; "
                f"{fate})",
                soft_wrap=True,
            )
            with left_for_others("clickhouse", lines):
                await stop.wait()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {config.host}:{config.port}: {error.strerror}. Choose another with "
            "--port; 0 picks a free one."
        ) from error
    err.print("the ClickHouse endpoint is stopped")


def _print_lines(lines: list[str]) -> None:
    # Not through the console: it would wrap a long list in a narrow terminal.
    out.file.writelines(f"{line}\n" for line in lines)
    out.file.flush()


def _print_exports(server: str) -> None:
    from devtools.exports import NotUp, wait_for_exports

    try:
        out.file.write(wait_for_exports(server, EXPORT_WAIT_S))
    except NotUp as error:
        raise NotFound(str(error)) from error


def _end_on_sigterm() -> None:
    """Make SIGTERM shut a server down cleanly, as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)

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
from services.runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from devtools.clickhouse.server import Config

app = typer.Typer(help="Servers for development on this machine.", no_args_is_help=True)
CHECK_INTERVAL_S = 0.5
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
) -> None:
    """Run Apache Kafka with temporary data; needs a checkout, Java 17 and Maven."""
    from devtools.kafka import Cluster

    _end_on_sigterm()
    cluster = Cluster(brokers, port=port)
    err.print("starting Kafka (fetched once, about 45 MB) …")
    try:
        with cluster:
            # Not through the console: it would wrap a long list in a narrow terminal.
            out.file.write(f"export C360_KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}\n")
            out.file.write(f"export C360_KAFKA_REPLICATION={brokers}\n")
            out.file.flush()
            err.print(
                f"Kafka is up at {cluster.bootstrap_servers}; set the lines above, then "
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
) -> None:
    """Serve the ClickHouse HTTP protocol over one chDB engine. Not for production."""
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
        )
        asyncio.run(_serve_clickhouse(config, kept=data_dir is not None))


async def _serve_clickhouse(config: Config, *, kept: bool) -> None:
    from devtools.clickhouse.server import NOTICE, serving

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with serving(config) as url:
            # Not through the console: it would wrap a line in a narrow terminal.
            out.file.write(f"export C360_CLICKHOUSE_URL={url}\n")
            if config.user != "default":
                out.file.write(f"export C360_CLICKHOUSE_USER={config.user}\n")
            if config.password:
                out.file.write("export C360_CLICKHOUSE_PASSWORD=…  # the one you chose\n")
            out.file.flush()
            fate = f"its data stay in {config.data_dir}" if kept else "its data go with it"
            err.print(
                f"{NOTICE}\nIt is up at {url}; set the lines above (stop with Ctrl-C; {fate})",
                soft_wrap=True,
            )
            await stop.wait()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {config.host}:{config.port}: {error.strerror}. Choose another with "
            "--port; 0 picks a free one."
        ) from error
    err.print("the ClickHouse endpoint is stopped")


def _end_on_sigterm() -> None:
    """Make SIGTERM shut a server down cleanly, as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)

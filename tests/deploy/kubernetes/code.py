"""What the manifests may rely on, asked of the code itself: commands, settings, pages, metrics."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

import httpx
from typer.testing import CliRunner

from services.cli import notify, probe
from services.cli.app import app
from services.cli.worker import OFFSETS
from services.docs.openapi import openapi_document
from services.runtime.health import HealthServer, Progress
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings, load_settings

PAGES = ("/livez", "/readyz", "/metrics", "/healthz")
"""Paths that probes could name; which of them exist is asked."""
API, PROBE, NOTIFY = "api", "probe", "notify"
OF_WORKERS = {**OFFSETS, PROBE: probe.PORT_OFFSET, NOTIFY: notify.PORT_OFFSET}
"""What is added to the port of workers, of all that have the pages of workers."""


def settings_of(variables: Mapping[str, str]) -> Settings:
    """The settings of a process with these variables alone. Raises ConfigurationError."""
    return _settings_of(tuple(sorted(variables.items())))


@cache
def _settings_of(variables: tuple[tuple[str, str], ...]) -> Settings:
    with _environment(dict(variables)):
        return load_settings()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in [one for one in os.environ if one.startswith("C360_")]:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def wrong_command(arguments: tuple[str, ...]) -> str | None:
    """Why the command line does not take these arguments; None if it does. Runs nothing: what is
    wrong is reported before help is given."""
    asked = CliRunner().invoke(app, [*arguments, "--help"])
    if asked.exit_code != 0:
        return f"c360 {' '.join(arguments)}: {' '.join(asked.output.split())}"
    if "COMMAND [ARGS]" in asked.output:
        return f"c360 {' '.join(arguments)} is no whole command"
    return None


def service_of(arguments: Sequence[str]) -> str | None:
    """The service that a command line runs; None for one that ends by itself."""
    if tuple(arguments) in {(API,), (PROBE,)} or arguments[:1] == [NOTIFY]:
        return arguments[0]
    if len(arguments) == 2 and arguments[0] == "worker" and arguments[1] in OFFSETS:
        return arguments[1]
    return None


def port_of(service: str, settings: Settings) -> int:
    """Where a service listens."""
    if service == API:
        return settings.http_port
    is_set = "worker_http_port" in settings.model_fields_set
    return settings.worker_http_port + (0 if is_set else OF_WORKERS[service])


def host_of(service: str, settings: Settings) -> str:
    """The address that a service listens on."""
    return settings.http_host if service == API else settings.worker_http_host


@cache
def pages_of(service: str) -> frozenset[str]:
    """The health pages that a service serves."""
    if service == API:
        paths = openapi_document()["paths"]
        return frozenset(page for page in PAGES if page in paths)
    return asyncio.run(_worker_pages())


async def _worker_pages() -> frozenset[str]:
    """Those to which a worker's own server answers anything but 404."""

    async def ready() -> list[str]:
        return []

    server = HealthServer(Metrics(), Progress(60), ready, "127.0.0.1", 0)
    url = await server.start()
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            answers = {page: (await client.get(page)).status_code for page in PAGES}
    finally:
        await server.stop()
    return frozenset(page for page, status in answers.items() if status != 404)


@cache
def series() -> frozenset[str]:
    """Every name of a series that a `/metrics` page can have."""
    return frozenset(
        f"{family.name}{suffix}"
        for family in Metrics().registry.collect()
        for suffix in ("", "_total", "_bucket", "_sum", "_count")
    )

"""Running services that the contract suite asks: `c360 up`, and `c360 api` beside workers.

Tests see a `Service`: an address, keys for it, and a way to send events and see them. What runs
behind it they cannot tell.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from devtools.kafka import Cluster
from services.api.auth import GRANTABLE, Scope
from services.api.queries.keys import KEYS_CREATE, KeyCreation
from services.cli.session import open_session
from services.runtime.settings import Settings, load_settings
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.distributed import SERVICES as WORKERS
from tests.e2e.distributed import Distributed
from tests.e2e.runs import SECRET, c360
from tests.e2e.up import running
from tests.kafka import renew_catalogue

REALMS = {
    "default": {"region": "DE", "time_zone": "Europe/Berlin", "currency": "EUR"},
    "second": {"region": "AT", "time_zone": "Europe/Vienna", "currency": "EUR"},
}
REALM, OTHER_REALM = REALMS
SETTINGS: dict[str, Any] = {"C360_REALMS": json.dumps(REALMS), "C360_API_RATE_PER_S": "10000"}
ALL_READS = tuple(sorted(GRANTABLE - {Scope.EVENTS_WRITE, Scope.EVENTS_WRITE_PUBLIC}))
"""Every scope of an API key but those that send events."""
VISIBLE_S = 60.0


class Service:
    """One running service, as its clients see it."""

    def __init__(self, name: str, url: str, settings: Settings, run: Callable[..., str]) -> None:
        """`settings` are those of the service's operator; `run` runs a command of theirs and gives
        what it prints."""
        self.name = name
        self.url = url
        self.run = run
        self._settings = settings
        self._keys: dict[tuple[str, ...], str] = {}

    def key(self, *scopes: str, realm: str = REALM) -> str:
        """A key with these scopes; the same one when asked again."""
        wanted = (realm, *sorted(scopes))
        if wanted not in self._keys:
            asked = KeyCreation(realm=realm, name="suite", scopes=tuple(scopes))
            with open_session(self._settings) as session:  # as `c360 keys create` does
                self._keys[wanted] = next(session.run(KEYS_CREATE, asked)).key
        return self._keys[wanted]

    def client(self, *scopes: str, realm: str = REALM, **headers: str) -> httpx.Client:
        """A client with a key of these scopes; of all that read, if none is named."""
        key = self.key(*(scopes or ALL_READS), realm=realm)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}", **named},
            timeout=30,
            trust_env=False,
        )

    def send(self, *events: dict[str, Any], realm: str = REALM) -> None:
        """Send events and wait until the last one is visible."""
        sent = [{"realm": realm, **event} for event in events]
        with self.client(Scope.EVENTS_WRITE, realm=realm) as client:
            answer = client.post("/v1/touchpoints", json={"batch": sent})
        assert answer.status_code == httpx.codes.OK, answer.text
        refused = [one for one in answer.json()["results"] if one["status"] == "rejected"]
        assert not refused, refused
        for event in sent:
            self.wait_visible(event["event_id"], realm)

    def wait_visible(self, event_id: str, realm: str = REALM) -> None:
        """Until what an event changed is in every answer."""
        end = time.monotonic() + VISIBLE_S
        with self.client(Scope.PROFILES_READ, realm=realm) as client:
            while True:
                answer = client.get("/v1/freshness", params={"consistent_after": event_id})
                if answer.status_code == httpx.codes.OK:
                    return
                assert answer.json()["code"] == "not-visible-yet", answer.text
                assert time.monotonic() < end, f"{event_id} is not visible"


@contextmanager
def embedded(directory: Path, **more: str) -> Iterator[Service]:
    """`c360 up` on a data directory, new unless it is there already, with further settings."""
    data_dir, given = directory / "data", {**SETTINGS, **more}

    def run(*arguments: str) -> str:
        return c360(data_dir, *arguments, **given).stdout

    with running(data_dir, **given) as up:
        settings = load_settings(data_dir, identity_secret=SECRET, realms=REALMS)
        yield Service("embedded", str(up.client.base_url), settings, run)
        assert up.stop() == 0, up.errors


@contextmanager
def distributed(directory: Path) -> Iterator[Service]:
    """`c360 api` beside workers of every kind, brokers and a store, all of its own."""
    with (
        Cluster() as cluster,
        ClickHouseEndpoint(directory / "store") as endpoint,
        Distributed(directory / "run", cluster.bootstrap_servers, endpoint, **SETTINGS) as run,
    ):
        asyncio.run(renew_catalogue(cluster.bootstrap_servers))
        run.prepare()
        for worker in WORKERS:
            run.add(worker)
        api = run.add_api()
        run.wait_ready()

        def command(*arguments: str) -> str:
            return run.c360(*arguments).stdout

        settings = load_settings(
            directory / "none",
            identity_secret=SECRET,
            realms=REALMS,
            clickhouse_url=endpoint.url,
            clickhouse_database=run.database,
        )
        yield Service("distributed", api.base_url, settings, command)
        run.look_after()

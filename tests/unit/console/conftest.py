"""The console over an application without a store: enough to sign in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.api.auth import Authenticator, Principal
from services.api.key_ring import KeyRing
from services.api.rates import RateLimits
from services.api.roles import ROLE_SCOPES, Role
from services.console import accounts, http
from services.console.account_ring import AccountRing
from services.console.accounts import ConsoleAccount, hash_password, written_accounts
from services.console.application import account_ring, add_console
from services.intake.application import application
from services.runtime.settings import load_settings
from tests.api_parts import api_parts_of

PASSWORD = "long enough to keep"
KEY = "c360_key_of_a_desk"
Client = httpx.AsyncClient


class OneKey:
    """Knows one key."""

    def principal(self, credential: str) -> Principal | None:
        """See services.api.auth.Authenticator."""
        known = Principal("desk", "Desk", "default", ROLE_SCOPES[Role.SERVICE])
        sender = Principal("sender", "Sender", None, frozenset())
        return {KEY: known, "sender": sender}.get(credential)

    def refresh(self, credential: str) -> None:
        """See services.api.auth.Authenticator."""


class NoKeys:
    """A store without keys."""

    def working(self, _now: Any) -> list[Any]:
        """See services.api.key_ring.WorkingKeys."""
        return []


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of a password that takes no time."""
    monkeypatch.setattr(accounts, "COST", 2)
    monkeypatch.setattr(http, "_tries", RateLimits(1_000))


@pytest.fixture
def accounts_file(tmp_path: Path) -> Path:
    """Anna serves customers, Max runs a store."""
    path = tmp_path / "accounts.toml"
    write(path, anna=("Anna Berg", Role.SERVICE), max=("Max Moor", Role.STORE))
    return path


def write(path: Path, **people: tuple[str, Role]) -> None:
    """The accounts of these people, all with the same password."""
    known = {
        name: ConsoleAccount(full_name=full_name, role=role, password=hash_password(PASSWORD))
        for name, (full_name, role) in people.items()
    }
    path.write_text(written_accounts(known))


def app_with(ring: AccountRing, settings: Any, *others: Authenticator) -> FastAPI:
    """An application with the console, on no store."""
    app = application()
    app.state.api = api_parts_of(KeyRing(NoKeys(), [ring, OneKey(), *others]))
    app.state.metrics = app.state.api.metrics
    add_console(app, settings, ring)
    return app


@pytest.fixture
def app(accounts_file: Path) -> FastAPI:
    """An application with the console and these accounts."""
    settings = load_settings(
        identity_secret="a-secret-of-tests-that-is-long-enough",
        console_accounts_file=accounts_file,
    )
    return app_with(account_ring(settings), settings)


@pytest.fixture
def browser_of() -> Callable[..., Client]:
    """Makes clients that keep cookies, as a browser does."""

    def made(app: FastAPI, base_url: str = "https://c360.example") -> Client:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        return Client(transport=transport, base_url=base_url, timeout=30)

    return made


@pytest.fixture
async def browser(app: FastAPI, browser_of: Callable[..., Client]) -> AsyncIterator[Client]:
    """A browser that nobody has signed in with."""
    async with browser_of(app) as client:
        yield client


async def sign_in(browser: Client, name: str = "anna", **fields: str) -> httpx.Response:
    """What comes of a name and a password."""
    given = {"name": name, "password": PASSWORD, **fields}
    return await browser.post("/console/sign-in", data=given)


def csrf_of(page: httpx.Response) -> str:
    """What a page puts into its forms."""
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]

"""The console beside the API of an application: its parts, its routes, its answers to faults."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI

from services.console import http, live
from services.console.account_ring import AccountRing
from services.console.oidc import OidcSignIn
from services.console.pages import (
    incidents,
    measures,
    profile,
    quality,
    rights,
    search,
    segments,
    store,
    timeline,
    why,
)
from services.console.problems import answer_with_pages
from services.console.sealing import Seal
from services.console.sessions import SessionCookies
from services.console.visit import ConsoleParts
from services.runtime.settings import Settings

HOUR_S = 3_600
ROUTERS: tuple[APIRouter, ...] = (
    http.router,
    search.router,
    profile.router,
    timeline.router,
    why.router,
    rights.router,
    incidents.router,
    live.router,
    quality.router,
    store.router,
    segments.router,
    measures.router,
)


def account_ring(settings: Settings) -> AccountRing:
    """The accounts of the settings. Raises ConfigurationError when their file is wrong."""
    seal = Seal(settings.secret(), "account")
    return AccountRing(settings.console_accounts_file, seal, settings.console_session_h * HOUR_S)


def add_console(app: FastAPI, settings: Settings, accounts: AccountRing) -> None:
    """Serve the console under /console. `accounts` are those that the API lets in.

    Raises ConfigurationError when the settings of the identity provider are incomplete.
    """
    secret = settings.secret()
    seal = Seal(secret, "session")
    has_provider = settings.console_oidc_client_id is not None
    app.state.console = ConsoleParts(
        SessionCookies(seal, settings.console_session_h * HOUR_S),
        accounts,
        {name: ZoneInfo(realm.time_zone) for name, realm in settings.realms.items()},
        OidcSignIn(settings, Seal(secret, "sign-in")) if has_provider else None,
    )
    answer_with_pages(app)
    for router in ROUTERS:
        app.include_router(router)

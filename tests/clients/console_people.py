"""People at the console of a running service, as their browsers ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from services.api.auth import Scope
from services.api.roles import ROLE_SCOPES, Role
from tests.contract.api.services import REALM, Service

MENU = (
    "search", "incidents", "store", "satisfaction", "drivers", "kano", "rfm", "retention",
    "win-back", "funnel", "flywheel", "contact-pressure", "response", "paths", "segments",
    "quality", "measures",
)  # fmt: skip
"""The pages that need no number."""
OF_CUSTOMER = (
    "", "/orders", "/cases", "/permissions", "/scores", "/segments", "/timeline", "/why", "/rights",
)  # fmt: skip
"""The pages of a customer, and the parts of the first one."""


def key_of(service: Service, role: Role, realm: str = REALM) -> str:
    """An API key that may do what a role may."""
    return service.key(*sorted(ROLE_SCOPES[role]), realm=realm)


@contextmanager
def signed_in(
    service: Service, key: str, purpose: str = "call", language: str = "en", note: str = ""
) -> Iterator[httpx.Client]:
    """A browser of somebody who has signed in by a key, and has said why."""
    with httpx.Client(
        base_url=service.url, timeout=120, trust_env=False, follow_redirects=True
    ) as browser:
        given = {"key": key, "lang": language, "next": "/console/purpose"}
        page = browser.post("/console/sign-in", data=given)
        assert page.status_code == httpx.codes.OK, page.text
        if purpose:
            fields = {"csrf": csrf_of(page), "kind": purpose, "note": note}
            said = browser.post("/console/purpose", data={**fields, "next": "/console/quality"})
            assert said.status_code == httpx.codes.OK, said.text
        yield browser


def csrf_of(page: httpx.Response) -> str:
    """What a page puts into its forms."""
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


def sees_customers(role: Role) -> bool:
    """Whether a role may open customers."""
    return Scope.PROFILES_READ in ROLE_SCOPES[role]

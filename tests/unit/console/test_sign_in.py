"""Signing in and out: who gets a session, what browsers keep of it, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.api.rates import RateLimits
from services.api.roles import Role
from services.console import account_ring
from services.console.api_client import purpose_of
from services.console.sessions import COOKIE, WebSession
from tests.unit.console.conftest import KEY, PASSWORD, Client, csrf_of, sign_in, write

SEE_OTHER, FORBIDDEN, NOT_SIGNED_IN = 303, 403, 401


async def test_a_name_and_its_password_open_a_page(browser: Client) -> None:
    """Who is not signed in is sent to the form, and from there to the page that was wanted."""
    sent = await browser.get("/console/purpose?next=/console/search")
    assert sent.status_code == SEE_OTHER
    assert sent.headers["location"].startswith("/console/sign-in?next=%2Fconsole%2Fpurpose")
    signed_in = await sign_in(browser, next="/console/purpose")
    assert (signed_in.status_code, signed_in.headers["location"]) == (SEE_OTHER, "/console/purpose")
    page = await browser.get("/console/purpose")
    assert page.status_code == httpx.codes.OK
    assert "Anna Berg" in page.text


async def test_the_cookie_is_ours_alone(browser: Client) -> None:
    """No script reads it, no other site sends it with a form, and no proxy without TLS sees it; it
    holds nothing in clear, and is no credential of the API."""
    signed_in = await sign_in(browser)
    written = signed_in.headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=lax", "Secure", "Path=/console", "Max-Age=36000"):
        assert attribute in written
    kept = browser.cookies[COOKIE]
    assert "anna" not in kept
    for value in (kept, kept.strip('"'), f"c360account_{kept}"):
        headers = {"Authorization": f"Bearer {value}"}
        assert (await browser.get("/v1/whoami", headers=headers)).status_code == NOT_SIGNED_IN


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "anna", "password": "another password"}, "No account has this name"),
        ({"name": "nobody", "password": PASSWORD}, "No account has this name"),
        ({"name": "anna", "password": ""}, "Enter both"),
        ({"key": "c360_key_that_nobody_has"}, "This key is not valid"),
        ({"key": "schlüssel"}, "This key is not valid"),
        ({"key": "sender"}, "This key only sends events"),
    ],
)
async def test_nobody_else_gets_in(browser: Client, fields: dict[str, str], says: str) -> None:
    """The form says why, and no cookie is set."""
    refused = await browser.post("/console/sign-in", data=fields)
    assert refused.status_code == FORBIDDEN
    assert says in refused.text
    assert "set-cookie" not in refused.headers


async def test_an_api_key_signs_in(browser: Client) -> None:
    """With the scopes of the key."""
    assert (await sign_in(browser, name="", key=KEY)).status_code == SEE_OTHER
    assert "Desk" in (await browser.get("/console/purpose")).text


async def test_guesses_are_slowed_down(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second try within two seconds is not looked at, right as it may be; that of another
    person is."""
    from services.console import http

    monkeypatch.setattr(http, "_tries", RateLimits(0.5, lambda: 0.0))
    await sign_in(browser, password="a guess at it")
    assert "Too many attempts" in (await sign_in(browser)).text
    assert (await sign_in(browser, name="max")).status_code == SEE_OTHER


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/console/", "//evil.example/console/", "/\\evil.example/console/",
        "javascript:alert(1)", "/v1/whoami", "/console/\r\nSet-Cookie: a=b", "",
    ],
)  # fmt: skip
async def test_nobody_is_led_elsewhere(browser: Client, elsewhere: str) -> None:
    """A link to the form that names another site leads to the first page."""
    signed_in = await sign_in(browser, next=elsewhere)
    assert signed_in.headers["location"] == "/console/"


async def test_other_sites_send_no_forms(browser: Client) -> None:
    """Neither without our token, nor with one of another session, nor with a header that names
    another site."""
    await sign_in(browser)
    csrf = csrf_of(await browser.get("/console/purpose"))
    for fields, headers in (
        ({"kind": "call"}, {}),
        ({"kind": "call", "csrf": "0" * 32}, {}),
        ({"kind": "call", "csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"kind": "call", "csrf": csrf}, {"Origin": "https://evil.example"}),
    ):
        refused = await browser.post("/console/purpose", data=fields, headers=headers)
        assert refused.status_code == FORBIDDEN
        assert "out of date" in refused.text
    fields = {"kind": "call", "csrf": csrf, "next": "/console/search"}
    taken = await browser.post("/console/purpose", data=fields)
    assert (taken.status_code, taken.headers["location"]) == (SEE_OTHER, "/console/search")


async def test_a_purpose_is_said_first(browser: Client) -> None:
    """Customers are looked at for a reason; “other” needs words."""
    await sign_in(browser)
    wanted = await browser.get("/console/search")
    assert wanted.headers["location"] == "/console/purpose?next=%2Fconsole%2Fsearch"
    csrf = csrf_of(await browser.get("/console/purpose"))
    wrong = await browser.post("/console/purpose", data={"kind": "other", "csrf": csrf})
    assert "Choose a purpose" in wrong.text
    fields = {"kind": "other", "note": "Prüfung  im März", "csrf": csrf}
    await browser.post("/console/purpose", data=fields)
    page = await browser.get("/console/search")
    assert page.status_code == httpx.codes.OK
    assert "Other: Prüfung im März" in page.text
    session = WebSession(KEY, purpose="other", note="Prüfung im März")
    assert purpose_of(session) == "Other: Pr?fung im M?rz"  # as a header may hold it


async def test_languages(browser: Client) -> None:
    """That of the browser first, and then the one that was chosen."""
    german = {"Accept-Language": "de-AT,en;q=0.5"}
    assert "Anmelden" in (await browser.get("/console/sign-in", headers=german)).text
    assert "Sign in" in (await browser.get("/console/sign-in?lang=en", headers=german)).text
    await sign_in(browser, lang="en")
    page = await browser.get("/console/purpose", headers=german)
    assert "Why do you look at customers?" in page.text
    fields = {"lang": "de", "csrf": csrf_of(page), "next": "/console/purpose"}
    await browser.post("/console/language", data=fields)
    assert "Warum sehen Sie Kunden an?" in (await browser.get("/console/purpose")).text


async def test_who_signs_out_is_out(browser: Client) -> None:
    """The browser forgets the session."""
    await sign_in(browser)
    gone = await browser.post("/console/sign-out")
    assert gone.headers["location"] == "/console/sign-in"
    assert (await browser.get("/console/purpose")).status_code == SEE_OTHER


async def test_a_session_ends(
    browser: Client, app: FastAPI, browser_of: Callable[..., Client]
) -> None:
    """After some hours: then the form says so, and the part of a page that htmx asks for sends the
    whole page there."""
    await sign_in(browser)
    kept = app.state.console
    app.state.console = kept._replace(sessions=type(kept.sessions)(kept.sessions._seal, -1))
    assert (await browser.get("/console/purpose")).status_code == SEE_OTHER
    assert "You were signed out" in (await browser.get("/console/sign-in")).text
    headers = {
        "HX-Request": "true",
        "HX-Current-URL": "https://c360.example/console/rfm?until=2017",
    }
    part = await browser.get("/console/purpose", headers=headers)
    assert part.status_code == NOT_SIGNED_IN
    where = "/console/sign-in?next=%2Fconsole%2Frfm%3Funtil%3D2017"
    assert part.headers["hx-redirect"] == where


async def test_an_account_that_is_gone_ends_its_sessions(
    browser: Client, accounts_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As does another password, and a role that changes counts at once; a file that has become
    wrong locks out nobody."""
    monkeypatch.setattr(account_ring, "LOOK_S", 0.0)
    await sign_in(browser)
    await sign_in_purpose(browser)
    assert (await browser.get("/console/search")).status_code == httpx.codes.OK
    change(accounts_file, lambda text: text.replace('"service"', '"merchandising"'))
    assert "/console/search" not in (await browser.get("/console/purpose")).text
    change(accounts_file, lambda _text: "accounts = 3")
    assert (await browser.get("/console/purpose")).status_code == httpx.codes.OK
    write(accounts_file, anna=("Anna Berg", Role.SERVICE))  # the same password, hashed anew
    assert (await browser.get("/console/purpose")).status_code == SEE_OTHER
    await sign_in(browser)
    write(accounts_file, max=("Max Moor", Role.STORE))
    assert (await browser.get("/console/purpose")).status_code == SEE_OTHER


def change(path: Path, to: Callable[[str], str]) -> None:
    """Write the file anew."""
    path.write_text(to(path.read_text()))


async def sign_in_purpose(browser: Client) -> None:
    """Say why."""
    csrf = csrf_of(await browser.get("/console/purpose"))
    await browser.post("/console/purpose", data={"kind": "call", "csrf": csrf})


async def test_pages_run_nothing_of_others(browser: Client) -> None:
    """A strict policy, nothing inline, nothing kept; scripts and styles are ours and are kept by
    browsers under the name of their content."""
    page = await browser.get("/console/sign-in")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "<style" not in page.text
    assert " style=" not in page.text
    script = page.text.partition('<script src="')[2].partition('"')[0]
    file = await browser.get(script)
    assert "immutable" in file.headers["cache-control"]
    assert file.headers["content-type"].startswith("text/javascript")
    other = await browser.get("/console/static/0/console.css")
    assert other.headers["cache-control"] == "no-store"
    for name in ("..%2F..%2Fhttp.py", "__init__.py", "nothing.js"):
        assert (await browser.get(f"/console/static/0/{name}")).status_code == 404

"""The console of a running service: what each role sees, and what nobody does.

The service has two realms with the same data; every free value of the other one is marked.
"""

from __future__ import annotations

import csv
import io
import uuid
from urllib.parse import quote

import httpx
import pytest

from schemas.api.permission import Language
from services.api.auth import Scope
from services.api.roles import ROLE_SCOPES, Role
from services.console.navigation import PAGES
from services.console.texts import text
from tests.clients.console_people import (
    MENU,
    OF_CUSTOMER,
    csrf_of,
    key_of,
    sees_customers,
    signed_in,
)
from tests.contract.api.populated import MARK, Populated
from tests.e2e.runs import wait_for
from tests.events import event, identifier

OK, FORBIDDEN, NOT_FOUND = 200, 403, 404
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SCOPES = {page.name: page.scopes for page in PAGES}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_sees_its_pages_and_no_others(asked: Populated, role: Role) -> None:
    """What the menu has opens; what it lacks says which scope is missing; nothing is of the other
    realm."""
    with signed_in(asked.service, key_of(asked.service, role)) as browser:
        for name in MENU:
            page = browser.get(f"/console/{name}")
            is_open = SCOPES.get(name, {Scope.INSIGHTS_READ}) <= ROLE_SCOPES[role]
            if is_open:
                assert page.status_code == OK, (name, page.text[:500])
            elif page.status_code != OK:  # the parts of a page of measures refuse by themselves
                assert page.status_code == FORBIDDEN, (name, page.text[:500])
                assert "You may not see this" in page.text
            assert MARK not in page.text, name
        menu = browser.get("/console/quality").text
        for name, scopes in SCOPES.items():
            assert (f'href="/console/{name}"' in menu) == (scopes <= ROLE_SCOPES[role]), name


@pytest.mark.parametrize("role", list(Role))
def test_a_customer_as_a_role_sees_them(asked: Populated, role: Role) -> None:
    """Masked without `profiles:pii`, not at all without `profiles:read`; a customer of the other
    realm is not found."""
    sees_values = Scope.PROFILES_PII in ROLE_SCOPES[role]
    with signed_in(asked.service, key_of(asked.service, role)) as browser:
        for part in OF_CUSTOMER:
            page = browser.get(f"/console/profiles/{asked.profile_id}{part}")
            other = browser.get(f"/console/profiles/{asked.other_profile_id}{part}")
            if not sees_customers(role):
                assert (page.status_code, other.status_code) == (FORBIDDEN, FORBIDDEN), part
                continue
            assert page.status_code in (OK, FORBIDDEN), (part, page.text[:500])
            assert other.status_code in (NOT_FOUND, FORBIDDEN), part
            assert MARK not in page.text + other.text
            if not sees_values:
                assert asked.email not in page.text, part
        if sees_customers(role):
            shown = browser.get(f"/console/profiles/{asked.profile_id}").text
            assert ("values masked" in shown) == (not sees_values)
            assert (asked.email in shown) == sees_values


@pytest.mark.parametrize("language", list(Language))
def test_both_languages_have_all_words(asked: Populated, language: Language) -> None:
    """No page fails for a word, and each has its own title."""
    key = key_of(asked.service, Role.ADMIN)
    with signed_in(asked.service, key, language=language.value) as browser:
        for name in (*MENU, *(f"profiles/{asked.profile_id}{part}" for part in OF_CUSTOMER)):
            page = browser.get(f"/console/{name}")
            assert page.status_code == OK, (name, page.text[:500])
            assert f'<html lang="{language.value}">' in page.text
        for name in SCOPES:
            shown = browser.get(f"/console/{name}").text
            assert text(language, f"nav.{name}") in shown


def test_looks_are_noted_with_their_purpose(asked: Populated) -> None:
    """Who looked, at whom, and why: as the privacy role sees it on the page of the customer."""
    note = uuid.uuid4().hex[:12]
    key = key_of(asked.service, Role.SERVICE)
    with signed_in(asked.service, key, "complaint", note=note) as browser:
        assert browser.get(f"/console/profiles/{asked.profile_id}").status_code == OK
    with signed_in(asked.service, key_of(asked.service, Role.PRIVACY), "data") as browser:
        place = f"/console/profiles/{asked.profile_id}/rights"
        assert wait_for(lambda: f"Complaint: {note}" in browser.get(place).text)


def test_without_a_purpose_nobody_is_shown(asked: Populated) -> None:
    """Every page of a customer asks for it first, and comes back to itself."""
    with signed_in(asked.service, key_of(asked.service, Role.SERVICE), purpose="") as browser:
        for part in OF_CUSTOMER:
            path = f"/console/profiles/{asked.profile_id}{part}"
            page = browser.get(path)
            assert page.url.path == "/console/purpose", part
            assert page.url.params["next"] == path


def test_incidents_of_another_realm_are_not_found(asked: Populated) -> None:
    """Nor can they be acted upon; the own one can, with the name of the person."""
    service = asked.service
    with signed_in(service, key_of(service, Role.STORE)) as browser:
        mine = f"/console/incidents/{asked.incident_id}"
        csrf = csrf_of(browser.get(mine))
        done = browser.post(
            f"{mine}/actions", data={"csrf": csrf, "action": "ack", "reason": "ticket 7"}
        )
        assert done.status_code == OK
        assert "ticket 7" in done.text
        empty = browser.post(f"{mine}/actions", data={"csrf": csrf, "action": "ack", "reason": ""})
        assert empty.status_code == httpx.codes.BAD_REQUEST
        assert "This cannot be asked" in empty.text
    with signed_in(service, service.key(*_admin(), realm="second")) as browser:
        assert browser.get(mine).status_code == NOT_FOUND
        csrf = csrf_of(browser.get("/console/quality"))
        refused = browser.post(
            f"{mine}/actions", data={"csrf": csrf, "action": "ack", "reason": "mine"}
        )
        assert refused.status_code == NOT_FOUND


def test_no_value_becomes_markup_or_a_formula(asked: Populated) -> None:
    """Whatever a sender writes into the fields of a customer: pages show it, files quote it."""
    service, tag = asked.service, uuid.uuid4().hex
    named = [
        identifier("email", f"{tag}@example.org", verified=True),
        identifier("customer_number", f"{tag[:6]}{HOSTILE}"[:60], issuer="shop", verified=True),
    ]
    values = {
        name: f"{HOSTILE}{name}"
        for name in ("first_name", "last_name", "street", "city", "company")
    }
    lines = [{"sku": f"=1+1{HOSTILE}"[:40], "quantity": "1", "total": "5.00"}]
    order = {"order_id": f"{tag}{HOSTILE}"[:60], "currency": "EUR", "lines": lines}
    service.send(
        event(
            "profile.updated",
            event_id=f"{tag}-1{HOSTILE}",
            identifiers=named,
            body={"attributes": values},
        ),
        event("order.placed", event_id=f"{tag}-2{HOSTILE}", identifiers=named, body=order),
    )
    with signed_in(service, key_of(service, Role.ADMIN), note=HOSTILE[:40]) as browser:
        page = browser.get("/console/search")
        fields = {"csrf": csrf_of(page), "text": f"{tag}@example.org"}
        found = browser.post("/console/search", data=fields)
        profile_id = found.text.partition('href="/console/profiles/')[2].partition('"')[0]
        assert profile_id
        pages = [found, browser.post("/console/search", data={**fields, "text": HOSTILE})]
        pages += [browser.get(f"/console/profiles/{profile_id}{part}") for part in OF_CUSTOMER]
        query = {"channel": HOSTILE, "store": HOSTILE, "segment": HOSTILE, "reason": HOSTILE}
        part = quote(HOSTILE, safe="")
        for name in (*MENU, f"incidents/{part}", f"measures/{part}", f"segments/{part}"):
            pages.append(browser.get(f"/console/{name}", params=query))
    for shown in pages:
        assert shown.status_code < 500, (shown.url, shown.text[:300])
        if not shown.headers["content-type"].startswith("text/html"):
            continue  # a problem document of the API, for a path that is none of the console's
        assert "<script>alert" not in shown.text, shown.url
        assert "<img src=x" not in shown.text, shown.url
    assert "&lt;script&gt;alert" in pages[2].text


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("/incidents.csv?view=all", "incident_id"),
        ("/incidents/{incident_id}/affected.csv", "profile_id"),
        ("/quality/rejected.csv", "reason"),
        ("/measures/nps/table.csv", "value"),
        ("/segments/everybody/members.csv", "profile_id"),
    ],
)
def test_tables_are_files(asked: Populated, path: str, column: str) -> None:
    """CSV that spreadsheets open, of this realm alone."""
    with signed_in(asked.service, key_of(asked.service, Role.ADMIN)) as browser:
        file = browser.get(f"/console{path.format(incident_id=asked.incident_id)}")
    assert file.status_code == OK
    assert file.headers["content-disposition"].startswith("attachment")
    assert MARK not in file.text
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert column in (rows[0] if rows else file.text)


def test_decisions_are_previewed(asked: Populated) -> None:
    """Nothing changes before it is confirmed; a decision can be taken back."""
    service, tag = asked.service, uuid.uuid4().hex
    both = [
        identifier("email", f"{tag}@example.org", verified=True),
        identifier("loyalty_card", tag, issuer="club", verified=True),
    ]
    service.send(event("identity.linked", event_id=f"{tag}-1", identifiers=both))
    with service.client(*_admin()) as client:
        asked_for = {"identifiers": [{"type": "email", "value": f"{tag}@example.org"}]}
        profile_id = client.post("/v1/profiles/lookup", json=asked_for).json()["profile_id"]
    with signed_in(service, key_of(service, Role.SERVICE)) as browser:
        place = f"/console/profiles/{profile_id}"
        page = browser.get(f"{place}/why")
        assert "Yes, the same person" in page.text
        a, b = (
            page.text.partition(f'type="hidden" name="{end}" value="')[2].partition('"')[0]
            for end in ("a", "b")
        )
        decision = {"csrf": csrf_of(page), "a": a, "b": b, "verdict": "different", "reason": "t 1"}
        preview = browser.post(f"{place}/decision", data=decision)
        assert "What would change" in preview.text
        assert "Yes, the same person" in browser.get(f"{place}/why").text
        browser.post(f"{place}/decision", data={**decision, "confirmed": "yes"})
        apart = {"a": a, "b": b}
        assert wait_for(
            lambda: "No, not the same person" in browser.get(f"{place}/why", params=apart).text
        )


def _admin() -> list[Scope]:
    return sorted(ROLE_SCOPES[Role.ADMIN])

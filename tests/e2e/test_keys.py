"""API keys beside a running `c360 up`: made, used, rotated and revoked from a second terminal."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.embedded.running_instance import read_running_instance
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.e2e.runs import API_KEY, c360, c360_json, wait_for
from tests.e2e.up import PUBLIC_KEY, Running, running
from tests.events import event, identifier
from tests.identity_provider import (
    AUDIENCE,
    ISSUER,
    OTHER_RSA_KEY,
    RSA_KEY,
    IdentityProvider,
    jwk,
    token,
)

CARD = identifier("loyalty_card", "2912345678901", verified=True)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A `c360 up` on an empty directory."""
    with running(tmp_path_factory.mktemp("keys") / "data") as started:
        yield started
        started.client.close()


def whoami(up: Running, key: str) -> httpx.Response:
    """Who a key is, according to the service."""
    return up.client.get("/v1/whoami", headers={"Authorization": f"Bearer {key}"})


def made(up: Running, *arguments: str) -> dict[str, str]:
    """A new key."""
    created: dict[str, str] = c360_json(up.data_dir, "keys", "create", "--json", *arguments)
    return created


def test_a_key_works_as_soon_as_it_is_made(up: Running) -> None:
    """With its realm and its scopes, and it sends events if it may."""
    key = made(up, "--name", "desk", "--scope", "profiles:read", "--scope", "events:write")
    answer = whoami(up, key["key"])
    assert answer.status_code == httpx.codes.OK
    owner = answer.json()
    assert (owner["key_id"], owner["name"], owner["realm"]) == (key["key_id"], "desk", "default")
    assert owner["scopes"] == ["events:write", "profiles:read"]
    sent = up.post(event(identifiers=[identifier("email", "a@example.com")]), key=key["key"])
    assert sent.json()["results"][0]["status"] == "accepted"
    assert whoami(up, API_KEY).json()["realm"] is None
    assert whoami(up, PUBLIC_KEY).json()["scopes"] == ["events:write:public"]


def test_the_key_stands_alone_on_standard_output(up: Running) -> None:
    """A script can take it from there; everything else is for people."""
    done = c360(up.data_dir, "keys", "create", "--name", "script", "--scope", "insights:read")
    assert whoami(up, done.stdout.strip()).json()["name"] == "script"
    assert "only time" in done.stderr
    listed = c360(up.data_dir, "keys", "list").stdout
    assert done.stdout.strip().split("_")[2] not in listed


def test_a_rotated_key_works_until_its_grace_is_over(up: Running) -> None:
    """And the successor from the first moment."""
    old = made(up, "--name", "campaigns", "--scope", "profiles:read")
    new = c360_json(up.data_dir, "keys", "rotate", old["key_id"], "--grace", "1h", "--json")
    last = c360_json(up.data_dir, "keys", "rotate", new["key_id"], "--grace", "0s", "--json")
    assert whoami(up, old["key"]).json()["name"] == "campaigns"
    assert whoami(up, last["key"]).json()["key_id"] == last["key_id"]
    wait_for(lambda: whoami(up, new["key"]).status_code == httpx.codes.UNAUTHORIZED)


def test_a_revoked_key_stops_within_seconds(up: Running) -> None:
    """Without a restart, and with the same answer as a key that never was."""
    key = made(up, "--name", "gone", "--scope", "profiles:read")
    assert whoami(up, key["key"]).is_success
    c360(up.data_dir, "keys", "revoke", key["key_id"])
    wait_for(lambda: whoami(up, key["key"]).status_code == httpx.codes.UNAUTHORIZED)
    answers = [whoami(up, one).json() for one in (key["key"], "c360_aaaaaaaaaaaa_" + "A" * 43, "x")]
    for answer in answers:
        answer.pop("request_id")
    assert answers[0] == answers[1] == answers[2]
    states = {
        one["key_id"]: one["state"] for one in c360_json(up.data_dir, "keys", "list", "--json")
    }
    assert states[key["key_id"]] == "revoked"


def test_keys_and_the_local_token_open_different_doors(up: Running) -> None:
    """No key asks the routes of local commands, and their token none of the API."""
    scopes = ("profiles:read", "profiles:pii", "audit:read", "incidents:write", "events:write")
    key = made(up, "--name", "much", *(part for one in scopes for part in ("--scope", one)))
    for credential in (key["key"], API_KEY, PUBLIC_KEY):
        headers = {"Authorization": f"Bearer {credential}"}
        for name in ("keys_list", "profile_list", "access_list", "lines", "tick"):
            answer = up.client.post(f"/internal/v1/{name}", json={}, headers=headers)
            assert answer.status_code == httpx.codes.UNAUTHORIZED
    presence = read_running_instance(up.data_dir)
    assert presence is not None
    assert whoami(up, presence.token).status_code == httpx.codes.UNAUTHORIZED


def test_wrong_commands_say_what_is_wrong(up: Running) -> None:
    """And make no key."""
    before = len(c360_json(up.data_dir, "keys", "list", "--json"))
    create = ("keys", "create", "--name", "x", "--scope")
    for arguments, code in (
        ((*create, "store:repair"), 2),
        ((*create, "profiles:read", "--expires", "999999999d"), 2),
        (("keys", "rotate", "nothing"), 4),
        (("access", "list", "--cursor", "x"), 2),
    ):
        assert c360(up.data_dir, *arguments, code=code).stderr, arguments
    assert len(c360_json(up.data_dir, "keys", "list", "--json")) == before


def test_keys_outlive_the_service(tmp_path: Path) -> None:
    """Made before the first start, and again after a restart."""
    data_dir = tmp_path / "data"
    key = c360_json(data_dir, "keys", "create", "--name", "a", "--scope", "events:read", "--json")
    for _ in range(2):
        with running(data_dir, C360_API_KEYS=json.dumps([])) as up:
            assert whoami(up, key["key"]).json()["key_id"] == key["key_id"]
            assert up.stop() == 0


def test_what_was_read_is_logged_although_the_service_stops(tmp_path: Path) -> None:
    """It writes its access log before it ends; a command finds the customer by any identifier."""
    data_dir, email = tmp_path / "data", "anna@example.com"
    with running(data_dir) as up:
        key = made(up, "--name", "desk", "--scope", "profiles:read")
        up.post(
            event("identity.linked", identifiers=[identifier("email", email, verified=True), CARD])
        )
        answer = up.client.post(
            "/v1/profiles/lookup",
            json={"identifiers": [{"type": "email", "value": email}]},
            headers={"Authorization": f"Bearer {key['key']}", "X-Purpose": "ticket 4711"},
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        assert up.stop() == 0, up.errors
    for who in (email, f"loyalty_card={CARD['value']}", answer.json()["profile_id"]):
        [entry] = c360_json(data_dir, "access", "list", who, "--json")["entries"]
        assert (entry["key_name"], entry["purpose"]) == ("desk", "ticket 4711")
        assert entry["profile_ids"] == [answer.json()["profile_id"]]
    assert not c360_json(data_dir, "access", "list", "bert@example.com", "--json")["entries"]


def test_keys_of_a_server(clickhouse_endpoint: ClickHouseEndpoint) -> None:
    """The same commands, from any machine that reaches it."""
    server: dict[str, Any] = {
        "C360_CLICKHOUSE_URL": clickhouse_endpoint.url,
        "C360_CLICKHOUSE_DATABASE": f"c360_test_{secrets.token_hex(6)}",
    }
    c360(None, "migrate", **server)
    made = c360(None, "keys", "create", "--name", "a", "--scope", "events:read", **server).stdout
    key_id = made.split("_")[1]
    c360(None, "keys", "rotate", key_id, "--grace", "7d", **server)
    c360(None, "keys", "revoke", key_id, **server)
    listed = json.loads(c360(None, "keys", "list", "--json", **server).stdout)
    assert [(one["state"], one["replaces"]) for one in listed] == [
        ("revoked", None),
        ("active", key_id),
    ]
    assert json.loads(c360(None, "access", "list", "--json", **server).stdout) == {
        "entries": [],
        "next_cursor": None,
    }


def test_tokens_of_an_identity_provider(tmp_path: Path) -> None:
    """They open the API like a key, with the realm and the scopes that they name."""
    provider = IdentityProvider()
    provider.keys = [jwk(RSA_KEY, "rsa")]
    settings: dict[str, Any] = {
        "C360_OIDC_ISSUER": ISSUER,
        "C360_OIDC_AUDIENCE": AUDIENCE,
        "C360_OIDC_JWKS_URL": provider.url,
    }
    with running(tmp_path / "data", **settings) as up:
        owner = whoami(up, token(c360_realm="default")).json()
        assert (owner["realm"], owner["name"]) == ("default", "service-desk")
        assert owner["scopes"] == ["audit:read", "profiles:read"]
        forged = token(OTHER_RSA_KEY, c360_realm="default")
        assert whoami(up, forged).status_code == httpx.codes.UNAUTHORIZED
        assert up.stop() == 0
    provider.stop()

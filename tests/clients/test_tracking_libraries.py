"""The public libraries of Segment and RudderStack, unchanged, against a running service.

Their six calls arrive as touchpoints of one customer, and none of them reports an error. What they
do when they are refused is not to try again.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.test_outside_clients import run
from tests.contract.api.populated import Populated
from tests.e2e.runs import wait_for

HERE = Path(__file__).parent
LIBRARIES = [(speech, name) for speech in ("node", "python") for name in ("segment", "rudderstack")]
EACH = pytest.mark.parametrize(("speech", "library"), LIBRARIES)
ARRIVES = {
    "profile.updated": "shop", "order.placed": "shop", "page.viewed": "shop",
    "account.contact_changed": "shop", "identity.linked": "shop",
}  # fmt: skip


def sent(outside: Path, tmp_path: Path, speech: str, *arguments: str) -> str:
    """What a library reports; it runs where its packages are."""
    if speech == "python":
        return run(outside, tmp_path, outside / "bin" / "python", HERE / "libraries.py", *arguments)
    program = tmp_path / "libraries.mjs"
    program.write_text((HERE / program.name).read_text("utf-8"), "utf-8")
    (tmp_path / "node_modules").symlink_to(outside / "node_modules")
    return run(outside, tmp_path, "node", program, *arguments)


def timeline(asked: Populated, user: str) -> list[dict[str, Any]]:
    """The history of a customer; empty while nobody is known."""
    named = {"identifiers": [{"type": "customer_number", "value": user}]}
    with asked.service.client() as client:
        found = client.post("/v1/profiles/lookup", json=named)
        if found.status_code == httpx.codes.NOT_FOUND:
            return []
        path = f"/v1/profiles/{found.json()['profile_id']}/timeline"
        rows: list[dict[str, Any]] = client.get(path).json()["data"]
        return rows


@EACH
def test_six_calls_arrive(
    outside: Path, asked: Populated, tmp_path: Path, speech: str, library: str
) -> None:
    """The library reports nothing, and each call is there once; a screen is a page of the app."""
    user, key = uuid.uuid4().hex, asked.service.key("events:write")
    assert sent(outside, tmp_path, speech, library, asked.service.url, key, user) == ""

    def complete() -> list[dict[str, Any]]:
        rows = timeline(asked, user)
        return rows if len(rows) == len(ARRIVES) + 1 else []

    rows = wait_for(complete)
    arrived = [(one["type"], one["channel"]) for one in rows]
    assert sorted(arrived) == sorted([*ARRIVES.items(), ("page.viewed", "app")])
    [bought] = [one["summary"] for one in rows if one["type"] == "order.placed"]
    assert bought.startswith("bought 1 item for 79.90 EUR")


@EACH
def test_a_wrong_key_is_reported_at_once(
    outside: Path, asked: Populated, tmp_path: Path, speech: str, library: str
) -> None:
    """The library gives up, and says so."""
    wrong = "no-key-of-ours-at-all"
    told = sent(outside, tmp_path, speech, library, asked.service.url, wrong, "nobody")
    assert told
    assert timeline(asked, "nobody") == []

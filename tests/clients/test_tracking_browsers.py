"""The public libraries of Segment and RudderStack for browsers, unchanged, in a page of Chromium.

The page is of another origin than the service, has a public write key, and makes each of their five
calls: a browser asks first whether it may send what they send.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.ports import free_port
from tests.clients.test_outside_clients import run
from tests.e2e.runs import c360, wait_for
from tests.e2e.up import PUBLIC_KEY, Running, running

PROGRAM = Path(__file__).parent / "browser.mjs"
CHROMIUM = Path("/usr/bin/chromium")
ARRIVES = ["identity.linked", "page.viewed", "product.viewed", "profile.updated"]
"""What a visitor may say."""


@pytest.fixture(scope="module")
def page_port() -> int:
    """Where the page is."""
    return free_port()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, page_port: int) -> Iterator[Running]:
    """A service that takes events of that page alone."""
    if not CHROMIUM.is_file() and os.environ.get("CI") != "true":
        pytest.skip("needs Chromium (make /usr/bin/chromium)")
    assert CHROMIUM.is_file()
    origins = json.dumps([f"http://127.0.0.1:{page_port}"])
    with running(tmp_path_factory.mktemp("up") / "data", C360_API_CORS_ORIGINS=origins) as up:
        yield up
        assert up.stop() == 0


@pytest.mark.parametrize("library", ["segment", "rudderstack"])
def test_calls_of_a_page_arrive(
    outside: Path, up: Running, page_port: int, tmp_path: Path, library: str
) -> None:
    """The library reports nothing and no request fails; the company of a call, which no visitor may
    state, is rejected where one can look."""
    program = tmp_path / PROGRAM.name
    shutil.copy(PROGRAM, program)
    (tmp_path / "node_modules").symlink_to(outside / "node_modules")
    url, user = str(up.client.base_url), f"u-{library}"
    before = len(rejected(up))
    called = ("node", program, library, url, PUBLIC_KEY, user, f"{page_port}")
    assert run(outside, tmp_path, *called) == ""
    found = wait_for(lambda: len(events(up, user)) >= len(ARRIVES) and events(up, user))
    assert sorted(found) == ARRIVES
    assert rejected(up)[before:] == ["not_allowed"] * 2


def events(up: Running, user: str) -> list[str]:
    """The types of the stored events that name a user."""
    told = c360(up.data_dir, "events", "export")
    lines = [json.loads(line) for line in told.stdout.splitlines() if user in line]
    return [one["type"] for one in lines]


def rejected(up: Running) -> list[str]:
    """Why events were rejected."""
    told = c360(up.data_dir, "rejected", "list", "--json").stdout
    return [one["reason"] for one in json.loads(told)]

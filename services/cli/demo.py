"""`c360 demo`: the whole pipeline once, on invented customers and real till baskets."""

from __future__ import annotations

import shutil
import time
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.identity import IDENTITY_WHY, WhyRequest
from services.api.queries.incidents import INCIDENTS_LIST, IncidentsRequest
from services.api.queries.profiles import (
    PROFILE_GET,
    PROFILE_LIST,
    ProfileGetRequest,
    ProfilesRequest,
)
from services.api.queries.timeline import PROFILE_TIMELINE, TimelineRequest
from services.cli.checkout import require_checkout
from services.cli.incidents import print_incidents
from services.cli.ingest import IngestReport
from services.cli.local_session import LocalSession
from services.cli.output import Bar, bold, out, print_table, progress_bar
from services.cli.profile import print_profile
from services.cli.sample import make_sample
from services.embedded.engine import Engine
from services.intake.files import read_lines
from services.runtime.errors import ConfigurationError, StoreUnavailable
from services.runtime.logging import configure_logging
from services.runtime.settings import SETTINGS_FILE, Settings, load_settings
from services.store.locks import OWNER_ONLY, DirectoryLock

DEMO_SECRET = "customer360-demo-identity-secret"
DEMO_API_KEY = "customer360-demo-api-key"
STREAM = "sample.jsonl"
TRUTH = "truth"
INCIDENTS_SHOWN = 8


def demo(
    households: Annotated[int, typer.Option(min=1, max=2469, help="How many.")] = 150,
    seed: Annotated[int, typer.Option(help="The same seed makes the same stream.")] = 1,
    directory: Annotated[Path, typer.Option(help="Recreated each time.")] = Path("demo"),
) -> None:
    """Sample stream → profiles and price incidents, and a look at them."""
    require_checkout()
    # Imported late: only a checkout has it.
    from devtools.sample.retailer import rules_file

    begun = time.monotonic()
    settings = _prepare(directory, rules_file(directory.resolve() / STREAM))
    out.print(bold("1. Till baskets as a stream") + f" ({households} households, seed {seed})")
    sample = make_sample(households, seed, directory / STREAM, directory / TRUTH)
    out.print(f"   {sample.lines:,} lines, {sample.persons:,} persons, semi-synthetic")
    with Engine.open(settings) as engine:
        session = LocalSession(engine)
        out.print(bold("2. Ingest"))
        with progress_bar("events", sample.lines) as bar:
            report = _ingest(session, directory / STREAM, bar)
        report.print()
        _show(session, ZoneInfo(settings.realms[DEFAULT_REALM].time_zone))
    out.print(f"\ndone in {time.monotonic() - begun:.0f} s")
    _what_next(directory)


def _prepare(directory: Path, rules: Path) -> Settings:
    """An empty demo directory with settings of its own, which name a rules file.

    Raises:
        ConfigurationError: the directory holds something that no demo made.
        StoreUnavailable: a process is using it.
    """
    if directory.exists():
        if any(directory.iterdir()) and not (directory / SETTINGS_FILE).exists():
            raise ConfigurationError(
                f"{directory} is not empty and was not made by a demo; choose another --directory"
            )
        if DirectoryLock(directory).is_held():
            raise StoreUnavailable(
                f"{directory} is in use; stop the process that holds it, or choose another "
                "--directory"
            )
        shutil.rmtree(directory)
    directory.mkdir(mode=OWNER_ONLY, parents=True)
    (directory / SETTINGS_FILE).touch(0o600)
    (directory / SETTINGS_FILE).write_text(
        f'C360_IDENTITY_SECRET={DEMO_SECRET}\nC360_API_KEYS=["{DEMO_API_KEY}"]\n'
        f"C360_CONSISTENCY_RULES={rules}\n",
        "utf-8",
    )
    settings = load_settings(directory)
    configure_logging(settings)
    return settings


def _ingest(session: LocalSession, stream: Path, bar: Bar) -> IngestReport:
    report = IngestReport(bar)
    session.ingest(read_lines(str(stream)), report.take)
    return report


def _show(session: LocalSession, zone: tzinfo) -> None:
    """One customer in full, why their identifiers are one person, and the incidents."""
    everything = ProfilesRequest(realm=DEFAULT_REALM)
    profiles = list(map(plain, session.run(PROFILE_LIST, everything)))
    customers = [one for one in profiles if one["orders"]]
    out.print(bold(f"\n3. {len(profiles):,} profiles, {len(customers):,} with orders. One of them"))
    chosen = max(customers, key=lambda one: (len(one["channels"]), one["identifiers_count"]))
    handle = {"realm": DEFAULT_REALM, "handle": chosen["profile_id"]}
    profile = plain(next(session.run(PROFILE_GET, ProfileGetRequest(**handle))))
    print_profile(profile, zone)
    page = next(session.run(PROFILE_TIMELINE, TimelineRequest(**handle, limit=6)))
    shown = [plain(entry) for entry in page.entries]
    print_table(
        "Latest touchpoints", shown, ("occurred_at", "channel", "type", "summary"), zone=zone
    )
    _show_why(session, profile, zone)
    incidents = list(map(plain, session.run(INCIDENTS_LIST, IncidentsRequest(realm=DEFAULT_REALM))))
    out.print(bold(f"\n4. {len(incidents)} price incidents"))
    worst = sorted(incidents, key=lambda one: -float(one["exposure"]["overcharged"]))
    print_incidents(f"The {INCIDENTS_SHOWN} that cost most", worst[:INCIDENTS_SHOWN], zone)


def _show_why(session: LocalSession, profile: dict[str, Any], zone: tzinfo) -> None:
    """The first and the last identifier: why are they one person?"""
    known = profile["identifiers"]
    if len(known) > 1:
        ends = {"a": known[0]["node_id"], "b": known[-1]["node_id"]}
        answer = plain(next(session.run(IDENTITY_WHY, WhyRequest(realm=DEFAULT_REALM, **ends))))
        out.print(bold("\nWhy these identifiers are one person"))
        for sentence in answer["sentences"]:
            out.print(sentence, soft_wrap=True)


def _what_next(directory: Path) -> None:
    out.print(bold("\nWhat to try next"))
    out.print(
        f"""\
  c360 --data-dir {directory} profile list --format csv | head
  c360 --data-dir {directory} incidents list
  c360 --data-dir {directory} rejected list
  c360 --data-dir {directory} state digest
  c360 --data-dir {directory} up          # then POST /v1/touchpoints; see docs/http-intake.md
The right answers for this stream are in {directory / TRUTH}."""
    )

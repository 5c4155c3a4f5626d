"""`c360 doctor`: what is set, what can be reached, what looks wrong, each with advice.

It changes nothing and makes no store. Only a broken set-up ends with exit code 1; a warning may be
as intended.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import typer

from schemas.rules.identity import identity_rules
from schemas.rules.insights import insight_rules
from schemas.rules.profile import profile_rules
from services.api.queries.identity_rules import RulesInForce
from services.api.queries.store import STORE_HEALTH, HealthRow, StoreRequest
from services.cli.known_rules import differing, newest, own_name, rules_of_store, told
from services.cli.output import print_json, print_table
from services.cli.session import find_running, open_session
from services.cli.state import AsJson, state_of
from services.consistency.config import configured_rules
from services.ingest.config import configured_trust
from services.runtime.errors import C360Error
from services.runtime.settings import Settings, is_overridden, read_rules
from services.store.directory import has_engine
from services.store.locks import open_to_others

FREE_BYTES_MIN = 1024**3
"""Free room that merges of a shop's data need at times."""
FILES_MIN = 4096
"""Open files that an engine with its parts and a few hundred connections needs."""
SKEW_MAX = timedelta(seconds=60)
CONNECT_S = 3.0
KAFKA_PORT = "9092"
"""The one of brokers without a port, as their client has it."""
SECRET = "C360_IDENTITY_SECRET"


class Condition(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Checked(NamedTuple):
    """One check: what was found, and what to do about it."""

    check: str
    verdict: Condition
    found: str
    advice: str = ""


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check settings, store, brokers, clock and limits; says what to do about each finding."""
    settings = state_of(context).settings()
    in_force = list[RulesInForce]()
    reached = list(_reachable(settings, in_force))
    findings = [*configured(settings), *rules(settings, in_force), *limits(settings), *reached]
    if as_json:
        print_json([one._asdict() for one in findings])
    else:
        rows = [one._asdict() for one in findings]
        print_table("", rows, ("verdict", "check", "found", "advice"))
    if any(one.verdict is Condition.FAILED for one in findings):
        raise typer.Exit(1)


def configured(settings: Settings) -> Iterator[Checked]:
    """What the settings alone show."""
    if settings.identity_secret is None:
        yield Checked("secret", Condition.FAILED, "not set", f"set {SECRET}: openssl rand -hex 32")
    elif is_overridden(settings.data_dir, SECRET):
        found = "the environment hides that of settings.env"
        yield Checked("secret", Condition.WARNING, found, f"unset {SECRET}")
    else:
        yield Checked("secret", Condition.OK, "set")
    if settings.trust_rules is not None:
        yield Checked("trusted sources", Condition.OK, f"as {settings.trust_rules} says")
    elif settings.trusted_sources == ["*"]:
        yield Checked(
            "trusted sources",
            Condition.WARNING,
            "every source is trusted",
            "name yours in C360_TRUST_RULES or C360_TRUSTED_SOURCES: what they verify joins people",
        )
    else:
        yield Checked("trusted sources", Condition.OK, ", ".join(settings.trusted_sources))
    if not settings.source_issuers:
        yield Checked(
            "issuers",
            Condition.WARNING,
            "no default",
            "C360_SOURCE_ISSUERS: customer 1001 of the shop is not customer 1001 of the ERP",
        )
    else:
        yield Checked("issuers", Condition.OK, f"of {len(settings.source_issuers)} sources")


def rules(settings: Settings, in_force: Sequence[RulesInForce] = ()) -> Iterator[Checked]:
    """Whether the rules files can be used, with the identity rules in force where there are any;
    also before there is any data."""
    try:
        own = read_rules(settings, "identity_rules", identity_rules)
        differ = differing(settings, in_force)
        configured_trust(settings, newest(in_force) or own)
        configured_rules(settings)
        read_rules(settings, "profile_rules", profile_rules)
        read_rules(settings, "insight_rules", insight_rules)
    except C360Error as error:
        advice = "correct the file, or unset the variable for the packaged rules"
        yield Checked("rules", Condition.FAILED, str(error), advice)
        return
    yield Checked("rules", Condition.OK, "can be used")
    if not in_force:
        return
    found = f"in force: {'; '.join(map(told, in_force))}"
    if not differ:
        yield Checked("identity rules", Condition.OK, found)
        return
    found += f"; they differ from {own_name(settings)}"
    if settings.identity_rules is None:
        yield Checked("identity rules", Condition.OK, f"{found}, which change nothing")
    else:
        advice = "unset C360_IDENTITY_RULES, or 'c360 identity apply' the file: no process starts"
        yield Checked("identity rules", Condition.FAILED, found, advice)


def limits(settings: Settings) -> Iterator[Checked]:
    """What the machine allows, and to whom."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= files < FILES_MIN:
        yield Checked("open files", Condition.WARNING, f"{files:,}", f"ulimit -n {FILES_MIN}")
    else:
        yield Checked("open files", Condition.OK, f"{files:,}")
    yield from _directory(settings.data_dir)
    if settings.clickhouse_url is None:
        yield _room(settings.data_dir)


def _room(data_dir: Path) -> Checked:
    disk = next(one for one in (data_dir, *data_dir.absolute().parents) if one.exists())
    free = shutil.disk_usage(disk).free
    found = f"{free / 1024**3:,.1f} GB free on the disk of {data_dir}"
    if free < FREE_BYTES_MIN:
        return Checked("disk", Condition.WARNING, found, "free some space, or move the directory")
    return Checked("disk", Condition.OK, found)


def _directory(data_dir: Path) -> Iterator[Checked]:
    """Whether the data directory can be used, by whom."""
    if not data_dir.exists():
        yield Checked("secrecy", Condition.OK, "a new data directory is closed to others")
        return
    if not data_dir.is_dir() or not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        what = "may not be written by this user" if data_dir.is_dir() else "is no directory"
        advice = "choose another with --data-dir or C360_DATA_DIR, or make it writable"
        yield Checked("data directory", Condition.FAILED, f"{data_dir} {what}", advice)
        return
    exposed = open_to_others(data_dir)
    for path in exposed:
        yield Checked("secrecy", Condition.WARNING, f"others read {path}", f"chmod go-rwx {path}")
    if not exposed:
        yield Checked("secrecy", Condition.OK, "the data directory is closed to others")


def _reachable(settings: Settings, in_force: list[RulesInForce]) -> Iterator[Checked]:
    """What answers; the identity rules in force are added to the list."""
    if settings.kafka_bootstrap_servers:
        yield from map(broker, settings.kafka_bootstrap_servers.split(","))
    else:
        yield Checked("Kafka", Condition.OK, "not configured; not needed on a data directory")
    if settings.clickhouse_url is None and not has_engine(settings.data_dir):
        if settings.data_dir.exists() and not settings.data_dir.is_dir():
            return
        found = f"no data in {settings.data_dir}"
        yield Checked("store", Condition.WARNING, found, "'c360 ingest FILE' begins it")
        return
    try:
        running = find_running(settings) if settings.clickhouse_url is None else None
        with open_session(settings) as session:
            health = next(session.run(STORE_HEALTH, StoreRequest()))
            in_force += rules_of_store(session)
    except C360Error as error:
        yield Checked("store", Condition.FAILED, str(error), "see the message")
        return
    where = settings.clickhouse_url or f"{settings.data_dir}{', held by c360 up' * bool(running)}"
    yield Checked("store", Condition.OK, f"{where}: {health.events:,} events")
    yield from stored(settings, health, datetime.now(UTC))


def stored(settings: Settings, health: HealthRow, now: datetime) -> Iterator[Checked]:
    """What the store shows: clocks that differ, channels that nothing came from."""
    skew = abs(health.now - now)
    if skew > SKEW_MAX or health.received_at - now > SKEW_MAX:
        found = f"{skew.total_seconds():.0f} s from the store's; latest receipt "
        found += health.received_at.isoformat(timespec="seconds")
        yield Checked("clock", Condition.WARNING, found, "let NTP set the clocks of all machines")
    else:
        yield Checked("clock", Condition.OK, "as the store's")
    silent = sorted(set(settings.channels) - set(health.channels))
    if silent:
        advice = "list in C360_CHANNELS the ones that you have, or look at the silent ones' senders"
        yield Checked("channels", Condition.WARNING, f"no events: {', '.join(silent)}", advice)
    else:
        yield Checked("channels", Condition.OK, "events on each")


def broker(address: str) -> Checked:
    """Whether a Kafka broker takes connections."""
    address = address.strip()
    has_port = re.search(r":\d+$", address) and not re.fullmatch(
        r"[0-9a-fA-F:]*::[0-9a-fA-F:]*", address
    )
    host, _, port = address.rpartition(":") if has_port else (address, "", KAFKA_PORT)
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        advice = "is it running, and C360_KAFKA_BOOTSTRAP_SERVERS right?"
        return Checked("Kafka", Condition.FAILED, f"{address}: {error}", advice)
    return Checked("Kafka", Condition.OK, address)

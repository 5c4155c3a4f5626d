"""A store that is made anew over a log with changes of the rules, by workers that start again in
between (real engine, log in memory)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from schemas.records import RulesRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE
from services.api.read_store import ReadStore
from services.erasure.on_server import ServerErasures
from services.identity.main import Removing, worker_of
from services.identity.worker import IdentityWorker
from services.retention.on_server import ServerExpiry
from services.runtime.clock import utc_now
from services.runtime.errors import ConfigurationError
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.rules_in_force import FollowedRules
from services.stream.decision_worker import Parts
from services.stream.partition_ownership import DecisionPorts
from services.stream.person_records import person_outgoing
from services.stream.positions import ClickHousePositions
from tests.integration.test_erasure_on_server import EDGES, Topics, core_of

REALM = "default"
PACKAGED = rules_text(RULES_FILE)


def rules(version: str) -> str:
    return PACKAGED.replace("version = ", f"version = '{version}' # ")


def settings_with(file: Path, version: str) -> Settings:
    file.write_text(rules(version))
    return Settings.model_validate({"identity_secret": "s" * 64, "identity_rules": file})


def started(settings: Settings, database: Database, topics: Topics) -> IdentityWorker:
    """An identity worker as its process makes it."""

    async def offload(work: Callable[..., Any], /, *arguments: Any) -> Any:
        return work(*arguments)

    ports = DecisionPorts(ClickHousePositions(database), topics, topics, offload)
    removing = Removing(
        lambda parts: ServerErasures(parts.database, utc_now),
        lambda parts: ServerExpiry(parts.database, core_of),
    )
    parts = Parts(settings, database, ports, Metrics(), lambda: None, lambda: False)
    return worker_of(parts, removing, lambda *_: None)


def in_force(settings: Settings, database: Database) -> str:
    """The version that a process goes by that starts now. Raises ConfigurationError."""
    versions = {
        FollowedRules(settings, database).of(REALM).version,
        ReadStore(settings, database).rules.of(REALM).version,
    }
    return versions.pop() if len(versions) == 1 else ""


def test_a_log_is_caught_up_with_whenever_processes_start(
    database: Database, tmp_path: Path
) -> None:
    """The store was made with the newest rules, and the log has three changes up to these: after
    each of them every process starts, and the worker says that its file is not in force yet. A file
    with which the store was not made is refused."""
    settings = settings_with(tmp_path / "t3.toml", "t3")
    other = settings_with(tmp_path / "other.toml", "other")
    FollowedRules(settings, database).register([REALM])
    topics = Topics()
    for number, version in enumerate(("t1", "t2", "t3"), 1):
        record = RulesRecord(
            realm=REALM, text=rules(version), author="anna", reason="test", decided_ms=number
        )
        topics.append(EDGES, person_outgoing(record))
    said = list[bool]()
    for version in ("t1", "t2", "t3"):
        with capture_logs() as told:
            worker = started(settings, database, topics)
        said.append(any(one["event"] == "rules_file_not_in_force" for one in told))
        [first, *_] = topics.unread(EDGES)
        asyncio.run(worker.process([first]))
        topics.done([first])
        assert in_force(settings, database) == version
        with pytest.raises(ConfigurationError, match=r"other.toml .* is not the rules in force"):
            in_force(other, database)
    assert said == [False, True, True]


def test_a_file_that_was_replaced_since_the_store_was_made_is_refused(
    database: Database, tmp_path: Path
) -> None:
    """Though the store was made with it, except by the worker, which says so."""
    settings = settings_with(tmp_path / "first.toml", "first")
    rules_of_store = FollowedRules(settings, database)
    rules_of_store.register([REALM])
    [first] = rules_of_store.store.history()
    later = first._replace(since=9, text=rules("later"), decided_ms=first.decided_ms + 1)
    rules_of_store.store.put(later)
    with pytest.raises(ConfigurationError, match="not the rules in force in realm default"):
        in_force(settings, database)
    with capture_logs() as told:
        started(settings, database, Topics())
    assert [one["event"] for one in told] == ["rules_file_not_in_force"]

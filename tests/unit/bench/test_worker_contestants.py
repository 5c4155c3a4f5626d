"""The contestants that do less than ours store the same columns, and their pins fit the rest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import SecretStr

from bench import worker_jvm, worker_plain
from devtools.kafka_jars import POM, VERSION_TAG
from schemas.examples import EXAMPLES
from schemas.instants import to_ms
from schemas.rules.identity import identity_rules
from schemas.touchpoint import EVENT_TYPES
from services.ingest.config import ingest_config
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.fact_row import COLUMNS
from services.ingest.core.outcome import Accepted, Intake
from services.runtime.settings import load_settings
from tests.unit.test_tidy import imports

ROOT = Path(__file__).parents[3]
LOCK = ROOT / "bench" / "requirements-quix.lock"
NOW = datetime(2026, 7, 1, tzinfo=UTC)
READ_OFF = (
    "realm", "event_id", "channel", "type", "synthetic", "intake", "source_system",
    "source_store", "order_action", "order_id", "order_counts", "lines.sku", "lines.kind",
    "lines.category", "lines.quantity", "lines.total", "attrs.name", "attrs.value",
    "attrs.present", "payload",
)  # fmt: skip
"""Columns in which there is nothing to derive."""
NOT_LOADED = {"customer360", "chdb", "chdb-core"}
"""Ours, and the engine in process, which is imported when one is opened."""
LOADED_BY_QUIX = """
import sys
from types import ModuleType

class Anything(ModuleType):
    Application = BatchingSink = SinkBatch = type("Any", (), {})

sys.modules["quixstreams"] = sys.modules["quixstreams.sinks"] = Anything("quixstreams")
import bench.worker_quix
ours = ("bench", "schemas", "services")
print(*(one.__file__ for name, one in sys.modules.items() if name.partition(".")[0] in ours))
"""


@pytest.fixture(scope="module")
def core() -> EventProcessor:
    """Ours, as it is set up by itself."""
    settings = load_settings(identity_secret=SecretStr("identity-secret-of-the-benchmark"))
    return EventProcessor(ingest_config(settings, identity_rules(settings.identity_rules)))


def plain_row(event: Any) -> dict[str, Any] | None:
    """What the contestant with plain pydantic stores of an event."""
    row = worker_plain.row_of(json.dumps(event).encode(), to_ms(NOW))
    return None if row is None else dict(zip(worker_plain.COLUMNS, row, strict=True))


def listed(value: Any) -> Any:
    """Sequences as lists, so that they compare."""
    return list(value) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_what_is_read_off_an_event_is_stored_alike(core: EventProcessor, name: str) -> None:
    """Every type is stored, and the columns that need nothing but the event are those of ours."""
    event = EXAMPLES[name]
    plain = plain_row(event)
    ours = core.process(json.dumps(event).encode(), NOW, Intake.SERVER)
    assert isinstance(ours, Accepted)
    assert plain is not None
    assert {one: listed(plain[one]) for one in READ_OFF} == {
        one: listed(ours.row[one]) for one in READ_OFF
    }
    assert to_ms(plain["occurred_at"]) == ours.row["occurred_at"]
    assert plain["ids.type"] == listed(ours.row["ids.type"])


@pytest.mark.parametrize(
    "change",
    [
        {"type": "order.teleported"},
        {"occurred_at": "1970-01-01T00:00:00Z"},
        {"occurred_at": "2999-01-01T00:00:00Z"},
        {"occurred_at": "2026-03-02T18:20:00"},
        {"identifiers": []},
        {"identifiers": [{"type": "cookie", "value": "null"}]},
        {"identifiers": [{"type": "email", "value": "no address"}]},
        {"body": {"url": ["not", "text"]}},
        {"body": {"title": "x" * 33_000}},
    ],
    ids=[
        "type", "early", "future", "no zone", "nobody", "placeholder", "no address", "no text",
        "too large",
    ],
)  # fmt: skip
def test_what_the_sample_has_of_faults_both_refuse(
    core: EventProcessor, change: dict[str, Any]
) -> None:
    """So contestants store the same number of events."""
    event = EXAMPLES["page.viewed"] | change
    assert plain_row(event) is None
    assert not isinstance(core.process(json.dumps(event).encode(), NOW, Intake.SERVER), Accepted)


def test_both_plain_contestants_write_the_same_columns() -> None:
    """Those of the table, by the same names and in the same order, in Python and in Java."""
    source = (worker_jvm.SOURCES / "Facts.java").read_text("utf-8")
    [names] = re.findall(r"COLUMNS =\s+List\.of\((.*?)\);", source, re.DOTALL)
    assert tuple(re.findall(r'"([^"]+)"', names)) == worker_plain.COLUMNS
    assert set(worker_plain.COLUMNS) < set(COLUMNS)
    [types] = re.findall(r"IMPERSONAL =\s+Set\.of\((.*?)\);", source, re.DOTALL)
    nobody = {name for name, row in EVENT_TYPES.items() if row.anonymous}
    assert set(re.findall(r'"([^"]+)"', types)) == nobody


def test_kafka_streams_is_of_the_version_of_the_broker() -> None:
    """Two files pin it: that of the broker, and that of the contestant."""
    versions = {ElementTree.parse(pom).findtext(VERSION_TAG) for pom in (POM, worker_jvm.POM)}
    assert len(versions) == 1


def test_the_environment_of_quix_streams_has_what_our_code_imports() -> None:
    """Models and insert are ours in that environment, too, so its lock names all they load."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED_BY_QUIX], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for file in done.stdout.split() for name in imports(Path(file))}
    known = packages_distributions()
    wanted = {_normal(name) for top in tops for name in known.get(top, ())} - NOT_LOADED
    locked = {_normal(name) for name in re.findall(r"(?m)^([\w.-]+)==", LOCK.read_text("utf-8"))}
    assert {"pydantic", "orjson", "clickhouse-connect"} <= wanted
    assert wanted <= locked
    assert "http" not in re.sub(r"httpcore|httpx", "", LOCK.read_text("utf-8"))  # no addresses


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

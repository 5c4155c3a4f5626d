"""Generated contracts and pages: up to date, true to the code, whole in themselves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from prometheus_client import generate_latest
from pydantic import BaseModel
from typer.testing import CliRunner

from schemas.claim import PriceClaim
from schemas.edge import Edge, Node
from schemas.examples import EXAMPLES
from schemas.incident import (
    Exposure,
    IncidentState,
    Severity,
)
from schemas.incident_action import ActionKind, IncidentAction
from schemas.offer import Basis
from schemas.records import ActionRecord, AlertRecord, ClaimsRecord, EdgesRecord, RulesRecord
from schemas.reject import RejectReason
from schemas.rules.identity import identity_rules
from schemas.subject import ProductSubject
from schemas.topics import CATALOGUE
from schemas.touchpoint import TouchpointAdapter
from services.api.digest import state_digest
from services.api.explained import Explained, WhyDecision, WhyHappened, WhyShared
from services.api.operation import Operation, Request, plain
from services.api.queries.identity import IdentifierRow
from services.api.queries.rejected import ShownReject
from services.api.queries.store import DoubleAnchorRow
from services.cli import identity as identity_command
from services.cli import incident_export
from services.cli import profile as profile_command
from services.cli.app import EPILOG
from services.cli.ingest import IngestReport
from services.cli.output import progress_bar
from services.cli.store import state as state_app
from services.consistency.kinds import KINDS
from services.consistency.kinds.price_mismatch import PriceDetails
from services.consistency.views import view_of
from services.docs import outputs as tables
from services.docs.generate import COMMAND, DOCUMENTS, PAGES, ROOT, main, outputs, stale, write
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.explanation import Explanation
from services.identity.writer import IdentityWriter
from services.ingest.adapters.audit import RejectedEvent
from services.runtime.errors import C360Error
from services.runtime.metrics import Metrics
from services.runtime.settings import Settings
from services.store.database import Database
from tests.events import product_book
from tests.unit.identity.stories import link

NOON = datetime(2026, 4, 1, 10, tzinfo=UTC)


def document(name: str) -> Any:
    """A generated JSON document."""
    return json.loads(outputs()[f"schemas/generated/{name}"])


def names(fields: tuple[tables.Field, ...]) -> list[str]:
    """Names of documented fields."""
    return [field.name for field in fields]


def test_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """The committed files are up to date; otherwise the failure names the stale ones."""
    code = main(["--check"])
    assert capsys.readouterr().err == ""
    assert code == 0


def test_check_lists_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An edited, a missing and a forgotten file are listed, with the command to run."""
    write(tmp_path, outputs())
    assert main(["--check", "--root", str(tmp_path)]) == 0
    page = tmp_path / "docs/settings.md"
    page.write_text(page.read_text("utf-8").replace("C360_HTTP_PORT", "C360_PORT"), "utf-8")
    (tmp_path / "schemas/generated/openapi.json").unlink()
    (tmp_path / "schemas/generated/old.schema.json").write_text("{}", "utf-8")
    assert main(["--check", "--root", str(tmp_path)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert COMMAND in told[0]
    assert [line.strip() for line in told[1:]] == [
        "docs/settings.md",
        "schemas/generated/old.schema.json",
        "schemas/generated/openapi.json",
    ]
    assert not (tmp_path / "schemas/generated/openapi.json").exists()


def test_writing_mends_what_is_stale(tmp_path: Path) -> None:
    """After writing nothing is stale; what is no longer generated is gone."""
    old = tmp_path / "schemas/generated/old.schema.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}", "utf-8")
    assert main(["--root", str(tmp_path)]) == 0
    assert stale(tmp_path, outputs()) == []
    assert not old.exists()


def test_output_depends_on_the_code_alone(tmp_path: Path) -> None:
    """Another process with another order of hashes, elsewhere, writes the same bytes."""
    other = {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    environment = os.environ | other
    command = [sys.executable, "-m", "services.docs.generate", "--root", str(tmp_path)]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert stale(tmp_path, outputs()) == []


def test_files_are_fit_to_be_committed() -> None:
    """One line break at the end, none of Windows, no blanks at the end of lines, no local path."""
    for path, text in outputs().items():
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert "\r" not in text, path
        assert [line for line in text.splitlines() if line != line.rstrip()] == [], path
        assert str(ROOT) not in text, path
        assert str(Path.home()) not in text, path


def test_contracts_load_without_services() -> None:
    """Importing the contracts loads no service, no broker and no database client."""
    script = (
        "import sys, schemas.topics, schemas.records, schemas.examples, schemas.profile; "
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('services', 'clickhouse_connect', 'chdb', 'aiokafka', 'faust', 'fastapi')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


# Documents


def references(value: Any) -> Iterator[str]:
    """Every `$ref` within a document."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_every_reference_leads_somewhere(path: str) -> None:
    """A `$ref` names a part of its document, or a generated file beside it."""
    whole = json.loads(outputs()[path])
    for reference in references(whole):
        file, _, pointer = reference.partition("#")
        target = document(file) if file else whole
        for step in pointer.split("/")[1:]:
            target = target[step]
        assert isinstance(target, dict)


def test_asyncapi_tells_the_whole_catalogue() -> None:
    """One channel per topic with its partitions and configuration, and operations on both ends."""
    whole = document("asyncapi.json")
    assert whole["asyncapi"] == "3.0.0"
    assert list(whole["channels"]) == [topic.name for topic in CATALOGUE.topics]
    for topic in CATALOGUE.topics:
        binding = whole["channels"][topic.name]["bindings"]["kafka"]
        assert binding["partitions"] == topic.partitions
        assert binding["topicConfiguration"]["cleanup.policy"] == [topic.cleanup.value]
        days = binding["topicConfiguration"].get("retention.ms", 0) / 86_400_000
        assert days == (topic.retention_days or 0)
    actions = {(one["channel"]["$ref"], one["action"]) for one in whole["operations"].values()}
    assert ("#/channels/touchpoints.shop", "receive") in actions
    assert {("#/channels/c360.edges", "send"), ("#/channels/c360.edges", "receive")} <= actions


INCIDENT = KINDS["price_mismatch"].incident(
    incident_id="i1",
    realm="default",
    kind="price_mismatch",
    subject=ProductSubject(market="DE", sku="A1"),
    cause="wrong_price",
    state=IncidentState.OPEN,
    severity=Severity.HIGH,
    channel="shop",
    location="",
    since=NOON,
    due_at=NOON,
    opened_at=NOON,
    evidence=[["e1"], ["e2"]],
    details=PriceDetails(expected=Decimal("9.99"), observed=Decimal("12.4900"), currency="EUR"),
)
ACTION = IncidentAction(
    incident_id="0" * 32, action=ActionKind.MUTE, by="kim", reason="known", until=NOON,
    acted_at=NOON,
)  # fmt: skip
CLAIM = PriceClaim(
    product_book("A1"), NOON, "e1", 0, 7, "shop", "", "", Basis.DISPLAYED,
    Decimal("9.99"), "EUR", valid_from=NOON,
)  # fmt: skip
EDGE = Edge(Node(1, "email", ""), Node(2, "cookie", "shop"), 0, "e1", True)
RECORDS = [
    EdgesRecord.of("default", [EDGE]),
    RulesRecord(realm="default", text="version = '1'", author="a", reason="r", decided_ms=7),
    ClaimsRecord.of("default", [CLAIM]),
    ActionRecord.of(product_book("A1"), ACTION),
    AlertRecord.model_validate(INCIDENT.model_dump(mode="json") | {"row_version": 1}),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_keep_to_the_published_schema(record: BaseModel) -> None:
    """What a service writes is what the document promises; a record without a field is not."""
    whole = document("asyncapi.json")
    validator = Draft202012Validator(
        {**whole, "$ref": f"#/components/schemas/{type(record).__name__}"}
    )
    written = json.loads(record.model_dump_json())
    assert [error.message for error in validator.iter_errors(written)] == []
    del written["realm"]
    assert not validator.is_valid(written)


def test_incident_keeps_to_its_schema() -> None:
    """An incident as it is printed is what its schema promises."""
    validator = Draft202012Validator(document("incident.schema.json"))
    written = view_of(KINDS["price_mismatch"], INCIDENT, Exposure(), [ACTION]).model_dump(
        mode="json"
    )
    assert [error.message for error in validator.iter_errors(written)] == []
    assert not validator.is_valid(written | {"state": "forgotten"})


def test_openapi_documents_the_intake() -> None:
    """Taking in touchpoints: keys, results, and each way to be refused as a problem document."""
    post = document("openapi.json")["paths"]["/v1/touchpoints"]["post"]
    refusals = {"400", "401", "403", "408", "413", "415", "429", "431", "503"}
    assert set(post["responses"]) == {"200", *refusals}
    for status, response in post["responses"].items():
        kind = "application/json" if status == "200" else "application/problem+json"
        assert list(response["content"]) == [kind]
        assert response["description"]
    problem = post["responses"]["429"]["content"]["application/problem+json"]["schema"]
    components = document("openapi.json")["components"]
    assert problem == {"$ref": "#/components/schemas/ProblemBody"}
    named = {"type", "code", "title", "status", "detail", "request_id", "errors"}
    assert set(components["schemas"]["ProblemBody"]["required"]) == named
    schemes = components["securitySchemes"]
    assert {name for one in post["security"] for name in one} == set(schemes)
    assert "batch" in post["requestBody"]["content"]["application/json"]["schema"]["required"]


def test_openapi_hides_the_channel_of_local_commands() -> None:
    """What commands on the same machine ask is no interface."""
    assert [path for path in document("openapi.json")["paths"] if "internal" in path] == []


# Pages


def fragment(heading: str) -> str:
    """How a heading is linked: lower case, hyphens for blanks, no other signs."""
    kept = "".join(sign for sign in heading.lower() if sign.isalnum() or sign in "-_ ")
    return kept.replace(" ", "-")


@pytest.mark.parametrize("path", sorted(PAGES))
def test_links_of_pages_lead_somewhere(path: str) -> None:
    """A link within a page meets a heading, a link to a file meets a file."""
    text = outputs()[path]
    headings = [fragment(found) for found in re.findall(r"^#+ (.+)$", text, re.M)]
    assert len(headings) == len(set(headings))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, part = target.partition("#")
        if file:
            assert (ROOT / path).parent.joinpath(file).is_file(), target
        else:
            assert part in headings, target


@pytest.mark.parametrize("path", sorted(PAGES))
def test_tables_are_whole(path: str) -> None:
    """Every row of a table has as many cells as its header."""
    for table in re.findall(r"(?:^\|.*\n)+", outputs()[path], re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


def test_examples_on_the_page_are_valid_events() -> None:
    """Every example in the reference is a valid event."""
    blocks = re.findall(r"```json\n(.*?)```", outputs()["docs/reference/touchpoints.md"], re.S)
    assert [json.loads(block) for block in blocks] == list(EXAMPLES.values())
    for block in blocks:
        TouchpointAdapter.validate_json(block)


def test_settings_page_names_every_variable() -> None:
    """Each setting has its row, and no row is left of a setting that went."""
    listed = re.findall(r"^\| `(C360_[A-Z_]+)` ", outputs()["docs/settings.md"], re.M)
    assert listed == [f"C360_{name.upper()}" for name in Settings.model_fields]


def test_metrics_page_names_what_is_exposed() -> None:
    """Each metric that a scrape shows has its row, with its type."""
    scrape = generate_latest(Metrics().registry).decode()
    exposed = {
        (name, kind)
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", scrape, re.M)
        if not name.endswith("_created")
    }
    listed = re.findall(r"^\| `(c360_\w+)` \| (\w+) ", outputs()["docs/metrics.md"], re.M)
    assert set(listed) == exposed
    assert len(listed) == len(exposed)


# Outputs of commands against their tables


def test_ingest_report_is_documented() -> None:
    """The report has the fields of its table, in that order."""
    with progress_bar("events") as bar:
        assert list(IngestReport(bar).as_json()) == names(tables.INGEST_REPORT)


def test_exports_are_documented() -> None:
    """Columns of exports and fields of rows are those of their tables."""
    assert list(identity_command.EXPORTED) == names(tables.IDENTITY_EXPORT)
    assert list(incident_export.EXPORTED) == names(tables.INCIDENTS_EXPORT)
    rejected = RejectedEvent("r1", RejectReason.NOT_JSON, "", "", "", NOON, 1, "x")
    assert list(rejected.as_json()) == names(tables.REJECTED)
    assert list(ShownReject.model_fields) == names(tables.REJECTED)
    assert list(DoubleAnchorRow.model_fields) == names(tables.STORE_AUDIT)
    assert list(IdentifierRow.model_fields) == names(tables.IDENTITY_EXPORT)


class NoProfiles:
    """Profiles of an empty store."""

    def profiles(self, realm: str, profile_ids: list[int]) -> list[Any]:
        """There are none."""
        return []


class OneAnswerSession:
    """A session whose every operation answers with the rows it was given."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def run(self, operation: Operation[Any, Any], request: Request) -> Iterator[BaseModel]:
        """The rows, whatever is asked."""
        yield from map(operation.adapter.validate_python, self._rows)

    @contextmanager
    def session(self) -> Iterator[OneAnswerSession]:
        """The session itself, as a command opens it."""
        yield self


def printed(app: typer.Typer, rows: list[dict[str, Any]], *arguments: str) -> Any:
    """What a command prints as JSON when its session answers with `rows`."""
    result = CliRunner().invoke(app, [*arguments, "--json"], obj=OneAnswerSession(rows))
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_digest_is_documented(database: Database) -> None:
    """Sections of the digest, as the engine gives and the command prints them."""
    sections = state_digest(database, NoProfiles())
    rows = [{"section": name, "sha256": digest} for name, digest in sections.items()]
    assert list(printed(state_app, rows)) == names(tables.STATE_DIGEST)


def test_timeline_is_documented() -> None:
    """A page of the timeline has the fields of its table."""
    page: dict[str, Any] = {"profile_id": str(UUID(int=1)), "entries": [], "next_cursor": "c"}
    told = printed(profile_command.app, [page], "timeline", "--id", str(UUID(int=1)))
    assert list(told) == names(tables.TIMELINE)
    assert told["next_cursor"] == "c"


def test_explanation_is_documented(database: Database) -> None:
    """An explanation, its steps and the edges set aside have the fields of their tables."""
    store, rules = ClickHouseIdentityStore(database), identity_rules()
    person, mail, other = (
        Node(1, "customer_number", "shop"),
        Node(2, "email", ""),
        Node(3, "app_user", "shop"),
    )
    writer = IdentityWriter(store, "default", rules)
    edges = [link(person, mail, 5, "e1", True), link(mail, other, 5, "e2", False)]
    writer.commit(writer.apply(edges), 1)
    found = Explanation(database, rules, "default").explain(person.id, mail.id)
    found |= {"language": "en", "sentences": ["Yes."]}
    told = plain(Explained.model_validate(found))
    assert told == found
    assert list(told) == names(tables.IDENTITY_WHY)
    assert list(told["a"]) == names(tables.WHY_NODE)
    (step,), (aside,) = told["path"], told["set_aside"]
    assert list(step) == names(tables.WHY_STEP)[:7]
    assert list(aside) == names(tables.WHY_ASIDE)
    assert list(step["happened"] or WhyHappened.model_fields) == names(tables.WHY_HAPPENED)
    assert list(WhyShared.model_fields) == names(tables.WHY_SHARED)
    assert ["from", *list(WhyDecision.model_fields)[1:]] == names(tables.WHY_DECISION)


def test_exit_codes_are_documented() -> None:
    """The page, the command line's own help and the errors of the code know the same codes."""
    told = {int(code) for code in re.findall(r"(?:^|[:·])\s*(\d+) ", EPILOG, re.M)}
    assert told == set(tables.EXIT_CODES)
    assert {kind.exit_code for kind in error_kinds(C360Error)} <= set(tables.EXIT_CODES)


def error_kinds(kind: type[C360Error]) -> Iterator[type[C360Error]]:
    """An error class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from error_kinds(below)

"""docs/reference/interface.md: the interface for other programs, from HTTP to exit codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import BaseModel

from schemas.api.access import AccessPage
from schemas.api.api_key import ListedKey
from schemas.api.groups import AccountContact, BusinessAccount, HouseholdView, ListedAccount
from schemas.api.incidents import AffectedItem, IncidentCounts
from schemas.api.insights import PersonInsights
from schemas.api.profiles import FoundProfile
from schemas.api.segments import ListedSegment, SegmentMember
from schemas.profile import ProfileScalars, TimelineEntry
from schemas.reject import ADVICE
from schemas.segment_change import SegmentChangeRecord
from schemas.subject import SUBJECT_MODELS
from services.api.queries.coverage import CoverageReport
from services.api.queries.decisions import DecisionOutcome, ListedDecision
from services.api.queries.identity import MapVerified
from services.api.queries.identity_rules import RulesApplied, RulesInForce, RulesSimulated
from services.api.queries.insights import ListedMeasure
from services.api.queries.notices import ListedNotice
from services.api.queries.orders import ListedConflict
from services.api.queries.segment_export import ExportedMember
from services.api.queries.segments import (
    AppliedSegment,
    EvaluationCost,
    PreviewedSegment,
    RemovedSegment,
    VerifiedSegment,
)
from services.api.queries.simulation import SimulationReport
from services.api.queries.suggestions import ShownSuggestion, SuggestedRun
from services.docs import outputs
from services.docs.json_schema import Json, model_schema, profile_schema, view_schemas
from services.docs.markdown import code, codes, field_table, page, parts_of, table
from services.docs.openapi import openapi_document
from services.identity.core.explain import Rule, Standing
from services.identity.core.model import Reason
from services.identity.core.notices import NoticeKind
from services.measures.core.result import MeasureBias, MeasureExplained, MeasureResult

SUBJECTS = frozenset(model.__name__ for model in SUBJECT_MODELS.values())
"""Parts of every incident: the page has them once, with the kinds."""
INTRODUCTION = """
This page is a stable interface: other programs may rely on it, and it changes only with a new
`version`. New fields may be added within a version; readers must ignore fields they do not know.
Every command that prints data takes `--json`; JSON goes to standard output, progress and errors go
to standard error.
Times are UTC with three decimals, as `2026-03-02T17:20:00.000Z`; amounts are exact decimals, as
strings, with the digits of their currency (`12.50` EUR, `1250` JPY, `12.500` KWD) and more only
where they are not zero; ids are UUIDs.

In CSV the first line names the columns, lists are joined by a blank, booleans are `true` and
`false`, and a missing value is an empty cell. A cell that begins with `=`, `+`, `-`, `@`, a tab or
a carriage return, and is no number, has an apostrophe before it: a spreadsheet would run it as a
formula. JSON has the exact value.

Text for people is no interface. Its times are in the realm's time zone, with the offset; control
and direction characters of values are escaped (`\\x1b`, `\\u202e`).
""".strip()
POST = """
The request is `{"batch": [touchpoint, …]}`; the response has one result per touchpoint, in the same
order. 200 means that every event has a result and that accepted events are durable; a bad event
never causes others to be rejected. The same objects, one per line, are the input of `c360 ingest`.
Send the key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. Details:
[openapi.json](../../schemas/generated/openapi.json), [touchpoints](touchpoints.md).
""".strip()
IMPORT = "The same, and where rows that were refused stand."
PROFILE = """
One profile, always exact at the time of reading. A handle is any current or former profile id or
node id: after a merge it resolves to the profile that holds it now. Schema:
[profile.schema.json](../../schemas/generated/profile.schema.json).
""".strip()
INCIDENTS = """
`list` prints a list of incidents, the oldest first (`--worst-first`: by severity, then by known
customers, money and touchpoints of the exposure), `show` a single one. `actions` is the audit
trail, the oldest entry first. Schema:
[incident.schema.json](../../schemas/generated/incident.schema.json).
""".strip()

EXPORT = """
All incidents that the options select, the oldest first (by `since`, then by id), a row each. The
number of them goes to standard error. With `--format jsonl` each line is an incident as
`list --json` prints it; the columns of the CSV are:
""".strip()
ACTIONS = """
Prints the record of the action ([ActionRecord](topics.md#actionrecord)). It is in force when the
command ends, or, with Kafka, when the consistency worker has applied it. Exit code 1: the incident
is over; 4: no incident, or several, begin with this id. See
[consistency.md](../consistency.md#acknowledge-and-mute).
""".strip()


def interface_page() -> str:
    """The whole page."""
    return page(
        "Interface 1: HTTP, command line and exit codes",
        INTRODUCTION,
        *_http(),
        *_output("c360 ingest FILE… --json", "Counts by result.", outputs.INGEST_REPORT),
        *_output("c360 import FILE --map MAP --json", IMPORT, outputs.IMPORT_REPORT),
        *_profiles(),
        *_identity(),
        "## `c360 incidents list|show --json`",
        INCIDENTS,
        *_incident_kinds(),
        *_output("c360 incidents export --format csv|jsonl", EXPORT, outputs.INCIDENTS_EXPORT),
        "## `c360 incidents affected --json|--format csv`",
        "Who saw or paid the deviating price, a row for each line of an order.",
        _fields_of(AffectedItem),
        "## `c360 incidents count --json`",
        "How many incidents there are by one to three fields of them (`--by`), the worst first.",
        *_whole(model_schema(IncidentCounts, "serialization")),
        "## `c360 incidents simulate RULES.toml --json`",
        "What other rules would make of the incidents. The document is written while the store is "
        "read, a line for each change.",
        *_whole(model_schema(SimulationReport, "serialization"), without=SUBJECTS),
        "## `c360 consistency coverage --json`",
        "Which prices are compared with another, and why the others are not.",
        *_whole(model_schema(CoverageReport, "serialization")),
        "## `c360 incidents ack|unack|mute|unmute --json`",
        ACTIONS,
        *_orders(),
        *_groups(),
        *_insights(),
        *_segments(),
        *_rejected(),
        *_keys(),
        *_output(
            "c360 state digest --json",
            "Two states are equal if and only if their digests are.",
            outputs.STATE_DIGEST,
        ),
        *_output(
            "c360 store audit --json",
            "A list, empty if nothing is wrong; otherwise, without `--fix`, the exit code is 1.",
            outputs.STORE_AUDIT,
        ),
        *_output("c360 version --json", "What is installed here.", outputs.VERSION),
        "## Exit codes",
        table(("Code", "Meaning"), ((str(n), text) for n, text in outputs.EXIT_CODES.items())),
    )


def _http() -> list[str]:
    document = openapi_document()
    schemas = document["components"]["schemas"]
    answers = document["paths"]["/v1/touchpoints"]["post"]["responses"]
    problems = ((status, one["description"]) for status, one in answers.items() if status != "200")
    return [
        "## `POST /v1/touchpoints`",
        POST,
        _printed(schemas["TouchpointResult"], schemas),
        "`reason` is one of the [reasons](#reasons); a `duplicate` has none, or `id_conflict` "
        "if its body differs from the stored one (both are kept; `message` says which one counts).",
        "Errors are problem documents (RFC 9457, `application/problem+json`):",
        table(("Status", "Meaning"), sorted(problems)),
    ]


def _profiles() -> list[str]:
    entry = model_schema(TimelineEntry, "serialization")
    return [
        "## `c360 profile get --json`",
        PROFILE,
        *_whole(profile_schema()),
        "## `c360 profile list --format csv|json`",
        "The scalars of every profile of a realm, from totals that are refreshed first; "
        "`--names` adds `name`, of the golden record.",
        _fields_of(ProfileScalars),
        "## `c360 profile search TEXT --json`",
        "Profiles of which an identifier or an attribute contains the text.",
        _printed(model_schema(FoundProfile, "serialization"), {}),
        *_output("c360 profile timeline --json", "One page of touchpoints.", outputs.TIMELINE),
        "An entry:",
        _printed(entry, entry.get("$defs", {})),
    ]


def _identity() -> list[str]:
    notice = model_schema(ListedNotice, "serialization")
    return [
        *_output(
            "c360 identity export --format csv|json",
            "Every identifier of a realm, with the profile that holds it.",
            outputs.IDENTITY_EXPORT,
        ),
        *_output(
            "c360 identity why A B --json",
            "Why two identifiers are, or are not, one profile.",
            outputs.IDENTITY_WHY,
        ),
        "A node:",
        _field_rows(outputs.WHY_NODE),
        f"A step of `path`; `rule` is one of {codes(Rule)}:",
        _field_rows(outputs.WHY_STEP),
        f"An edge of `set_aside`; `why` is one of {codes(Standing)}, `refused_because` one of "
        f"{codes(Reason)}:",
        _field_rows(outputs.WHY_ASIDE),
        "The event behind an edge, `happened`:",
        _field_rows(outputs.WHY_HAPPENED),
        "A decision of `decisions`:",
        _field_rows(outputs.WHY_DECISION),
        f"A shared identifier of `shared`; `because` is `several` or one of {codes(Reason)}:",
        _field_rows(outputs.WHY_SHARED),
        "## `c360 identity suspicious --json`",
        "Identifiers that stand for too many persons, and persons with too many identifiers; "
        f"`notice` is one of {codes(NoticeKind)}.",
        *_whole(notice),
        "## `c360 identity decide|withdraw --json`",
        "What a person decided about two identifiers, and what it does to the map.",
        *_whole(model_schema(DecisionOutcome, "serialization")),
        "## `c360 identity decisions --json|--format jsonl`",
        "What people decided, the latest first; with `jsonl` a line each, which "
        "`c360 identity decide --from` takes.",
        *_whole(model_schema(ListedDecision, "serialization"), ("WhyNode",)),
        "## `c360 identity suggest --json`",
        "What a run found of profiles that may be one person.",
        _printed(model_schema(SuggestedRun, "serialization"), {}),
        "## `c360 identity suggestions list|show --json`",
        "Profiles that may be one person, the most probable first; `list` has no `attributes`. "
        "`accept` and `decline` print what `c360 identity decide` prints.",
        *_whole(model_schema(ShownSuggestion, "serialization")),
        "## `c360 identity verify --json`",
        "For each realm, the stored map compared with what its edges make. The exit code is 1 if "
        "anything differs, 75 if that is only where rules are still being applied.",
        *_whole(model_schema(MapVerified, "serialization")),
        "## `c360 identity simulate RULES --json`",
        "For each realm, what the rules of a file would change.",
        *_whole(model_schema(RulesSimulated, "serialization")),
        "## `c360 identity apply RULES --json`",
        "For each realm, what became of the rules.",
        _fields_of(RulesApplied),
        "## `c360 identity rules --json`",
        "The rules in force in each realm; with `--history` those before, too.",
        _fields_of(RulesInForce),
    ]


def _orders() -> list[str]:
    return [
        "## `c360 orders conflicts --json`",
        "Orders that several events report with another customer, store, amount or day, and orders "
        "of which more is cancelled than they were worth, or something in another currency.",
        *_whole(model_schema(ListedConflict, "serialization")),
    ]


def _groups() -> list[str]:
    """What is said of accounts and households."""
    return [
        "## `c360 account get ID --json`",
        "One [account](../accounts.md).",
        *_whole(model_schema(BusinessAccount, "serialization")),
        "## `c360 account list --json`",
        "Every account that is not merged into another one, by number.",
        _fields_of(ListedAccount),
        "## `c360 account contacts ID --json`",
        "A page: `entries` are contacts by their ids, `next_cursor` leads on.",
        *_whole(model_schema(AccountContact, "serialization")),
        "## `c360 household get ID --json`",
        "One household; its members stay persons of their own.",
        *_whole(model_schema(HouseholdView, "serialization")),
    ]


def _insights() -> list[str]:
    return [
        "## `c360 insights list --json`",
        "All [measures](../measures/README.md).",
        _fields_of(ListedMeasure),
        "## `c360 insights show MEASURE --json`",
        "One measure. What `n`, `counts` and `breakdown` hold is said on its page.",
        *_whole(model_schema(MeasureResult, "serialization")),
        "## `c360 insights explain MEASURE --json`",
        "What a measure is and reads; `settings` by their names, as text.",
        *_whole(model_schema(MeasureExplained, "serialization")),
        "## `c360 insights bias MEASURE --json`",
        "Whether a score is [even among groups](../measures/bias.md) of customers.",
        *_whole(model_schema(MeasureBias, "serialization"), without=("Interval", "Span")),
        "## `c360 insights keep --json`, `c360 insights history MEASURE --json`",
        "What measures were when they were kept, the latest first: `map_version` is the version of "
        "the profile map as text, and `result` all of `show`.",
        "## `c360 insights profile WHO --json`",
        "What measures say of one customer: [scores](../person-insights.md) with their reasons.",
        *_whole(model_schema(PersonInsights, "serialization")),
    ]


def _segments() -> list[str]:
    """Groups of customers by definition; progress is no row of these outputs."""
    return [
        "## `c360 segments preview FILE --json`",
        "What [definitions](../segments.md) would make: `version`, `segments` with what follows "
        "for each, and `cost`. Values are replaced by hints.",
        *_whole(model_schema(PreviewedSegment, "serialization")),
        "`cost`, also of `apply` and `verify`:",
        _fields_of(EvaluationCost),
        "## `c360 segments apply FILE --json`",
        "The same with what became of each segment.",
        _fields_of(AppliedSegment),
        "## `c360 segments remove SEGMENT --json`",
        "The segment that was put out of force, with `version`.",
        _fields_of(RemovedSegment),
        "## `c360 segments list --json`",
        "The segments of a realm.",
        _fields_of(ListedSegment),
        "## `c360 segments members SEGMENT --json`",
        "Who belongs to a segment.",
        _fields_of(SegmentMember),
        "## `c360 segments changes --json`",
        "Who entered and left segments: a line each, the earliest first. The stream carries the "
        "same. JSON Schema: [segment-change.schema.json]"
        "(../../schemas/generated/segment-change.schema.json).",
        _fields_of(SegmentChangeRecord),
        "## `c360 segments verify --json`",
        "As `preview`, with the stored memberships compared with the facts. The exit code is 1 if "
        "anything differs.",
        _fields_of(VerifiedSegment),
        "## `c360 segments export SEGMENT --format csv|jsonl`",
        "The members who may be contacted, each with one address; the order is that of profile "
        "ids. How many may not, by reason, is said on standard error.",
        _fields_of(ExportedMember),
    ]


def _incident_kinds() -> list[str]:
    """The fields by kind; what a field consists of once for all."""
    blocks: list[str] = []
    parts: Json = {}
    for name, schema in view_schemas().items():
        blocks += [f"### Kind `{name}`", _printed(schema, schema["$defs"])]
        parts |= schema["$defs"]
    for name, part in sorted(parts.items()):
        if "properties" not in part:
            continue
        blocks += [f"### {name}", part.get("description", ""), _printed(part, parts)]
    return blocks


def _rejected() -> list[str]:
    rows = ((code(reason.value), advice) for reason, advice in ADVICE.items())
    return [
        *_output(
            "c360 rejected list|show --json",
            "Rejected events; `list` prints them without `raw`, the latest first, `show` one "
            "document for each id.",
            outputs.REJECTED,
        ),
        "### Reasons",
        "A closed set:",
        table(("Reason", "What to do"), rows),
    ]


def _keys() -> list[str]:
    page = model_schema(AccessPage, "serialization")
    return [
        "## `c360 keys list|revoke --json`",
        "A list of [API keys](../api-keys.md), or the one that was revoked.",
        _fields_of(ListedKey),
        "## `c360 keys create|rotate --json`",
        "The same of the new key, and `key`: the key itself, which nobody can see again.",
        "## `c360 access list --json`",
        "A page of the access log, the latest entries first.",
        *_whole(page),
    ]


def _output(command: str, text: str, fields: Iterable[outputs.Field]) -> list[str]:
    return [f"## `{command}`", text, _field_rows(fields)]


def _field_rows(fields: Iterable[outputs.Field]) -> str:
    rows = ((code(field.name), field.type, field.description) for field in fields)
    return table(("Field", "Type", "Description"), rows)


def _fields_of(model: type[BaseModel]) -> str:
    schema = model_schema(model, "serialization")
    return _printed(schema, schema.get("$defs", {}))


def _whole(schema: Json, without: Collection[str] = ()) -> list[str]:
    """The fields of a contract and of all its parts, `without` those that stand elsewhere."""
    parts = schema["$defs"]
    blocks = [_printed(schema, parts)]
    for name in parts_of({key: value for key, value in schema.items() if key != "$defs"}, parts):
        if name in without:
            continue
        description = parts[name].get("description", "")
        blocks += [f"### {name}", description, _printed(parts[name], parts)]
    return blocks


def _printed(schema: Json, parts: Json) -> str:
    """Fields of an output: all are always present, so defaults and limits are not printed."""
    full = field_table({**schema, "required": list(schema["properties"])}, parts)
    rows = [line.split(" | ") for line in full.splitlines()]
    return "\n".join(" | ".join((row[0], row[1], row[-1])) for row in rows)

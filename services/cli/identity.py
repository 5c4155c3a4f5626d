"""`c360 identity`: which identifiers are one person, and why."""

from __future__ import annotations

from datetime import tzinfo
from enum import StrEnum
from typing import Annotated, Any

import typer

from schemas.api.permission import Language
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import RealmRequest, plain
from services.api.queries.identity import (
    IDENTITY_EXPORT,
    IDENTITY_VERIFY,
    IDENTITY_WHY,
    VerifyRequest,
    WhyRequest,
)
from services.cli import decisions, evidence, notices, trust
from services.cli.identity_rules import apply, rebuild, rules, simulate
from services.cli.language import spoken
from services.cli.output import one_line, out, print_csv, print_json, print_table
from services.cli.state import AsJson, Realm, state_of
from services.cli.suggestions import app as suggestions_app
from services.cli.suggestions import suggest
from services.runtime.errors import Retry

EXPORTED = ("realm", "type", "issuer", "value", "node_id", "profile_id", "shared")
WRONG_ROWS = (
    "node_id", "type", "stored_profile_id", "stored_kind", "expected_profile_id", "expected_kind",
)  # fmt: skip
WRONG_REFUSALS = ("a", "b", "stored_reason", "expected_reason")
Lang = Annotated[
    Language | None,
    typer.Option("--lang", help="Language of the sentences; that of LANG if not given."),
]
Side = Annotated[str, typer.Argument(metavar="NODE", help="As for 'c360 profile get'.")]
app = typer.Typer(help="Look at identities, and decide about them.", no_args_is_help=True)
for _command in (
    decisions.decide,
    decisions.withdraw,
    decisions.decisions,
    notices.suspicious,
    trust.trust,
    evidence.graph,
):
    app.command()(_command)
app.command()(suggest)
app.add_typer(suggestions_app, name="suggestions")
app.command()(rules)
app.command()(simulate)
app.command()(apply)
app.command()(rebuild)


class ExportFormat(StrEnum):
    """How the export is printed."""

    CSV = "csv"
    JSON = "json"


@app.command()
def export(
    context: typer.Context,
    format_: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.CSV,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Every identifier with its node id and the profile that holds it."""
    with state_of(context).session() as session:
        rows = map(plain, session.run(IDENTITY_EXPORT, RealmRequest(realm=realm)))
        if as_json or format_ is ExportFormat.JSON:
            print_json(list(rows))
        else:
            print_csv(rows, EXPORTED)


@app.command()
def why(
    context: typer.Context,
    a: Side,
    b: Side,
    lang: Lang = None,
    details: Annotated[
        bool, typer.Option("--details", help="With the events and rules in tables.")
    ] = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Why two identifiers are, or are not, one person: what happened, in sentences."""
    asked = WhyRequest(realm=realm, a=a, b=b, language=lang or spoken())
    with state_of(context).session() as session:
        answer = plain(next(session.run(IDENTITY_WHY, asked)))
    if as_json:
        print_json(answer)
        return
    for sentence in answer["sentences"]:
        out.print(one_line(sentence), soft_wrap=True)
    if details:
        out.print()
        print_why(answer, state_of(context).zone(realm))


@app.command()
def verify(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=0, help="Most differences to list.")] = 100,
    realm: Annotated[str, typer.Option(help="Only this realm.")] = "",
    as_json: AsJson = False,
) -> None:
    """Compute the map of each realm again from its edges: exit code 1 if a row differs.

    May run beside everything else. While other rules are being applied, rows differ that are not
    brought in line yet: then the exit code is 75.
    """
    with state_of(context).session() as session:
        asked = VerifyRequest(realm=realm, limit=limit)
        found = list(map(plain, session.run(IDENTITY_VERIFY, asked)))
    if as_json:
        print_json(found)
    else:
        for one in found:
            _print_verified(one)
    wrong = [one for one in found if one["wrong_map_rows"] or one["wrong_refusals"]]
    if any(not one["rules_being_applied"] for one in wrong):
        if not as_json:
            out.print("Rebuild the map: docs/identity.md, docs/replay.md", soft_wrap=True)
        raise typer.Exit(1)
    if wrong:
        raise typer.Exit(Retry.exit_code)


def _print_verified(found: dict[str, Any]) -> None:
    for title, rows, names in (
        ("Map rows that differ", found["map_rows"], WRONG_ROWS),
        ("Refusals that differ", found["refusals"], WRONG_REFUSALS),
    ):
        if rows:
            print_table(title, rows, names)
    out.print(
        f"{found['nodes']:,} identifiers of realm {found['realm']}: {found['wrong_map_rows']:,} "
        f"map rows and {found['wrong_refusals']:,} refusals differ from what the edges make",
        soft_wrap=True,
    )
    if found["rules_being_applied"]:
        out.print(
            f"Rules are still being applied in realm {found['realm']}: rows that differ may be "
            "still to come. Verify again when 'c360 identity rules' says that they are in force.",
            soft_wrap=True,
        )


def print_why(answer: dict[str, object], zone: tzinfo) -> None:
    """Print an explanation as text, with times in the zone."""
    if answer["same"]:
        out.print(f"Both belong to profile {answer['profile_a']}:", soft_wrap=True)
    else:
        both = f"{answer['profile_a']} and {answer['profile_b']}"
        out.print(f"They are two profiles: {both}.", soft_wrap=True)
    for title, key, last in (("", "path", "rule"), ("Edges set aside", "set_aside", "why")):
        rows = answer[key]
        assert isinstance(rows, list)
        if rows:
            shown = [row | {"from": _named(row["from"]), "to": _named(row["to"])} for row in rows]
            once = [row for at, row in enumerate(shown) if row not in shown[:at]]  # both sides'
            names = ("from", "to", last, "verified", "event_id", "first_seen")
            print_table(title, once, names, zone=zone, spare=("first_seen", "event_id"))


def _named(node: dict[str, str]) -> str:
    return f"{node['type']} {node['value']}" if node["type"] else node["node_id"]

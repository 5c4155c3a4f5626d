"""`c360 identity decide`, `withdraw`, `decisions`: what people decide about two identifiers.

On a data directory a decision is in force when the command returns; with Kafka it is a record on
`c360.edges` that the identity worker applies within moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from schemas.edge import Verdict
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.decisions import (
    DECISIONS_PER_IMPORT_MAX,
    DECISIONS_PER_PAGE_MAX,
    IDENTITY_DECIDE,
    IDENTITY_DECISIONS,
    IDENTITY_IMPORT,
    DecideRequest,
    DecisionsRequest,
    ImportedDecision,
    ImportRequest,
)
from services.cli.output import (
    out,
    print_json,
    print_table,
    standard_output,
    write_json_lines,
)
from services.cli.session import Session
from services.cli.state import AsJson, Realm, state_of
from services.intake.files import numbered_lines, require_files
from services.runtime.batching import bounded
from services.runtime.errors import InvalidInput

PROFILES = ("profile_id", "holds", "kind", "identifiers_count", "orders", "revenue", "currency")
MOVED = ("identifier", "to_profile_id")
LISTED = ("decided_at", "verdict", "a", "b", "author", "reason", "refused_because")
MOVED_PRINTED = 20
LINE_BYTES_MAX = 64 * 1024
Side = Annotated[str, typer.Argument(metavar="NODE", help="As for 'c360 profile get'.")]
OptionalSide = Annotated[str, typer.Argument(metavar="[NODE]", help="As for 'c360 profile get'.")]
By = Annotated[str, typer.Option(help="The deciding account, by name or number.")]
Reason = Annotated[str, typer.Option(help="Why, in one line of at most 300 characters.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would happen.")]


class GivenVerdict(StrEnum):
    """What somebody decides."""

    SAME = "same"
    DIFFERENT = "different"


class ListFormat(StrEnum):
    """How decisions are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def decide(
    context: typer.Context,
    verdict: Annotated[
        GivenVerdict | None, typer.Argument(help="One customer, or two.", show_default=False)
    ] = None,
    a: OptionalSide = "",
    b: OptionalSide = "",
    by: By = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Accept an identifier that no event has named yet.")
    ] = False,
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Instead: record what 'c360 identity decisions --format jsonl' printed.",
        ),
    ] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Decide that two identifiers are the same customer, or different ones.

    It is kept with author, reason and time, counts whatever the events say, and can be withdrawn.
    """
    if from_:
        if verdict or a or b or dry_run:
            raise InvalidInput("--from takes the decisions of a file; leave out verdict and nodes")
        _import(context, from_, realm, as_json)
        return
    if verdict is None or not a or not b:
        raise InvalidInput("name a verdict (same, different) and two identifiers")
    _decide(context, Verdict(verdict), (a, b), (by, reason), realm, as_json, dry_run, unseen)


def withdraw(
    context: typer.Context,
    a: Side,
    b: Side,
    by: By,
    reason: Reason,
    dry_run: DryRun = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Withdraw the decision about two identifiers: what the events say counts again."""
    _decide(context, Verdict.NONE, (a, b), (by, reason), realm, as_json, dry_run)


def decisions(
    context: typer.Context,
    node: Annotated[str, typer.Option(help="Only those about this identifier.")] = "",
    verdict: Annotated[Verdict | None, typer.Option(help="Only with this verdict.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most rows; without it, all.")] = None,
    format_: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What people decided, the latest first; with verdict 'none' what was withdrawn."""
    wanted = {"realm": realm, "node": node, "verdict": verdict}
    with state_of(context).session() as session:
        rows = _listed(session, wanted, limit)
        if format_ is ListFormat.JSONL:
            with standard_output() as stream:
                write_json_lines(rows, stream)
            return
        found = list(rows)
    if as_json or format_ is ListFormat.JSON:
        print_json(found)
        return
    print_decisions(found, state_of(context).zone(realm))


def print_decisions(found: list[dict[str, Any]], zone: tzinfo) -> None:
    """Print decisions as a table."""
    shown = [row | {"a": _named(row["a"]), "b": _named(row["b"])} for row in found]
    spare = ("refused_because", "reason", "author")
    print_table("Decisions", shown, LISTED, zone=zone, spare=spare)


def _listed(
    session: Session, wanted: Mapping[str, Any], limit: int | None
) -> Iterator[dict[str, Any]]:
    """Page by page, so that any number of them takes bounded memory."""
    left, cursor = limit, ""
    while True:
        size = min(left or DECISIONS_PER_PAGE_MAX, DECISIONS_PER_PAGE_MAX)
        asked = DecisionsRequest(**wanted, limit=size, cursor=cursor)
        [page] = session.run(IDENTITY_DECISIONS, asked)
        yield from map(plain, page.entries)
        left = None if left is None else left - len(page.entries)
        if page.next_cursor is None or left == 0:
            return
        cursor = page.next_cursor


def _import(context: typer.Context, file: str, realm: str, as_json: bool) -> None:
    sums = {"recorded": 0, "known": 0, "erased": 0}
    require_files([file])
    is_empty = Path(file).is_file() and not Path(file).stat().st_size  # nobody decided anything
    lines = iter(()) if is_empty else numbered_lines(file, LINE_BYTES_MAX)
    parsed = (_parsed(line.content, number) for number, line in lines)
    with state_of(context).session() as session:
        for part in bounded(parsed, DECISIONS_PER_IMPORT_MAX):
            [counted] = session.run(IDENTITY_IMPORT, ImportRequest(realm=realm, decisions=part))
            for name in sums:
                sums[name] += getattr(counted, name)
    if as_json:
        print_json(sums)
    else:
        out.print(
            f"{sums['recorded']:,} decisions recorded, {sums['known']:,} were known or are "
            f"overruled by a later one, {sums['erased']:,} about erased customers were dropped",
            soft_wrap=True,
        )


def _parsed(line: bytes, number: int) -> ImportedDecision:
    try:
        return ImportedDecision.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(map(str, fault["loc"]))
        raise InvalidInput(f"line {number}: {path or 'it'}: {fault['msg']}") from error


def _decide(
    context: typer.Context,
    verdict: Verdict,
    pair: tuple[str, str],
    said: tuple[str, str],
    realm: str,
    as_json: bool,
    dry_run: bool,
    unseen: bool = False,
) -> None:
    asked = DecideRequest(
        realm=realm,
        a=pair[0],
        b=pair[1],
        verdict=verdict,
        by=said[0],
        reason=said[1],
        dry_run=dry_run,
        unseen=unseen,
    )
    with state_of(context).session() as session:
        [row] = session.run(IDENTITY_DECIDE, asked)
    print_decided(plain(row), as_json, dry_run)


def print_decided(done: dict[str, Any], as_json: bool, dry_run: bool) -> None:
    """Print a decision and what it does to the profiles."""
    if as_json:
        print_json(done)
        return
    out.print(_sentence(done, dry_run), soft_wrap=True)
    effect = done["effect"]
    now = "Profiles with it" if dry_run else "Profiles now"
    for title, name in (("Profiles before", "before"), (now, "after")):
        print_table(title, effect[name], PROFILES, spare=("currency", "kind"))
    moved = [
        one | {"identifier": _named(one["identifier"])} for one in effect["moved"][:MOVED_PRINTED]
    ]
    if moved:
        print_table("Identifiers that move", moved, MOVED)
        if effect["moved_count"] > len(moved):
            out.print(f"and {effect['moved_count'] - len(moved):,} more (--json lists 100)")


def _sentence(done: dict[str, Any], dry_run: bool) -> str:
    effect, verdict = done["effect"], done["verdict"]
    a, b = _named(done["a"]), _named(done["b"])
    head = {
        "same": f"{a} and {b} are the same customer",
        "different": f"{a} and {b} are different customers",
        "none": f"Nothing is decided about {a} and {b} any more",
    }[verdict]
    how = f"{head} ({done['author']}: {done['reason']})."
    if dry_run:
        how = f"Nothing was recorded. It would say: {how}"
    elif not done["is_recorded"]:
        how += " That was decided before; nothing changes."
    if effect["refused_because"]:
        blockers = ", ".join(map(_named, effect["blocked_by"]))
        why = f"{effect['refused_because']}; in the way: {blockers}"
        return f"{how} But it joins nobody ({why}). It will, once that has changed."
    before, after = effect["together_before"], effect["together_after"]
    if before != after:
        were = "one profile" if before else "in two profiles"
        become = "would be" if dry_run else "are now"
        return f"{how} They were {were} and {become} {'one' if after else 'two'}."
    if verdict == "different":
        return f"{how} They are two profiles already, and no event will join them."
    return f"{how} They stay {'one profile' if after else 'two profiles'}."


def _named(node: dict[str, str]) -> str:
    return f"{node['type']} {node['value']}" if node["value"] else node["node_id"]

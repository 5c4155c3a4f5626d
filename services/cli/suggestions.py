"""`c360 identity suggest` and `c360 identity suggestions`: profiles that may be one person."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.suggestions import (
    IDENTITY_ANSWER,
    IDENTITY_SUGGEST,
    IDENTITY_SUGGESTION,
    IDENTITY_SUGGESTIONS,
    AnswerRequest,
    SuggestionRequest,
    SuggestionsRequest,
    SuggestRequest,
)
from services.cli.decisions import By, DryRun, Reason, print_decided
from services.cli.output import one_line, out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of
from services.matching.core.model import THRESHOLD
from services.matching.core.suggestion import SuggestionKind, SuggestionNote, SuggestionState

LISTED = ("suggestion_id", "kind", "state", "probability", "because", "notes", "created_at")
NOTES = {
    SuggestionNote.TWO_OF_A_UNIQUE_TYPE: (
        "Both have a number of which a person has one at that issuer: an event would not join "
        "them, a decision does."
    ),
    SuggestionNote.NO_BIRTH_DATE: (
        "One has no birth date: father and son of one name look the same."
    ),
    SuggestionNote.SHARED_CONTACT_ONLY: (
        "No name is known of one of them: a contact may be a household's."
    ),
}
SuggestionId = Annotated[str, typer.Argument(help="Its id, or the beginning of it.")]
app = typer.Typer(help="Profiles that may be one person, for you to decide.", no_args_is_help=True)


def suggest(
    context: typer.Context,
    least: Annotated[
        float, typer.Option(min=0.5, max=1, help="Least probability of a pair that is proposed.")
    ] = THRESHOLD,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Find profiles that may be one person although no identifier says so. Joins nobody.

    Needs the extra 'suggest'. May run beside everything else; the latest run counts. Pairs that
    are as likely twins, or father and son, are not proposed. docs/matching.md explains the scores.
    """
    with state_of(context).session() as session:
        asked = SuggestRequest(realm=realm, least=least)
        found = plain(next(session.run(IDENTITY_SUGGEST, asked)))
    if as_json:
        print_json(found)
        return
    taught = (
        f"learnt from about {found['learnt_from']:,} pairs"
        if found["learnt_from"]
        else ("configured, because there are too few persons or certain pairs to learn from")
    )
    out.print(
        f"{found['persons']:,} persons, {found['compared']:,} pairs compared; weights {taught}\n"
        f"{found['matches']:,} suggestions by agreement, {found['stated']:,} stated by events; "
        f"{found['stale']:,} earlier ones are stale\n"
        f"not proposed: {found['households']:,} pairs that may be of one household, "
        f"{found['decided']:,} that are decided",
        soft_wrap=True,
    )


@app.command(name="list")
def list_(
    context: typer.Context,
    state: Annotated[
        SuggestionState, typer.Option(help="Only of this state.")
    ] = SuggestionState.OPEN,
    every: Annotated[bool, typer.Option("--all", help="Of every state.")] = False,
    kind: Annotated[SuggestionKind | None, typer.Option(help="Only of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most rows.")] = 100,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Suggestions, the most probable first; without options those that are open."""
    asked = SuggestionsRequest(realm=realm, state=None if every else state, kind=kind, limit=limit)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(IDENTITY_SUGGESTIONS, asked)))
    if as_json:
        print_json(found)
        return
    rows = [one | {"because": _because(one), "notes": ", ".join(one["notes"])} for one in found]
    spare = ("created_at", "notes")
    print_table("May be one person", rows, LISTED, zone=state_of(context).zone(realm), spare=spare)
    out.print(f"{len(found):,} found" + (", and possibly more" if len(found) == limit else ""))


@app.command()
def show(
    context: typer.Context,
    suggestion_id: SuggestionId,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """One suggestion: what each field says, and what is known of both."""
    asked = SuggestionRequest(realm=realm, suggestion_id=suggestion_id)
    with state_of(context).session() as session:
        one = plain(next(session.run(IDENTITY_SUGGESTION, asked)))
    if as_json:
        print_json(one)
        return
    likely = "" if one["probability"] is None else f", probability {one['probability']:.4f}"
    out.print(
        f"Suggestion {one['suggestion_id']} ({one['kind']}, {one['state']}){likely}\n"
        f"  {one['node_id']}\n  {one['other_node_id']}",
        soft_wrap=True,
    )
    for part in one["parts"]:
        out.print(f"  {part['weight']:+6.1f}  {one_line(part['words'])}")
    for note in one["notes"]:
        out.print(f"  Note: {NOTES[SuggestionNote(note)]}", soft_wrap=True)
    if one["event_ids"]:
        named = one_line(", ".join(one["event_ids"]))
        out.print(f"  named together by {named}", soft_wrap=True)
    rows = [
        {"attribute": each["name"], "one": ", ".join(each["value"]),
         "other": ", ".join(each["other_value"])}
        for each in one["attributes"]
    ]  # fmt: skip
    print_table("What is known of both", rows, ("attribute", "one", "other"))


@app.command()
def accept(
    context: typer.Context,
    suggestion_id: SuggestionId,
    by: By,
    reason: Reason,
    dry_run: DryRun = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Decide that both are one customer, as 'c360 identity decide same' does."""
    _answer(context, suggestion_id, True, (by, reason), dry_run, realm, as_json)


@app.command()
def decline(
    context: typer.Context,
    suggestion_id: SuggestionId,
    by: By,
    reason: Reason,
    dry_run: DryRun = False,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Decide that they are different customers. The pair is never proposed again."""
    _answer(context, suggestion_id, False, (by, reason), dry_run, realm, as_json)


def _answer(
    context: typer.Context,
    suggestion_id: str,
    is_accepted: bool,
    said: tuple[str, str],
    dry_run: bool,
    realm: str,
    as_json: bool,
) -> None:
    asked = AnswerRequest(
        realm=realm,
        suggestion_id=suggestion_id,
        accept=is_accepted,
        by=said[0],
        reason=said[1],
        dry_run=dry_run,
    )
    with state_of(context).session() as session:
        [row] = session.run(IDENTITY_ANSWER, asked)
    print_decided(plain(row), as_json, dry_run)


def _because(one: dict[str, Any]) -> str:
    best = sorted(one["parts"], key=lambda part: -part["weight"])[:3]
    if best:
        return ", ".join(f"{part['words']} {part['weight']:+.1f}" for part in best)
    return f"{len(one['event_ids'])} events name both"

"""`c360 identity simulate` and `rebuild`: changed rules, tried on what is stored, then applied.

A simulation writes nothing and runs on any store; a rebuild has a data directory to itself.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.instants import to_ms
from schemas.records import RulesRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE
from services.api.operation import plain
from services.api.queries.decisions import REASON_CHARS_MAX
from services.api.queries.identity_rules import (
    IDENTITY_APPLY,
    IDENTITY_RULES,
    IDENTITY_SIMULATE,
    LARGEST_MAX,
    ApplyRequest,
    RulesRequest,
    TrialRequest,
)
from services.cli.decisions import By, DryRun, Reason
from services.cli.output import Row, out, print_json, print_line, print_table
from services.cli.session import require_data
from services.cli.state import AsJson, state_of
from services.embedded.refusal import not_on_a_server
from services.ingest.config import configured_trust
from services.ingest.lines import InputError, InputMissing
from services.runtime.clock import utc_now
from services.runtime.errors import InvalidInput, NotFound
from services.store.rules_in_force import rules_of_text

if TYPE_CHECKING:
    from services.embedded.engine import Engine

RulesFile = Annotated[
    Path,
    typer.Argument(
        help="Rules file (TOML), as for C360_IDENTITY_RULES; see docs/identity.md.", readable=False
    ),
]
CHANGED = ("profile_id", "what", "before", "after", "lost", "gained", "for example")
LISTED = ("realm", "rules", "state", "applied_at", "author", "reason", "sha256")
IDENTIFIERS = ("type", "issuer", "value", "node_id")
SUMS = (
    ("persons_split", "persons are split"),
    ("persons_merged", "persons are made of several"),
    ("profiles_changed", "profiles gain or lose identifiers"),
    ("identifiers_moved", "identifiers come into another profile"),
    ("ids_changed", "profiles keep their identifiers and get another id"),
    ("newly_shared", "identifiers belong to nobody from then on"),
    ("no_longer_shared", "identifiers belong to nobody now, and to somebody then"),
)
BY_NAME = (
    ("refusals_appear", "refused then"),
    ("refusals_vanish", "refused now only"),
    ("blocked", "stored values blocked"),
    ("needs_replay", "stored values written otherwise: only a replay tells what they join"),
    ("unlisted", "stored values of types that are not listed"),
)


def simulate(
    context: typer.Context,
    rules: RulesFile,
    limit: Annotated[
        int, typer.Option(min=0, max=LARGEST_MAX, help="Most rows of each list.")
    ] = 10,
    realm: Annotated[str, typer.Option(help="Only this realm.")] = "",
    as_json: AsJson = False,
) -> None:
    """What changed identity rules would make of what is stored. Writes nothing.

    Tells profiles that would be split, merged or changed, identifiers that would be shared or no
    longer shared, and refusals. May run beside everything else.
    """
    asked = TrialRequest(rules=text_of(rules), realm=realm, limit=limit)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(IDENTITY_SIMULATE, asked)))
    if as_json:
        print_json(found)
        return
    for one in found:
        _print(one)


def rules(
    context: typer.Context,
    history: Annotated[
        bool, typer.Option("--history", help="Also those that were in force before.")
    ] = False,
    text: Annotated[
        bool, typer.Option("--text", help="Print the rules file that is in force, as it was given.")
    ] = False,
    packaged: Annotated[
        bool, typer.Option("--packaged", help="Print the rules file that comes with this program.")
    ] = False,
    realm: Annotated[str, typer.Option(help="Only this realm.")] = "",
    as_json: AsJson = False,
) -> None:
    """The identity rules in force: version, since when, by whom, and how far the map follows.

    All processes go by them, whatever rules file they have.
    """
    if packaged:
        print_line(rules_text(RULES_FILE).rstrip("\n"))
        return
    asked = RulesRequest(realm=realm, history=history, with_text=text or as_json)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(IDENTITY_RULES, asked)))
    if as_json:
        print_json(found)
    elif text:
        texts = {one["text"] for one in found if one["in_force"]}
        if len(texts) != 1:
            raise InvalidInput("the realms have different rules, or none yet: choose with --realm")
        print_line(texts.pop().rstrip("\n"))
    else:
        print_table("Identity rules", list(map(_listed, found)), LISTED)


def apply(
    context: typer.Context,
    rules: RulesFile,
    by: By = "",
    reason: Reason = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="Also if they are in force already."),
    ] = False,
    instead: Annotated[
        bool,
        typer.Option("--instead", help="Give up others that are still being applied."),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put other identity rules in force, in every realm, and bring the map in line with them.

    Events go on meanwhile. On a data directory that no 'c360 up' holds, the map is in line when the
    command returns; else 'c360 identity rules' says how far it is.
    """
    if dry_run:
        simulate(context, rules, as_json=as_json)
        return
    asked = ApplyRequest(rules=text_of(rules), by=by, reason=reason, again=again, instead=instead)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(IDENTITY_APPLY, asked)))
    if as_json:
        print_json(found)
        return
    for one in found:
        out.print(_applied(one), soft_wrap=True, markup=False)


def _applied(one: Row) -> str:
    where = f"in realm {one['realm']}"
    if not one["is_recorded"] and one["is_done"]:
        return f"Rules {one['rules']} are in force {where} already; nothing changes."
    former = f" in the place of rules {one['former_rules']}" if one["former_rules"] else ""
    if one["is_done"]:
        return f"Rules {one['rules']} are in force {where}{former}, and the map follows from them."
    return (
        f"Rules {one['rules']} are recorded {where}{former}; 'c360 identity rules' says how far "
        "the map follows."
    )


def _listed(one: Row) -> Row:
    state = "in force" if one["in_force"] else "before" if one["is_done"] else "replaced"
    if one["in_force"] and not one["is_done"]:
        state = f"being applied: {one['identifiers_done']:,} identifiers done"
    return one | {"state": state, "sha256": one["sha256"][:12]}


def rebuild(
    context: typer.Context,
    realm: Annotated[str, typer.Option(help="Only this realm.")] = "",
    as_json: AsJson = False,
) -> None:
    """Compute the whole map again, under the rules in force (a data directory only).

    For when 'c360 identity verify' lists rows. A file of C360_IDENTITY_RULES is put in force first.
    Nothing else may use the directory meanwhile. If it is cut off, begin it again: what is right is
    not written twice.
    """
    settings = state_of(context).settings()
    if settings.clickhouse_url is not None:
        raise not_on_a_server()
    if realm and realm not in settings.realms:
        raise NotFound(f"no realm {realm!r}; C360_REALMS lists {', '.join(settings.realms)}")
    require_data(settings.data_dir)
    from services.embedded.engine import Engine  # the engine takes a while to load

    found = []
    with Engine.open(settings, other_rules=True) as engine:
        _put_in_force(engine, realm)
        if any(change.place for change in engine.rules.unfinished()):
            for _ in engine.finish_rules():  # behind what was done; below, all is looked at
                pass
        for one in [realm] if realm else settings.realms:
            told = Counter[str]()
            for part in engine.rebuild_identities(one):
                told["identifiers"] += part.nodes
                told["map_rows_written"] += len(part.changes.placements) - len(part.gone)
                told["map_rows_removed"] += len(part.gone)
                told["refusals_written"] += len(part.changes.refusals_appeared)
                told["refusals_removed"] += len(part.changes.refusals_vanished)
            found.append({"realm": one, "rules": engine.identity_rules.version, **_rebuilt(told)})
    if as_json:
        print_json({"version": 1, "realms": found})
        return
    for row in found:
        out.print(
            f"{row['identifiers']:,} identifiers of realm {row['realm']} under rules "
            f"{row['rules']}: {row['map_rows_written']:,} map rows and {row['refusals_written']:,} "
            f"refusals written, {row['map_rows_removed']:,} and {row['refusals_removed']:,} "
            "removed",
            soft_wrap=True,
        )


def _put_in_force(engine: Engine, realm: str) -> None:
    """The file of the settings, if it is another one. Raises InvalidInput."""
    rules, settings = engine.rules, engine.settings
    if settings.identity_rules is None or not rules.differs(settings.realms):
        return
    if realm:
        raise InvalidInput("rules are those of every realm: leave out --realm")
    configured_trust(settings, rules_of_text(rules.own_text))
    reason = f"the file {settings.identity_rules.name} of the settings"[:REASON_CHARS_MAX]
    given = {"text": rules.own_text, "author": "c360 identity rebuild", "reason": reason}
    known_ms = (one.decided_ms for one in rules.in_force.values())
    now_ms = max([to_ms(utc_now()), *(known + 1 for known in known_ms)])
    engine.change_rules(
        [RulesRecord(realm=one, decided_ms=now_ms, **given) for one in settings.realms]
    )


REBUILT = (
    "identifiers", "map_rows_written", "map_rows_removed", "refusals_written", "refusals_removed",
)  # fmt: skip


def _rebuilt(told: Counter[str]) -> dict[str, int]:
    return {name: told[name] for name in REBUILT}


def text_of(path: Path) -> str:
    """The text of a rules file. Raises InputError."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise InputMissing(f"cannot read rules file {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"rules file {path}: {error}") from error


def _print(one: Row) -> None:
    before, after = one["profiles_before"], one["profiles_after"]
    kinds = ", ".join(
        f"{name} {before[name]:,} → {after[name]:,}" for name in ("person", "anonymous", "shared")
    )
    out.print(
        f"{one['identifiers']:,} identifiers of realm {one['realm']} under rules "
        f"{one['simulated_rules']}: {kinds}",
        soft_wrap=True,
    )
    for name, text in SUMS:
        if one[name]:
            out.print(f"  {one[name]:,} {text}", soft_wrap=True)
    out.print(
        f"  largest profile: {one['largest_profile_before']:,} → {one['largest_profile_after']:,} "
        f"personal identifiers; too large: {one['too_large_before']:,} → "
        f"{one['too_large_after']:,}",
        soft_wrap=True,
    )
    for name, text in BY_NAME:
        if one[name]:
            counts = ", ".join(f"{key} {count:,}" for key, count in sorted(one[name].items()))
            out.print(f"  {text}: {counts}", soft_wrap=True)
    if one["largest"]:
        print_table("Profiles that change most", list(map(_row, one["largest"])), CHANGED)
    for title, name in (
        ("Newly shared", "newly_shared_sample"),
        ("No longer shared", "no_longer_shared_sample"),
        ("Blocked", "blocked_sample"),
    ):
        if one[name]:
            print_table(title, one[name], IDENTIFIERS, spare=("issuer", "node_id"))
    if not one["profiles_changed"] and not one["ids_changed"]:
        out.print("  nothing changes", soft_wrap=True)


def _row(one: dict[str, Any]) -> Row:
    """A changed profile as a row of text."""
    what = "new" if one["is_new"] else "gone" if one["merged_into"] else "kept"
    moved = [*one["loses"], *one["gains"]]
    sample = moved[0]["sample"] if moved else None
    return {
        "profile_id": one["profile_id"],
        "what": what,
        "before": one["before"],
        "after": one["after"],
        "lost": one["lost"],
        "gained": one["gained"],
        "for example": f"{sample['type']} {sample['value']}" if sample else "",
    }

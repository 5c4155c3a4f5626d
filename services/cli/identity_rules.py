"""`c360 identity simulate` and `rebuild`: changed rules, tried on what is stored, then applied.

A simulation writes nothing and runs on any store; a rebuild has a data directory to itself.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from services.api.operation import plain
from services.api.queries.identity_rules import IDENTITY_SIMULATE, LARGEST_MAX, TrialRequest
from services.cli.output import Row, out, print_json, print_table
from services.cli.session import require_data
from services.cli.state import AsJson, state_of
from services.embedded.refusal import not_on_a_server
from services.ingest.lines import InputError, InputMissing
from services.runtime.errors import NotFound

RulesFile = Annotated[
    Path,
    typer.Argument(
        help="Rules file (TOML), as for C360_IDENTITY_RULES; see docs/identity.md.", readable=False
    ),
]
CHANGED = ("profile_id", "what", "before", "after", "lost", "gained", "for example")
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


def rebuild(
    context: typer.Context,
    realm: Annotated[str, typer.Option(help="Only this realm.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bring the map in line with the identity rules that are set (a data directory only).

    After C360_IDENTITY_RULES was changed, or when 'c360 identity verify' lists rows. Nothing else
    may use the directory meanwhile. If it is cut off, begin it again: what is right is not written
    twice.
    """
    settings = state_of(context).settings()
    if settings.clickhouse_url is not None:
        raise not_on_a_server()
    if realm and realm not in settings.realms:
        raise NotFound(f"no realm {realm!r}; C360_REALMS lists {', '.join(settings.realms)}")
    require_data(settings.data_dir)
    from services.embedded.engine import Engine  # the engine takes a while to load

    found = []
    with Engine.open(settings) as engine:
        for one in [realm] if realm else settings.realms:
            told = Counter[str]()
            for part in engine.rebuild_identities(one):
                told["identifiers"] += part.nodes
                told["map_rows_written"] += len(part.changes.placements)
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

"""`c360 identity trust`: what each source of events may claim, as this machine's settings say."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from schemas.rules.identity import identity_rules
from schemas.rules.trust import ANYTHING, NOBODY, SourceTrust
from services.cli.output import one_line, out, print_json, print_table
from services.cli.state import AsJson, state_of
from services.ingest.config import configured_trust
from services.runtime.settings import read_rules

COLUMNS = ("system", "verifies", "consents", "attributes", "memberships", "sends")


def trust(
    context: typer.Context,
    system: Annotated[
        str, typer.Argument(metavar="[SYSTEM]", help="Only what this source.system may claim.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What each source may claim: which identifiers it verifies, and what it may state.

    Of several rows the first that matches a source counts; the last one is of all others.
    """
    settings = state_of(context).settings()
    found = configured_trust(settings, read_rules(settings, "identity_rules", identity_rules))
    if system:
        rows = [found.of(system)]
    else:
        rows = [*found.source]
        if all(row.system != ANYTHING for row in rows):
            rows.append(NOBODY)
    if as_json:
        print_json([_fields(row) | {"rules_version": found.version} for row in rows])
        return
    shown = [_shown(row) for row in rows]
    print_table("What sources may claim", shown, COLUMNS)
    where = settings.trust_rules or "C360_TRUSTED_SOURCES"
    version = f", version {found.version}" if found.version else ""
    out.print(one_line(f"from {where}{version}"), soft_wrap=True)


def _fields(row: SourceTrust) -> dict[str, Any]:
    return row.model_dump()


def _shown(row: SourceTrust) -> dict[str, Any]:
    return _fields(row) | {
        "verifies": " ".join(row.verifies) or "nothing",
        "sends": " ".join(row.sends) or "refusals only",
    }

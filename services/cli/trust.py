"""`c360 identity trust`: what each source of events may claim, as this machine's settings say.

The types that a file names are those of the identity rules in force, which are in the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from schemas.rules.identity import identity_rules
from schemas.rules.trust import ANYTHING, NOBODY, SourceTrust
from services.api.queries.identity_rules import RulesInForce
from services.cli.known_rules import differing, newest, own_name, rules_of_store, told
from services.cli.output import one_line, out, print_json, print_table
from services.cli.session import open_session
from services.cli.state import AsJson, state_of
from services.ingest.config import configured_trust
from services.runtime.errors import C360Error
from services.runtime.settings import Settings, read_rules
from services.store.directory import has_engine

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
    in_force, unasked = _in_force(settings)
    own = read_rules(settings, "identity_rules", identity_rules)
    found = configured_trust(settings, newest(in_force) or own)
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
    for text in (unasked, *_compared(settings, in_force)):
        if text:
            out.print(one_line(text), soft_wrap=True)


def _in_force(settings: Settings) -> tuple[list[RulesInForce], str]:
    """The identity rules in force; or why it is not known which are."""
    own = own_name(settings)
    if settings.clickhouse_url is None and not has_engine(settings.data_dir):
        return [], f"identity rules: there is no store yet; {own} will be its first ones"
    try:
        with open_session(settings) as session:
            return rules_of_store(session), ""
    except C360Error as error:
        return [], f"identity rules: {own} is taken for those in force. {error}"


def _compared(settings: Settings, in_force: list[RulesInForce]) -> Iterator[str]:
    differ = differing(settings, in_force)
    for one in in_force:
        compared = f"; they differ from {own_name(settings)}" if one in differ else ""
        yield f"identity rules in force: {told(one)}{compared}"


def _fields(row: SourceTrust) -> dict[str, Any]:
    return row.model_dump()


def _shown(row: SourceTrust) -> dict[str, Any]:
    return _fields(row) | {
        "verifies": " ".join(row.verifies) or "nothing",
        "sends": " ".join(row.sends) or "refusals only",
    }

"""`c360 identity suspicious`: what somebody should look at, why, and what to do about it."""

from __future__ import annotations

from datetime import tzinfo
from shlex import quote
from typing import Annotated, Any

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.notices import IDENTITY_SUSPICIOUS, NoticesRequest
from services.cli.output import one_line, out, print_json, print_table
from services.cli.state import AsJson, Realm, state_of

NOTICES = ("number", "notice", "type", "issuer", "value", "count", "counted", "since", "shared")
SAMPLES = ("occurred_at", "event_id", "channel", "system", "store", "till")


def suspicious(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Most rows.")] = 100,
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """Identifiers that stand for too many persons, and persons with too many identifiers.

    A suspicious value came to stand for many within a day: usually something that a sender writes
    for "no value", or a staff card. It joins nobody. Persons with many identifiers are joined all
    the same. Each row is listed with its events, their senders, and a proposed decision.
    """
    asked = NoticesRequest(realm=realm, limit=limit)
    with state_of(context).session() as session:
        found = list(map(plain, session.run(IDENTITY_SUSPICIOUS, asked)))
    if as_json:
        print_json(found)
        return
    zone = state_of(context).zone(realm)
    for number, one in enumerate(found, 1):
        one["number"] = number
    print_table("Worth a look", found, NOTICES, zone=zone, spare=("issuer", "shared", "since"))
    for one in found:
        _print_evidence(one, zone)
        _print_proposal(one, realm)
    out.print(f"{len(found):,} found" + (", and possibly more" if len(found) == limit else ""))


def _print_evidence(notice: dict[str, Any], zone: tzinfo) -> None:
    evidence = notice["evidence"]
    many = " or more" if evidence["is_cut"] else ""
    print_table(
        f"{notice['number']}: {evidence['events']:,}{many} events, at most "
        f"{evidence['most_in_a_day']:,} within a day, of {evidence['profiles']:,} profiles",
        evidence["samples"],
        SAMPLES,
        zone=zone,
        spare=("store", "till"),
    )
    for one in evidence["senders"]:
        place = "".join(f", {name} {one[name]}" for name in ("store", "till") if one[name])
        told = f"from {one['system']}{place} ({one['channel']}): {one['events']:,}"
        out.print(f"  {one_line(told)}", soft_wrap=True)


def _print_proposal(notice: dict[str, Any], realm: str) -> None:
    """What to do, with the line of the rules or the commands to paste."""
    proposal = notice["proposal"]
    out.print(f"  {one_line(proposal['text'])}", soft_wrap=True)
    lines = [proposal["rules"]] if proposal["rules"] else []
    if proposal["pair"]:
        pair = " ".join(proposal["pair"])
        within = "" if realm == DEFAULT_REALM else f" --realm {quote(realm)}"
        many = f"{notice['counted']} identifiers" if notice["counted"] else "identifiers"
        why = quote(f"two persons with many {many}")
        lines += [
            f"c360 identity why {pair}{within}",
            f'c360 identity decide different {pair} --by "$USER" --reason {why}{within}',
        ]
    for line in lines:
        out.print(f"    {one_line(line)}", soft_wrap=True)

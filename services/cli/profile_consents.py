"""`c360 profile consents`: what a customer agreed to and refused, with each statement."""

from __future__ import annotations

from typing import Any

import typer

from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.queries.consents import PROFILE_CONSENTS, STATES_PER_PAGE_MAX, ConsentsRequest
from services.cli.language import spoken
from services.cli.output import out, print_json, print_table
from services.cli.profile_options import IdentifierOption, IdOption, Who, customer
from services.cli.session import Session
from services.cli.state import AsJson, Realm, state_of

STEPS = ("occurred_at", "action", "via", "source", "text_version", "event_id")


def consents(
    context: typer.Context,
    who: Who = "",
    handle: IdOption = "",
    identifier: IdentifierOption = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What a customer agreed to and refused: each permission with every statement about it."""
    asked = ConsentsRequest(
        realm=realm,
        **customer(who, handle, identifier),
        limit=STATES_PER_PAGE_MAX,
        language=spoken(),
    )
    with state_of(context).session() as session:
        found = _all(session, asked)
    if as_json:
        print_json(found)
        return
    zone = state_of(context).zone(realm)
    for one in found:
        whom = one["value"] or "the whole person"
        place = f"{one['purpose']} on {one['channel'] or 'every channel'}"
        answer = "yes" if one["allowed"] else "no"
        out.print(f"{place}, {whom}: {answer}, {one['reason']}", soft_wrap=True)
        steps = [_told(step) for step in one["evidence"]]
        print_table("", steps, STEPS, zone=zone, spare=("text_version", "source"))
        if one["evidence_count"] > len(one["evidence"]):
            out.print(f"  the latest of {one['evidence_count']:,}")
    out.print(f"{len(found):,} permissions")


def _told(step: dict[str, Any]) -> dict[str, Any]:
    """A statement as it is shown; of one that an erasure kept nothing else is known."""
    kept = ", kept after an erasure" if step["kept_after_erasure"] else ""
    return {**step, "action": f"{step['action']}{kept}"}


def _all(session: Session, asked: ConsentsRequest) -> list[dict[str, Any]]:
    """The permissions of all pages."""
    found: list[dict[str, Any]] = []
    while True:
        [page] = map(plain, session.run(PROFILE_CONSENTS, asked))
        found += page["entries"]
        if page["next_cursor"] is None:
            return found
        asked = asked.model_copy(update={"cursor": page["next_cursor"]})

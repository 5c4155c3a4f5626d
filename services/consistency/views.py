"""Incidents as they are printed: with exposure, audit trail, parts of subject and details."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cache, lru_cache
from typing import Any, cast

from pydantic import Field, create_model

from schemas.descriptions import descriptions
from schemas.incident import INCIDENT_VERSION, AnyIncident, Exposure
from schemas.incident_action import IncidentAction
from schemas.subject import SUBJECT_MODELS
from services.consistency.core.kind import Kind
from services.consistency.kinds import KINDS

NESTED = frozenset({"terms"})
"""Details that are shown under `details` only."""


IncidentView = AnyIncident
"""An incident of any kind as `c360 incidents list|show --json` prints it (Interface 1)."""


@lru_cache
def view_model(kind: Kind) -> type[AnyIncident]:
    """The incident of a kind as it is printed: with version, exposure and audit trail.

    The parts of the subject, and the details that are no table, stand at the top, too.
    """
    flat: dict[str, Any] = {}
    for model in (SUBJECT_MODELS[kind.subject], kind.details):
        texts = descriptions(model)
        for name, field in model.model_fields.items():
            if name not in NESTED and name != "type" and name not in AnyIncident.model_fields:
                shown = copy(field)
                shown.description = texts.get(name)
                flat[name] = (field.annotation, shown)
    made = create_model(
        f"{kind.incident.__name__}View",
        __base__=kind.incident,
        __doc__=kind.title,
        version=(int, Field(INCIDENT_VERSION, description="Version of this form.")),
        exposure=(Exposure, Exposure()),
        actions=(
            list[IncidentAction],
            Field([], description="What people did, the earliest first."),
        ),
        **flat,
    )
    return cast(type[AnyIncident], made)


@cache
def views() -> dict[str, type[AnyIncident]]:
    """The view model of each kind of the product; made for the first who asks."""
    return {name: view_model(kind) for name, kind in KINDS.items()}


def view_of(
    kind: Kind, incident: AnyIncident, exposure: Exposure, actions: Sequence[IncidentAction]
) -> IncidentView:
    """An incident of a kind as it is printed, with its audit trail."""
    plain = incident.model_dump()
    subject = {name: value for name, value in plain["subject"].items() if name != "type"}
    flat = {name: value for name, value in plain["details"].items() if name not in NESTED}
    more = {"exposure": exposure, "actions": list(actions)}
    return view_model(kind).model_validate({**subject, **flat, **plain, **more})

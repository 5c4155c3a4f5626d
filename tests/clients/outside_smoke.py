"""A program over the Python client that openapi-python-client generates: it calls all operations.

It runs in `.venv-clients`, which knows nothing of us, and prints what came as JSON: for each
operation its status and the type that the client made of the answer. What it asks about comes as
JSON on standard input.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

Facts = dict[str, Any]


class Asked(NamedTuple):
    """A call: its arguments as the client names them, and the body as JSON values."""

    arguments: dict[str, Any]
    body_type: str = ""
    """Model of the body."""
    body: Any = None
    is_stream: bool = False
    """The answer has no end: its beginning is enough."""


def calls(facts: Facts) -> dict[str, Asked]:
    """How each operation is called; it must succeed."""
    profile, incident = {"profile_id": facts["profile_id"]}, {"incident_id": facts["incident_id"]}
    email = {"type": "email", "value": facts["email"]}
    return {
        "postTouchpoints": Asked({}, "PostTouchpointsBody", {"batch": facts["events"]}),
        **dict.fromkeys(("livez", "readyz", "metrics", "whoami"), Asked({})),
        "getProblem": Asked({"code": "not-found"}),
        "listAccesses": Asked({"limit": 3, "x_purpose": "a test"}),
        "getFreshness": Asked({}),
        "getProfile": Asked(profile),
        "lookupProfile": Asked({}, "LookupBody", {"identifiers": [email]}),
        "getProfiles": Asked({}, "BatchBody", {"ids": [facts["profile_id"]]}),
        "searchProfiles": Asked({}, "SearchBody", {"text": facts["email"][:5]}),
        "listTimeline": Asked({**profile, "limit": 3, "type_": ["order.placed"]}),
        "listOrders": Asked({**profile, "limit": 3}),
        "listOrderConflicts": Asked({}),
        "getAccount": Asked({"account_id": "K-1"}),
        "listAccountContacts": Asked({"account_id": "K-1", "limit": 1}),
        "getHousehold": Asked({"household_id": "H-1"}),
        "listConsents": Asked(profile),
        "checkContactPermission": Asked(
            {},
            "ContactQuestion",
            {"channel": "email", "purpose": "marketing", "addresses": [email]},
        ),
        "getIdentity": Asked(profile),
        "explainIdentity": Asked({}, "TwoIdentifiers", {"a": facts["email"], "b": facts["email"]}),
        "listSuspicious": Asked({}),
        "listDecisions": Asked({"limit": 3}),
        "decideIdentity": Asked(
            {"idempotency_key": "outside-3"},
            "NewDecision",
            {
                "a": facts["email"],
                "b": "email=outside@example.com",
                "verdict": "same",
                "reason": "seen",
                "dry_run": True,
                "unseen": True,
            },
        ),
        "listSuggestions": Asked({"limit": 3}),
        "getSuggestion": Asked({"suggestion_id": facts["suggestion_id"]}),
        "answerSuggestion": Asked(
            {"suggestion_id": facts["suggestion_id"], "idempotency_key": "outside-4"},
            "NewAnswer",
            {"accept": True, "reason": "seen", "dry_run": True},
        ),
        "listIncidents": Asked({"limit": 3}),
        "countIncidents": Asked({"cause": "stale_price"}),
        "getIncident": Asked(incident),
        "listAffected": Asked({**incident, "paid": True}),
        "actOnIncident": Asked(
            {**incident, "idempotency_key": "outside-1"},
            "NewIncidentAction",
            {"action": "ack", "reason": "seen"},
        ),
        "listRejected": Asked({"limit": 3}),
        "countRejected": Asked({}),
        "getRejected": Asked({"reject_id": facts["reject_id"]}),
        "listMeasures": Asked({}),
        "getMeasure": Asked({"measure": "repeat_purchase_rate"}),
        "listMeasureHistory": Asked({"measure": "rfm", "limit": 3}),
        "getProfileInsights": Asked(profile),
        **of_segments(profile),
        **streams(),
    }


def of_segments(profile: Facts) -> dict[str, Asked]:
    """The same of operations on segments."""
    return {
        "listSegments": Asked({}),
        "listSegmentMembers": Asked({"segment": "everybody", "limit": 1}),
        "listProfileSegments": Asked(profile),
    }


def streams() -> dict[str, Asked]:
    """The same of operations whose answer has no end."""
    names = ("streamIncidents", "streamProfiles", "streamSegments")
    return {name: Asked({}, is_stream=True) for name in names}


def module_of(package: str, operation: str) -> Any:
    """The module of an operation: the generator sorts them by tag."""
    name = "".join(f"_{one.lower()}" if one.isupper() else one for one in operation)
    [found] = Path(package).glob(f"generated/api/*/{name}.py")
    return import_module(f"generated.api.{found.parent.name}.{name}")


def called(package: str, client: Any, operation: str, asked: Asked) -> dict[str, Any]:
    """Status and type of an answer."""
    arguments = dict(asked.arguments)
    if asked.body_type:
        model = getattr(import_module("generated.models"), asked.body_type)
        arguments["body"] = model.from_dict(asked.body)
    module = module_of(package, operation)
    if asked.is_stream:
        with client.get_httpx_client().stream(**module._get_kwargs(**arguments)) as stream:
            return {"status": stream.status_code, "type": type(next(stream.iter_text())).__name__}
    answer = module.sync_detailed(client=client, **arguments)
    return {"status": int(answer.status_code), "type": type(answer.parsed).__name__}


def main() -> None:
    """Call everything, and print what came."""
    package, given = sys.argv[1], json.load(sys.stdin)
    sys.path.insert(0, package)
    client = import_module("generated").AuthenticatedClient(
        base_url=given["url"], token=given["key"], raise_on_unexpected_status=True
    )
    found = {
        operation: called(package, client, operation, asked)
        for operation, asked in calls(given["facts"]).items()
        if operation in given["operations"]
    }
    json.dump({"called": found, "known": sorted(calls(given["facts"]))}, sys.stdout)


if __name__ == "__main__":
    main()

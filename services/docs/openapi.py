"""The OpenAPI document of the HTTP interface, from the routes themselves."""

from __future__ import annotations

import json
from functools import cache

from services.docs.json_schema import Json, unwrapped
from services.intake.application import application


def openapi_document() -> Json:
    """The document that a running service serves at /openapi.json."""
    document: Json = json.loads(_document())
    return document


@cache
def _document() -> str:
    return json.dumps(unwrapped(application().openapi()))

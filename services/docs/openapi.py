"""The OpenAPI document of the HTTP interface, from the very routes that serve it."""

from __future__ import annotations

from services.docs.json_schema import Json, unwrapped
from services.intake.http import application


def openapi_document() -> Json:
    """What a running service answers at /openapi.json."""
    document: Json = unwrapped(application().openapi())
    return document

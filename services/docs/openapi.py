"""The OpenAPI document of the HTTP interface, from the routes themselves."""

from __future__ import annotations

from services.docs.json_schema import Json, unwrapped
from services.intake.application import application


def openapi_document() -> Json:
    """The document that a running service serves at /openapi.json."""
    document: Json = unwrapped(application().openapi())
    return document

"""The OpenAPI document as clients are generated from it: what the framework writes, made plain.

Schemas have the names of their models and no titles, exact numbers have a format, and every answer
says which headers it has. It decides nothing: routes say what they take and answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import GenericAlias
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.api.problem import ProblemBody, ProblemCode
from schemas.scalars import EXACT_TIME
from services.api.http.problems import documented

Json = dict[str, Any]
REF = "#/components/schemas/"
INVENTED = ("HTTPValidationError", "ValidationError")
"""The framework's own error answers, which no route gives."""
DECIMAL = "^-?[0-9]+([.][0-9]+)?$"
DESCRIBED_TAGS = {
    "events": "Touchpoints in, and what became of them.",
    "profiles": "Who a customer is, and what happened.",
    "orders": "What a customer bought, cancelled and returned.",
    "consents": "Who may be contacted, where and for what.",
    "accounts": "Companies with their contacts, and who lives together.",
    "identity": "Which identifiers belong together, and why.",
    "incidents": "Where channels contradict each other.",
    "insights": "Measures of groups of customers.",
    "segments": "Groups of customers by definition, and who belongs to them.",
    "streams": "Changes as they happen, as server-sent events.",
    "access log": "Who read which profile, and why.",
    "api keys": "Who may ask for what.",
    "about": "The interface itself.",
    "health": "For probes and scrapes.",
}
"""Tags of operations, in the order of the document."""
DESCRIBED_PARAMETERS = {
    "cursor": "`page.next` of the page before; none for the first page.",
    "limit": "Most entries of a page.",
    "profile_id": "Any id that the profile or an identifier ever had.",
}
"""Parameters that many routes have."""
BEFORE_THE_ROUTES = ("431",)
"""Answers to what is read as a request only in part: without its id."""
HEADERS: Json = {
    "X-Request-ID": {
        "description": "The id of the request, as in the log of the service.",
        "required": True,
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What the key has left: requests now, and seconds until it has all.",
        "schema": {"type": "string"},
        "example": '"key";r=199;t=1',
    },
    "RateLimit-Policy": {
        "description": "What the key may: requests, and the seconds in which it may send them.",
        "schema": {"type": "string"},
        "example": '"key";q=200;w=2',
    },
    "Retry-After": {
        "description": "Seconds after which another try makes sense.",
        "schema": {"type": "integer", "minimum": 0},
    },
}


class ExactNumbers(GenerateJsonSchema):
    """Says of an exact number that it is one; it is written as text."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """See pydantic."""
        return {"type": "string", "format": "decimal", "pattern": DECIMAL}


def with_exact_numbers(document: Json, answers: Iterable[Any]) -> Json:
    """The framework's document, whose schemas of these answers know exact numbers; changes it."""
    schemas: Json = document["components"]["schemas"]
    for answer in answers:
        several: Any = GenericAlias(list, (answer,))
        whole = TypeAdapter(several).json_schema(
            mode="serialization", schema_generator=ExactNumbers, ref_template=REF + "{model}"
        )
        schemas |= {name: one for name, one in whole.get("$defs", {}).items() if name in schemas}
    return document


def finished(document: Json) -> Json:
    """The framework's document as it is published; changes it."""
    components = document.setdefault("components", {})
    schemas: Json = components.setdefault("schemas", {})
    for name in INVENTED:
        schemas.pop(name, None)
    schemas.update(_problem_schemas())
    components["headers"] = {name: dict(header) for name, header in HEADERS.items()}
    used = set()
    for operations in document["paths"].values():
        for operation in operations.values():
            used.update(operation.get("tags", []))
            _finish(operation)
    document["tags"] = [
        {"name": name, "description": text} for name, text in DESCRIBED_TAGS.items() if name in used
    ]
    asked = _asked_for(document)
    for name, schema in schemas.items():
        (_without_defaults if name in asked else _whole)(schema)
    for name in list(schemas):
        schemas[_name(name, schemas)] = schemas.pop(name)
    components["schemas"] = dict(sorted(schemas.items()))
    plain: Json = _plain(document, set(schemas))
    document.update(plain)
    return document


def _problem_schemas() -> Json:
    problem = ProblemBody.model_json_schema(ref_template=REF + "{model}")
    return {**problem.pop("$defs"), "ProblemBody": problem}


def _finish(operation: Json) -> None:
    """Its summary is a sentence; its answers are those that it gives, with their headers."""
    responses = operation["responses"]
    invalid = responses.get("422", {}).get("content", {}).get("application/json", {})
    if "HTTPValidationError" in str(invalid):
        del responses["422"]
    described = operation.get("description", "")
    operation["summary"] = re.split(r"(?<=[.:;])\s", " ".join(described.split()))[0].rstrip(".:;")
    for parameter in operation.get("parameters", []):
        _finish_parameter(parameter)
    for status, response in documented((ProblemCode.HEAD_TOO_LARGE,)).items():
        responses.setdefault(str(status), response)
    for status, response in responses.items():
        named = ["X-Request-ID"] if status not in BEFORE_THE_ROUTES else []
        if "security" in operation and status not in ("401", "500", *BEFORE_THE_ROUTES):
            named += ["RateLimit", "RateLimit-Policy"]
        if status in ("429", "503"):
            named.append("Retry-After")
        headers = response.setdefault("headers", {})
        for name in named:
            headers.setdefault(name, {"$ref": f"#/components/headers/{name}"})
        if response["description"] == "Successful Response":
            response["description"] = operation["summary"] + "."


def _asked_for(document: Json) -> set[str]:
    """The schemas of bodies of requests, and those within them."""
    schemas: Json = document["components"]["schemas"]
    bodies = [
        operation.get("requestBody", {})
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    found = set[str]()
    open_ends = _references(bodies)
    while open_ends:
        found |= open_ends
        open_ends = _references([schemas[name] for name in open_ends]) - found
    return found


def _references(value: Any) -> set[str]:
    return set(re.findall(REF + r"([\w-]+)", str(value)))


def _whole(schema: Json) -> None:
    """Answers always have all fields, but for those that are a part on request."""
    properties = schema.get("properties", {})
    for field in properties.values():
        field.pop("default", None)
    if properties and not schema.get("title", "").endswith("Part"):
        schema["required"] = list(properties)


def _without_defaults(schema: Json) -> None:
    """A field with a default may be absent: some generators would ask for it all the same. So the
    default is a part of its description."""
    for name, field in schema.get("properties", {}).items():
        if "default" in field and name not in schema.get("required", []):
            default = field.pop("default")
            if default not in (None, "", [], {}):
                field["description"] = f"{field.get('description', '')} By default {default}."


def _finish_parameter(parameter: Json) -> None:
    """A parameter is given or not, and never null; it says once what it is."""
    schema: Json = parameter["schema"]
    described = schema.pop("description", "") or DESCRIBED_PARAMETERS.get(parameter["name"], "")
    parameter.setdefault("description", described)
    given = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if len(given) == 1:
        del schema["anyOf"]
        schema.update(given[0])
    if "examples" in schema:
        parameter["examples"] = {str(one): {"value": one} for one in schema.pop("examples")}
    if schema.get("default", "") == "":
        schema.pop("default", None)


def _name(name: str, names: Json) -> str:
    """The name of a schema: `Page_Order_` is an OrderPage, and an output goes without saying."""
    if generic := re.fullmatch(r"([A-Za-z]+)_(\w+)_", name):
        return generic[2] + generic[1]
    if name.endswith("-Output") and name.removesuffix("-Output") not in names:
        return name.removesuffix("-Output")
    return name.replace("-", "")


def _plain(value: Any, names: set[str]) -> Any:
    """A part of the document without titles of fields, and with formats of exact numbers."""
    if isinstance(value, list):
        return [_plain(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, one in value.items():
        if key in ("example", "examples", "default"):
            found[key] = one
        elif key == "$ref" and isinstance(one, str) and one.startswith(REF):
            found[key] = REF + _name(one.removeprefix(REF), dict.fromkeys(names))
        elif key != "title" or not isinstance(one, str) or "openapi" in value or "version" in value:
            found[key] = _plain(one, names)
    if found.get("pattern") == EXACT_TIME:
        del found["pattern"]
        found["format"] = "date-time"
    return found

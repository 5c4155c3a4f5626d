"""The OpenAPI document generates good clients: names, descriptions, answers, no noise.

Whether a running service keeps to it is another question (tests/fuzz/test_openapi.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.api.auth import Scope
from services.docs.generate import ROOT
from services.intake.api_document import BEFORE_THE_ROUTES, DESCRIBED_TAGS

DOCUMENT = json.loads((ROOT / "schemas" / "generated" / "openapi.json").read_text("utf-8"))
"""As it was generated last; that it is up to date is test_generated's matter."""
OPERATIONS = {
    operation["operationId"]: (verb, path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for verb, operation in operations.items()
}
PROBLEM = {"$ref": "#/components/schemas/ProblemBody"}
WITHOUT_KEY = ("/livez", "/readyz", "/metrics", "/problems/{code}")
ANY = pytest.mark.parametrize("name", OPERATIONS)


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within the document."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from parts(one)


@ANY
def test_operations_are_named_and_described(name: str) -> None:
    """An operation has a name for a method, one known tag, a summary of a line, and a scope."""
    _verb, path, operation = OPERATIONS[name]
    assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)
    assert [tag for tag in operation["tags"] if tag in DESCRIBED_TAGS] == operation["tags"]
    assert len(operation["tags"]) == 1
    assert 5 < len(operation["summary"]) <= 120, operation["summary"]
    assert operation["description"].strip()
    scopes = {
        scope for one in operation.get("security", []) for use in one.values() for scope in use
    }
    assert scopes <= set(Scope)
    assert operation.get("security") or path in (
        "/livez",
        "/readyz",
        "/metrics",
        "/problems/{code}",
    )


@ANY
def test_parameters_are_described(name: str) -> None:
    """A parameter says what it is, and is never null; personal data has no place in a URL."""
    _verb, path, operation = OPERATIONS[name]
    for parameter in operation.get("parameters", []):
        assert parameter["description"], parameter["name"]
        assert "null" not in str(parameter["schema"].get("anyOf", ""))
    declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
    assert declared == set(re.findall(r"{(\w+)}", path))
    assert not {"email", "phone", "value", "identifier"} & declared


@ANY
def test_answers_are_documented(name: str) -> None:
    """Success has a form, errors are problems, and what every key may meet is listed."""
    _verb, _path, operation = OPERATIONS[name]
    answers = operation["responses"]
    assert [status for status in answers if status.startswith("2")]
    for status, answer in answers.items():
        assert status in BEFORE_THE_ROUTES or "X-Request-ID" in answer["headers"]
        assert not answer["description"].startswith("Successful")
        content = answer.get("content", {})
        if int(status) >= 400 and "text/plain" not in content:
            assert content["application/problem+json"]["schema"] == PROBLEM
    expected = set()
    if "security" in operation:
        expected |= {"401", "429"}
        scopes = any(use for one in operation["security"] for use in one.values())
        expected |= {"403"} if scopes else set()
    if operation.get("requestBody") or operation.get("parameters"):
        expected |= {"400"} if "security" in operation else set()
    if operation.get("requestBody"):
        expected |= {"408", "413", "415"}
    assert expected <= answers.keys(), sorted(expected - answers.keys())


def test_schemas_have_the_names_of_their_models() -> None:
    """No name of a module, of a direction or of a generic form reaches a client."""
    names = DOCUMENT["components"]["schemas"]
    assert [name for name in names if not re.fullmatch(r"([A-Z][a-z0-9]*)+", name)] == []
    assert [name for name in names if name.endswith(("Input", "Output", "Model"))] == []
    used = {one["$ref"].rpartition("/")[2] for one in parts(DOCUMENT) if "$ref" in one}
    assert set(names) | set(DOCUMENT["components"]["headers"]) == used


def test_fields_are_described() -> None:
    """Every field of every schema says what it is, and none repeats its name as a title."""
    silent = [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, one in schema.get("properties", {}).items()
        if not (one.get("description") or "$ref" in one or "const" in one)
    ]
    assert silent == []
    assert [one for one in parts(DOCUMENT["components"]) if isinstance(one.get("title"), str)] == []

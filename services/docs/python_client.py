"""The Python client in clients/python: models and operations from the OpenAPI document.

The asynchronous client is the one that is written; the synchronous one is the same text without
`await`. Written by hand are what a call does (`_call.py`), streams, errors, and the client around
them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from services.docs.client_models import (
    ANY_OBJECT,
    Json,
    docstring,
    field_name,
    models_module,
    quoted,
    type_of,
)
from services.docs.openapi import openapi_document

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "clients/python/customer360_client"
STREAM = "text/event-stream"
WRITES_SAFE_TO_REPEAT = frozenset({"postTouchpoints"})
"""Writes without an idempotency key: an event is known by its own id."""
READS_BY_POST = frozenset(
    {"lookupProfile", "searchProfiles", "getProfiles", "checkContactPermission", "explainIdentity"}
)
"""Personal data never stands in a URL, so these send a body."""
LEFT_OUT = frozenset({"Accept", "If-None-Match", "Prefer"})
"""Headers that the client does not offer: it follows merged profiles, and caches nothing."""
OWN_NAMES = {"X-Purpose": "purpose"}
SYNCHRONOUS = (
    ("async def ", "def "),
    ("async for ", "for "),
    ("async with ", "with "),
    ("await ", ""),
    ("AsyncBaseTransport", "BaseTransport"),
    ("AsyncOperations", "Operations"),
    ("AsyncClient", "Client"),
    ("_async_operations", "_sync_operations"),
    ("asyncio.sleep", "time.sleep"),
    ("import asyncio", "import time"),
    ("Awaitable[Any]", "Any"),
    ("Awaitable, ", ""),
    ("__aenter__", "__enter__"),
    ("__aexit__", "__exit__"),
    ("aclose", "close"),
    ("aread", "read"),
    ("aiter_bytes", "iter_bytes"),
)
HEAD = '''"""The operations of the API. Generated from its OpenAPI document by `make generate`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import UUID

from customer360_client import models
from customer360_client._call import Call, body_of
from customer360_client._stream import ServerEvent

T = TypeVar("T")


class AsyncOperations:
    """One method for each operation; of a list one more, which gives the entries of all pages."""

    async def _send(self, call: Call[T]) -> T:
        raise NotImplementedError

    def _pages(self, page: Callable[[str | None], Awaitable[Any]]) -> AsyncGenerator[Any, None]:
        raise NotImplementedError

    def _events(self, call: Call[Any]) -> AsyncGenerator[ServerEvent, None]:
        raise NotImplementedError
'''


class Argument(NamedTuple):
    """An argument of a method."""

    name: str
    written: str
    """Its name in the request."""
    place: str
    """path, query, header, or body for a field of it."""
    type: str
    is_required: bool
    description: str


class Method(NamedTuple):
    """A method of the client."""

    name: str
    verb: str
    path: str
    arguments: list[Argument]
    answer: str
    """The type of the answer as an annotation."""
    entry: str
    """The type of an entry of a list; empty if it is none."""
    is_stream: bool
    description: str


def client_files() -> dict[str, str]:
    """Every generated file of the client: its path in the repository and its text."""
    document = openapi_document()
    operations = operations_module(document)
    client = (ROOT / FOLDER / "_async_client.py").read_text("utf-8")
    texts = {
        "models.py": models_module(document),
        "_async_operations.py": operations,
        "_sync_operations.py": synchronous(operations),
        "_sync_client.py": synchronous(client),
    }
    return {f"{FOLDER}/{name}": formatted(text) for name, text in texts.items()}


def synchronous(text: str) -> str:
    """The same module, where nothing is awaited."""
    for written, instead in SYNCHRONOUS:
        text = text.replace(written, instead)
    text = re.sub(r"AsyncGenerator\[(.*), None\]", r"Generator[\1, None, None]", text)
    text = text.replace("AsyncGenerator", "Generator")
    return text.replace(
        "The asynchronous client. `_sync_client.py` is made from this file (`make generate`).",
        "The synchronous client. Made from `_async_client.py` by `make generate`; never edited.",
    )


@cache
def formatted(text: str) -> str:
    """The text as ruff formats it, with the imports that it needs."""
    for step in (
        ("check", "--fix", "--unsafe-fixes", "--quiet", "--select=F401,I,UP028"),
        ("format",),
    ):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *step,
            f"--stdin-filename={FOLDER}/generated.py",
            "-",
        ]
        done = subprocess.run(command, input=text, text=True, capture_output=True, cwd=ROOT)
        if done.returncode:
            raise ValueError(f"{done.stdout}{done.stderr}")
        text = done.stdout
    return text


def operations_module(document: Json) -> str:
    """The module of all operations, asynchronous."""
    return HEAD + "".join(map(_method_text, methods_of(document)))


def methods_of(document: Json) -> list[Method]:
    """The methods in the order of the document."""
    return [
        method
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
        for method in _whole_or_part(_method(document, verb.upper(), path, operation))
    ]


def _whole_or_part(method: Method) -> list[Method]:
    """Of an answer that is a document, or with `fields` a part of it, a method each."""
    whole, _, part = method.answer.removesuffix(f" | {ANY_OBJECT}").partition(" | ")
    if part != f"{whole}Part":
        return [method]
    rest = [one for one in method.arguments if one.name != "fields"]
    [fields] = [one._replace(is_required=True) for one in method.arguments if one.name == "fields"]
    return [
        method._replace(arguments=rest, answer=whole),
        method._replace(
            name=f"{method.name}_part", arguments=_in_order([*rest, fields]), answer=part
        ),
    ]


def _in_order(arguments: Iterable[Argument]) -> list[Argument]:
    """Required ones first, headers last."""
    places = ("path", "body", "query", "header")
    return sorted(arguments, key=lambda one: (not one.is_required, places.index(one.place)))


def _method(document: Json, verb: str, path: str, operation: Json) -> Method:
    named = operation["operationId"]
    body = _body_arguments(document, operation)
    taken = {one.name for one in body}
    given = (_parameter(one) for one in operation.get("parameters", []) if _is_offered(one))
    arguments = [*(_renamed(one) if one.name in taken else one for one in given), *body]
    _check(named, verb, arguments)
    found = [one for status, one in operation["responses"].items() if status.startswith("2")]
    content: Json = found[0].get("content", {})
    entry = "" if STREAM in content else _entry(document, content)
    names = {one.name for one in arguments}
    return Method(
        _snake(named),
        verb,
        path,
        _in_order(arguments),
        _answer(content),
        entry if "cursor" in names else "",
        STREAM in content,
        operation.get("description") or operation["summary"],
    )


def _check(named: str, verb: str, arguments: list[Argument]) -> None:
    """Raises ValueError for what the client cannot offer safely."""
    names = [one.name for one in arguments]
    if len(names) != len(set(names)):
        raise ValueError(f"{named}: two arguments have one name: {names}")
    is_repeatable = "idempotency_key" in names or named in READS_BY_POST | WRITES_SAFE_TO_REPEAT
    if verb != "GET" and not is_repeatable:
        raise ValueError(f"{named}: a write needs the header Idempotency-Key, or a note here")


def _renamed(one: Argument) -> Argument:
    """A header whose own name a field of the body has: by its written one, `x_purpose`."""
    return one._replace(name=field_name(one.written.lower().replace("-", "_")))


def _is_offered(parameter: Json) -> bool:
    return parameter["in"] != "header" or parameter["name"] not in LEFT_OUT


def _parameter(parameter: Json) -> Argument:
    written = parameter["name"]
    own = OWN_NAMES.get(written) or field_name(written.lower().replace("-", "_"))
    return Argument(
        own,
        written,
        parameter["in"],
        _argument_type(parameter["schema"]),
        parameter.get("required", False),
        parameter.get("description", ""),
    )


def _body_arguments(document: Json, operation: Json) -> list[Argument]:
    """The fields of the body, each an argument of its own."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return []
    schema = content["application/json"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return [
        Argument(
            field_name(name),
            name,
            "body",
            _argument_type(one),
            name in required,
            one.get("description", ""),
        )
        for name, one in schema["properties"].items()
    ]


def _argument_type(schema: Json) -> str:
    """As a parameter: any sequence will do for a list, and None says that it is not given."""
    text = _in_models(type_of(schema).text.replace("list[", "Sequence["), type_of(schema).names)
    return re.sub(r"\bUUID\b", "UUID | str", text.removesuffix(" | None"))


def _in_models(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = re.sub(rf"\b{name}\b", f"models.{name}", text)
    return text


def _answer(content: Json) -> str:
    if "application/json" in content:
        part = type_of(content["application/json"]["schema"])
        return _in_models(part.text, part.names)
    return "str" if content else "None"


def _entry(document: Json, content: Json) -> str:
    """The type of an entry, if the answer is a page of a list."""
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    schema = document["components"]["schemas"].get(reference.rpartition("/")[2], {})
    properties = schema.get("properties", {})
    if not {"data", "page"} <= properties.keys():
        return ""
    part = type_of(properties["data"]["items"])
    return _in_models(part.text, part.names)


def _method_text(method: Method) -> str:
    if method.is_stream:
        return _definition(method, "ServerEvent", f"return self._events({_call(method, 'None')})")
    sent = f"return await self._send({_call(method, method.answer)})"
    text = _definition(method, method.answer, sent)
    if not method.entry:
        return text
    arguments = [one for one in method.arguments if one.name != "cursor"]
    given = ", ".join(f"{one.name}={one.name}" for one in method.arguments)
    every = method._replace(
        name=f"iterate_{method.name.removeprefix('list_').removeprefix('get_')}",
        arguments=arguments,
        is_stream=True,
        description=f"The entries of all pages of `{method.name}`.",
    )
    body = f"return self._pages(lambda cursor: self.{method.name}({given}))"
    return text + _definition(every, method.entry, body)


def _definition(method: Method, answer: str, body: str) -> str:
    required = [f"{one.name}: {one.type}" for one in method.arguments if one.is_required]
    optional = [
        f"{one.name}: {one.type} | None = None" for one in method.arguments if not one.is_required
    ]
    parameters = ", ".join(["self", *required, *(["*", *optional] if optional else [])])
    head = "def" if method.is_stream else "async def"
    returned = f"AsyncGenerator[{answer}, None]" if method.is_stream else answer
    return (
        f"\n    {head} {method.name}({parameters}) -> {returned}:\n"
        + _described(method)
        + f"\n        {body}\n"
    )


def _described(method: Method) -> str:
    indent = " " * 8
    told = [one for one in method.arguments if one.description]
    if not told:
        return docstring(method.description, indent)
    lines = [docstring(method.description, indent).removesuffix('"""').rstrip(), ""]
    for one in told:
        text = docstring(f"{one.name}: {one.description}", indent)
        first, *others = text.removesuffix('"""').rstrip().split("\n")
        lines.append(indent + first.lstrip().removeprefix('"""'))
        lines.extend("    " + other for other in others)
    return "\n".join([*lines, indent + '"""'])


def _call(method: Method, answer: str) -> str:
    groups = {
        place: ", ".join(
            f"{quoted(one.written)}: {one.name}" for one in method.arguments if one.place == place
        )
        for place in ("path", "query", "header")
    }
    body = ", ".join(f"{one.written}={one.name}" for one in method.arguments if one.place == "body")
    parts = [quoted(method.verb), quoted(method.path), answer]
    for place, argument in (("path", "path_values"), ("query", "query"), ("header", "headers")):
        if groups[place]:
            parts.append(f"{argument}={{{groups[place]}}}")
    if body:
        parts.append(f"body=body_of({body})")
    return f"Call({', '.join(parts)})"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()

"""Descriptions of fields: the string below a field says what it holds.

Pydantic reads such strings itself (`use_attribute_docstrings`) when a class is made, which took a
quarter of the start of every process, for texts that only documents need. Here they are read when
someone asks for them or for a JSON schema.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Described:
    """For models whose fields are described by the strings below them; stands before BaseModel."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """The schema with its descriptions."""
        model: Any = cls
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in descriptions(model).items():
            field = model.model_fields[name]
            for shown in {name, field.alias, field.validation_alias, field.serialization_alias}:
                if shown in properties:
                    properties[shown]["description"] = text
        return schema


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The description of each field that has one, by its name.

    One that is given to the field counts; else that of the class in which the field is declared.
    """
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        text = field.description or _below(model, name)
        if text:
            found[name] = text
    return found


def _below(model: type[BaseModel], name: str) -> str:
    declared = next(
        (one for one in model.__mro__ if name in vars(one).get("__annotations__", {})), None
    )
    if declared is None:
        return ""
    return _of_module(declared.__module__).get(declared.__qualname__, {}).get(name, "")


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    """The strings below the attributes of each class of a module, by the class's qualified name."""
    found: dict[str, dict[str, str]] = {}
    _collect(ast.parse(inspect.getsource(sys.modules[name])), "", found)
    return found


def _collect(node: Any, prefix: str, found: dict[str, dict[str, str]]) -> None:
    for one in node.body:
        if isinstance(one, ast.ClassDef):
            texts = found.setdefault(prefix + one.name, {})
            for before, after in zip(one.body, one.body[1:], strict=False):
                if (
                    isinstance(before, ast.AnnAssign)
                    and isinstance(before.target, ast.Name)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                    and isinstance(after.value.value, str)
                ):
                    texts[before.target.id] = inspect.cleandoc(after.value.value)
            _collect(one, f"{prefix}{one.name}.", found)

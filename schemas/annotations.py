"""Annotations of fields, without what says more than which type a value has."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin


def plain_annotation(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without "or null" and without what bounds its values, and these bounds."""
    bounds: tuple[Any, ...] = ()
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            bounds += tuple(more)
        elif origin in (Union, types.UnionType):
            some = [one for one in get_args(annotation) if one is not type(None)]
            if len(some) != 1:
                return object, ()
            annotation = some[0]
        else:
            return annotation, bounds

"""Fixed paths beside one with a parameter: `/v1/profiles/lookup` is never the profile "lookup".

A method that the fixed path does not have is answered with 405 and the methods that it has, instead
of going to the route with the parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


class FixedPath(BaseRoute):
    """Takes the requests of a path whose method it does not have."""

    def __init__(self, path: str, methods: Iterable[str]) -> None:
        self.path = path
        self._methods = frozenset(methods)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See Starlette."""
        is_mine = scope["type"] == "http" and scope["path"] == self.path
        return (Match.FULL if is_mine and scope["method"] not in self._methods else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette."""
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(self._methods))})


def fixed_paths(routers: Iterable[APIRouter]) -> Iterator[FixedPath]:
    """One for each path of these routes that another, with a parameter, would match, too."""
    routes = [one for router in routers for one in router.routes if isinstance(one, APIRoute)]
    methods: dict[str, set[str]] = {}
    for route in routes:
        methods.setdefault(route.path, set()).update(route.methods or ())
    parametric = [one for one in routes if "{" in one.path]
    for path, known in methods.items():
        if "{" not in path and any(one.path_regex.match(path) for one in parametric):
            yield FixedPath(path, known)

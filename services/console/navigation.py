"""The pages of the console, in the order of its menu, each with the scopes that it asks for."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from services.api.auth import Scope

ROOT = "/console"


class ConsolePage(NamedTuple):
    """A page of the menu."""

    name: str
    """In texts: `nav.NAME`."""
    path: str
    """Below the root of the console."""
    group: str
    """Heading of the menu above it: `nav.group.GROUP`."""
    scopes: frozenset[Scope]
    """All of these are needed."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{ROOT}{self.path}"


def _page(name: str, group: str, *scopes: Scope, path: str = "") -> ConsolePage:
    return ConsolePage(name, path or f"/{name}", group, frozenset(scopes))


PAGES = (
    _page("search", "customers", Scope.PROFILES_READ),
    _page("incidents", "consistency", Scope.INCIDENTS_READ),
    _page("store", "consistency", Scope.INCIDENTS_READ),
    _page("satisfaction", "insights", Scope.INSIGHTS_READ),
    _page("drivers", "insights", Scope.INSIGHTS_READ),
    _page("kano", "insights", Scope.INSIGHTS_READ),
    _page("rfm", "insights", Scope.INSIGHTS_READ),
    _page("retention", "insights", Scope.INSIGHTS_READ),
    _page("win-back", "insights", Scope.INSIGHTS_READ),
    _page("funnel", "insights", Scope.INSIGHTS_READ),
    _page("flywheel", "insights", Scope.INSIGHTS_READ),
    _page("contact-pressure", "insights", Scope.INSIGHTS_READ),
    _page("response", "insights", Scope.INSIGHTS_READ),
    _page("paths", "insights", Scope.INSIGHTS_READ),
    _page("segments", "insights", Scope.SEGMENTS_READ),
    _page("quality", "operation"),
)
"""The menu. Pages of one customer are reached from search."""


def visible(scopes: Collection[str]) -> list[ConsolePage]:
    """The pages that somebody with these scopes may open."""
    return [page for page in PAGES if page.scopes <= set(scopes)]

"""Templates: Jinja with every value escaped and every name defined."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.console.navigation import ROOT

STATIC = files("services.console").joinpath("static")
SCRIPTS = ("htmx-2.0.11.min.js", "htmx-sse-2.2.4.min.js", "console.js")
STYLES = ("console.css",)
HTMX_CONFIG = (
    '{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,'
    '"selfRequestsOnly":true,"historyCacheSize":0,"responseHandling":[{"code":"204","swap":false},'
    '{"code":"...","swap":true}]}'
)
"""Nothing of an answer is run, no page with personal data stays in the browser's storage, and
answers that say what is wrong are shown."""


@cache
def environment() -> Environment:
    """The templates of the console."""
    found = Environment(
        loader=PackageLoader("services.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        root=ROOT, scripts=SCRIPTS, styles=STYLES, htmx_config=HTMX_CONFIG, static=static_url
    )
    return found


def rendered(template: str, **values: Any) -> str:
    """A template with its values."""
    return environment().get_template(template).render(**values)


def static_url(name: str) -> str:
    """The address of a file of ours; it changes with its content, so browsers may keep it."""
    return f"{ROOT}/static/{static_digest(name)}/{name}"


@cache
def static_digest(name: str) -> str:
    """Names the content of a file."""
    from hashlib import sha256

    return sha256(static_file(name)).hexdigest()[:12]


@cache
def static_file(name: str) -> bytes:
    """The content of a file. Raises KeyError for a name that is none of ours."""
    if name not in {one.name for one in STATIC.iterdir()}:
        raise KeyError(name)
    return STATIC.joinpath(name).read_bytes()

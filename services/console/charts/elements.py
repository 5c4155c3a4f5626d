"""Elements of figures whose texts are escaped: svg.py writes texts as they come."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import svg
from markupsafe import Markup


def label(x: float, y: float, text: str, *classes: str) -> svg.Text:
    """A text at a place."""
    return svg.Text(x=round(x, 1), y=round(y, 1), text=escape(text), class_=list(classes))


def name(text: str) -> svg.Title:
    """What an element is, for those who point at it or do not see it."""
    return svg.Title(text=escape(text))


def figure(
    width: float, height: float, title: str, description: str, parts: Sequence[svg.Element]
) -> Markup:
    """The figure with what it is, and what it says to those who do not see it."""
    told: list[svg.Element] = [name(title), svg.Desc(text=escape(description))]
    drawn = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, width, height),
        class_=["chart"],
        extra={"role": "img"},
        elements=[*told, *parts],
    )
    return Markup(drawn.as_str())

"""Identifiers of a customer and the events between them: who proves what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, pi, sin
from typing import NamedTuple

import svg
from markupsafe import Markup

from services.console.charts.elements import figure, label, name

SIZE = 760
MIDDLE = SIZE / 2
RINGS = (0.0, 150.0, 300.0)
RADIUS = 9
LABEL_CHARS = 18


class EvidenceNode(NamedTuple):
    """One identifier."""

    node_id: str
    label: str
    ring: int
    """0 for the one in the middle; 1 for those that name a person, 2 for all others."""


class EvidenceEdge(NamedTuple):
    """Events that name two identifiers together."""

    a: str
    b: str
    joins: bool
    """Whether they count; else they were set aside."""
    words: str
    """What happened."""


def evidence_graph(
    nodes: Sequence[EvidenceNode], edges: Sequence[EvidenceEdge], title: str, said: str
) -> Markup:
    """The figure; edges to identifiers that are not shown are not drawn."""
    places = _places(nodes)
    parts: list[svg.Element] = []
    for edge in sorted(edges, key=lambda one: one.joins):
        if edge.a in places and edge.b in places and edge.a != edge.b:
            (x1, y1), (x2, y2) = places[edge.a], places[edge.b]
            classes = ["edge", "joins" if edge.joins else "aside"]
            parts.append(
                svg.Line(x1=x1, y1=y1, x2=x2, y2=y2, class_=classes, elements=[name(edge.words)])
            )
    for node in nodes:
        x, y = places[node.node_id]
        parts.append(
            svg.Circle(
                cx=x, cy=y, r=RADIUS, class_=["node", f"ring-{node.ring}"],
                elements=[name(node.label)],
            )
        )  # fmt: skip
        text = node.label if len(node.label) <= LABEL_CHARS else node.label[:LABEL_CHARS] + "…"
        parts.append(label(x, y + (RADIUS + 13 if y >= MIDDLE else -RADIUS - 5), text, "small",
                           "middle"))  # fmt: skip
    return figure(SIZE, SIZE, title, said, parts)


def _places(nodes: Sequence[EvidenceNode]) -> Mapping[str, tuple[float, float]]:
    """On rings, evenly, in the order in which they come."""
    found: dict[str, tuple[float, float]] = {}
    for ring, radius in enumerate(RINGS):
        here = [one for one in nodes if one.ring == ring]
        for place, node in enumerate(here):
            angle = 2 * pi * place / len(here) - pi / 2 + ring * 0.2
            found[node.node_id] = (
                round(MIDDLE + radius * cos(angle), 1),
                round(MIDDLE + radius * sin(angle), 1),
            )
    return found

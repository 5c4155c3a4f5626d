"""A profile's identifiers as a picture: DOT text, or SVG in rings around the strongest one.

Pure, and the same for the same answer. Bounded: of a type with many identifiers one box with their
number is drawn. Texts come from anybody, so all of them are escaped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from math import cos, pi, sin
from typing import NamedTuple

from schemas.api.identity import IdentityEdge, ProfileIdentity
from schemas.rules.identity import IdentifierKind, IdentityRules

BOXES_OF_TYPE_MAX = 12
"""More identifiers of one type become one box."""
LABEL_CHARS_MAX = 28
BOX = (190, 40)
RING = 240
"""Least distance of two rings."""
SPACE = 215
"""Least distance of two boxes of a ring."""
MARGIN = 130
COLOURS = {"joins": "#0072B2", "aside": "#767676", "refused": "#D55E00"}
"""Told apart by people who see few colours (Okabe and Ito), on light and on dark; lines differ in
their strokes, too."""
STROKES = {"joins": "", "aside": "7 5", "refused": "2 4"}
TEXTS = {
    "joins": "joins",
    "aside": "seen together, joins nobody",
    "refused": "refused",
}
SHAPES = {IdentifierKind.PERSONAL: 4, IdentifierKind.REFERENCE: 0, IdentifierKind.DEVICE: 20}
"""Radius of the corners of a box in SVG."""
DOT_SHAPES = {
    IdentifierKind.PERSONAL: "box",
    IdentifierKind.REFERENCE: "hexagon",
    IdentifierKind.DEVICE: "ellipse",
}
STYLE = (
    "svg{background:#fff;color:#111;font:13px sans-serif}rect{fill:#fff;stroke:#111}"
    "text{fill:#111;text-anchor:middle}.legend text{text-anchor:start}"
    "@media(prefers-color-scheme:dark){svg{background:#16181d;color:#eee}"
    "rect{fill:#16181d;stroke:#eee}text{fill:#eee}}"
)


class GraphBox(NamedTuple):
    """One identifier, or those of a type."""

    key: str
    label: str
    kind: IdentifierKind
    is_other: bool
    """Whether it belongs to another profile."""


class GraphLine(NamedTuple):
    """What was seen between two boxes."""

    a: str
    b: str
    style: str
    label: str


class Picture(NamedTuple):
    """What is drawn."""

    boxes: list[GraphBox]
    lines: list[GraphLine]
    centre: str
    note: str
    """What was left out or put together; empty if nothing was."""


def picture_of(found: ProfileIdentity, rules: IdentityRules) -> Picture:
    """The picture of a page of a profile, as if it were the whole."""
    types = {str(one.node_id): one.type for one in found.members}
    values = {str(one.node_id): one.value for one in found.members}
    for edge in found.edges:
        for node, type_name in ((str(edge.a), edge.a_type), (str(edge.b), edge.b_type)):
            types.setdefault(node, type_name)
    centre = str(found.profile_id)
    own = {str(end) for edge in found.edges if edge.rule for end in (edge.a, edge.b)}
    own |= {centre, *values}
    sizes = Counter((node in own, kind) for node, kind in types.items() if node != centre)
    boxes: dict[str, GraphBox] = {}
    place: dict[str, str] = {}
    for node, type_name in sorted(types.items()):
        is_own = node in own
        count = sizes[is_own, type_name]
        is_many = node != centre and count > BOXES_OF_TYPE_MAX
        key = f"{'own' if is_own else 'other'}:{type_name}" if is_many else node
        text = f"{count:,} × {type_name}" if is_many else f"{type_name} {values.get(node, '')}"
        row = rules.by_name.get(type_name)
        kind = row.kind if row else IdentifierKind.DEVICE
        boxes[key] = GraphBox(key, _short(text.strip() or "unknown"), kind, not is_own)
        place[node] = key
    note = _note(found, is_together=len(boxes) < len(types))
    return Picture(list(boxes.values()), _lines(found.edges, place), place.get(centre, ""), note)


def _note(found: ProfileIdentity, *, is_together: bool) -> str:
    told = []
    if found.page.has_more or found.is_cut:
        shown = f"{len(found.members):,} of {found.members_count:,}"
        told.append(f"cut: {shown} identifiers, {len(found.edges):,} edges")
    if is_together:
        told.append(f"types with more than {BOXES_OF_TYPE_MAX} are one box")
    return "; ".join(told)


def _lines(edges: Iterable[IdentityEdge], place: Mapping[str, str]) -> list[GraphLine]:
    """One line for each pair of boxes and each thing that is said of them."""
    counted: Counter[GraphLine] = Counter()
    for edge in edges:
        a, b = sorted((place[str(edge.a)], place[str(edge.b)]))
        if edge.rule:
            counted[GraphLine(a, b, "joins", "")] += 1
        elif edge.refused_because:
            counted[GraphLine(a, b, "refused", f"refused: {edge.refused_because}")] += 1
        else:
            counted[GraphLine(a, b, "aside", edge.why or "")] += 1
    return [
        line._replace(label=f"{line.label} × {count:,}".strip() if count > 1 else line.label)
        for line, count in sorted(counted.items())
    ]


def dot(picture: Picture) -> str:
    """The picture in the language of Graphviz."""
    told = ["graph profile {", "  layout=twopi; overlap=false; node [fontname=sans];"]
    if picture.note:
        told.append(f"  label={_quoted(picture.note)};")
    for box in picture.boxes:
        style = ", style=dashed" if box.is_other else ""
        root = ", root=true, penwidth=3" if box.key == picture.centre else ""
        shape = DOT_SHAPES[box.kind]
        told.append(
            f"  {_quoted(box.key)} [label={_quoted(box.label)}, shape={shape}{style}{root}];"
        )
    for line in picture.lines:
        style = {"joins": "solid", "aside": "dashed", "refused": "dotted"}[line.style]
        told.append(
            f"  {_quoted(line.a)} -- {_quoted(line.b)} [style={style}, "
            f'color="{COLOURS[line.style]}", label={_quoted(line.label)}];'
        )
    return "\n".join([*told, "}", ""])


def svg(picture: Picture) -> str:
    """The picture as an SVG document without scripts, for light and dark pages."""
    at = _places(picture)
    xs, ys = [x for x, _ in at.values()] or [0], [y for _, y in at.values()] or [0]
    left, top = min(xs) - MARGIN, min(ys) - MARGIN / 2
    width, height = max(max(xs) - left + MARGIN, 560), max(ys) - top + MARGIN + 60
    told = [
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}">',
        f"<title>Identifiers of a profile</title><style>{STYLE}</style>",
    ]
    told += [_drawn_line(line, at) for line in picture.lines]
    told += [_drawn_box(box, at[box.key], box.key == picture.centre) for box in picture.boxes]
    told.append(_legend(picture, left + 20, top + height - 70))
    return "\n".join([*told, "</svg>", ""])


def _places(picture: Picture) -> dict[str, tuple[float, float]]:
    """The middle of each box: rings by the number of lines from the centre."""
    around: defaultdict[str, set[str]] = defaultdict(set)
    for line in picture.lines:
        around[line.a].add(line.b)
        around[line.b].add(line.a)
    keys = [box.key for box in picture.boxes]
    start = picture.centre or next(iter(keys), "")
    seen, ring, rings = {start}, [start], [[start]]
    while ring:
        further = dict.fromkeys(n for key in ring for n in sorted(around[key]) if n not in seen)
        ring = list(further)
        seen.update(ring)
        rings.append(ring)
    rings.append([key for key in keys if key not in seen])
    at: dict[str, tuple[float, float]] = {}
    radius = -float(RING)
    for ring in filter(None, rings):
        radius += RING
        if len(ring) > 1:
            radius = max(radius, RING, len(ring) * SPACE / (2 * pi))
        for number, key in enumerate(ring):
            angle = 2 * pi * number / len(ring) + 0.3
            at[key] = (radius * cos(angle), radius * sin(angle))
    return at


def _drawn_line(line: GraphLine, at: Mapping[str, tuple[float, float]]) -> str:
    (x1, y1), (x2, y2) = at[line.a], at[line.b]
    dashes = f' stroke-dasharray="{STROKES[line.style]}"' if STROKES[line.style] else ""
    width = 3 if line.style == "refused" else 2
    drawn = (
        f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" '
        f'stroke="{COLOURS[line.style]}" stroke-width="{width}"{dashes}/>'
    )
    if line.label:
        middle = f'x="{(x1 + x2) / 2:.0f}" y="{(y1 + y2) / 2 - 4:.0f}"'
        drawn += f"<text {middle}>{_escaped(line.label)}</text>"
    return drawn


def _drawn_box(box: GraphBox, place: tuple[float, float], is_centre: bool) -> str:
    (x, y), (width, height) = place, BOX
    dashes = ' stroke-dasharray="4 3"' if box.is_other else ""
    return (
        f'<g><title>{_escaped(box.label)}</title><rect x="{x - width / 2:.0f}" '
        f'y="{y - height / 2:.0f}" width="{width}" height="{height}" rx="{SHAPES[box.kind]}" '
        f'stroke-width="{3 if is_centre else 1}"{dashes}/>'
        f'<text x="{x:.0f}" y="{y + 5:.0f}">{_escaped(box.label)}</text></g>'
    )


def _legend(picture: Picture, x: float, y: float) -> str:
    told = ['<g class="legend">']
    for style, text in TEXTS.items():
        dashes = f' stroke-dasharray="{STROKES[style]}"' if STROKES[style] else ""
        told.append(
            f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{x + 40:.0f}" y2="{y:.0f}" '
            f'stroke="{COLOURS[style]}" stroke-width="3"{dashes}/>'
            f'<text x="{x + 48:.0f}" y="{y + 5:.0f}">{text}</text>'
        )
        y += 20
    told.append(f'<text x="{x + 280:.0f}" y="{y - 55:.0f}">dashed box: of another profile</text>')
    told.append(f'<text x="{x + 280:.0f}" y="{y - 35:.0f}">{_escaped(picture.note)}</text></g>')
    return "".join(told)


def _short(text: str) -> str:
    """On one line, without signs that are not shown (XML takes no control characters)."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    return shown if len(shown) <= LABEL_CHARS_MAX else shown[: LABEL_CHARS_MAX - 1] + "…"


def _escaped(text: str) -> str:
    return escape(text, quote=True)


def _quoted(text: str) -> str:
    """A text of DOT: nothing in it ends the quotation or means anything."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'

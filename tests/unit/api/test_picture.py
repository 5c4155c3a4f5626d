"""Pictures of a profile: what is drawn, how much of it, and that no value can break out of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from schemas.api.identity import ProfileIdentity
from schemas.rules.identity import identity_rules
from services.api.picture import BOXES_OF_TYPE_MAX, COLOURS, Picture, dot, picture_of, svg

RULES = identity_rules()
EVIL = '"];</text><script>alert(1)</script>\\" \x00\u202e&<!--'
Json = dict[str, Any]


def member(number: int, type_name: str, value: str) -> Json:
    """An identifier of the profile."""
    return {"node_id": UUID(int=number), "type": type_name, "issuer": "", "value": value}


def edge(a: int, b: int, types: str, rule: str | None, **changes: Any) -> Json:
    """What was seen of two identifiers, the types in one word `a-b`."""
    a_type, b_type = types.split("-")
    ends = {"a": UUID(int=a), "a_type": a_type, "b": UUID(int=b), "b_type": b_type}
    seen = {"event_id": "e", "first_seen": "2026-03-03T10:00:00Z", "verified": True}
    because: Json = {"why": None, "refused_because": None, "blocked_by": []}
    return ends | seen | {"rule": rule} | because | changes


def drawn(members: list[Json], edges: list[Json], **changes: Any) -> Picture:
    """The picture of a profile whose strongest identifier is number 1."""
    page = {"next": None, "has_more": False}
    given: Json = {
        "realm": "default", "profile_id": UUID(int=1), "kind": "person", "page": page,
        "members_count": len(members), "members": members, "edges": edges, "decisions": [],
        "is_cut": False,
    }  # fmt: skip
    return picture_of(ProfileIdentity.model_validate(given | changes), RULES)


REFUSED = {"why": "refused", "refused_because": "unique"}
SVG = "{http://www.w3.org/2000/svg}"
FAMILY = (
    [member(1, "customer_number", "1001"), member(2, "session", "s-a")],
    [
        edge(1, 2, "customer_number-session", "nearest_person"),
        edge(1, 3, "customer_number-device_id", None, why="shared"),
        edge(
            1, 4, "customer_number-customer_number", None, why="refused", refused_because="unique"
        ),
    ],
)


def test_what_is_drawn() -> None:
    """Solid joins, dashed does not, refused is named; boxes of others are dashed."""
    picture = drawn(*FAMILY)
    assert [(line.style, line.label) for line in picture.lines] == [
        ("joins", ""),
        ("aside", "shared"),
        ("refused", "refused: unique"),
    ]
    assert [(box.label, box.is_other) for box in picture.boxes] == [
        ("customer_number 1001", False),
        ("session s-a", False),
        ("device_id", True),
        ("customer_number", True),
    ]
    root = ElementTree.fromstring(svg(picture))
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert {"customer_number 1001", "shared", "refused: unique", "joins"} <= set(texts)
    lines = root.iter(f"{SVG}line")
    strokes = {(one.get("stroke"), one.get("stroke-dasharray")) for one in lines}
    assert len(strokes) == len(COLOURS)
    told = dot(picture)
    assert told.count(" -- ") == 3
    assert 'label="refused: unique"' in told


def test_the_same_picture_for_the_same_answer() -> None:
    """Whatever the order of the edges."""
    members, edges = FAMILY
    once, again = drawn(members, edges), drawn(members[::-1], edges[::-1])
    assert (svg(once), dot(once)) == (svg(again), dot(again))


@pytest.mark.parametrize("number", [BOXES_OF_TYPE_MAX, 4_999])
def test_many_of_a_type_are_one_box(number: int) -> None:
    """With their number, and a note; a few have a box each, and none lies upon another."""
    members = [member(1, "customer_number", "1001")]
    members += [member(10 + n, "session", f"s{n}") for n in range(number)]
    edges = [edge(1, 10 + n, "customer_number-session", "nearest_person") for n in range(number)]
    picture = drawn(members, edges)
    text = svg(picture)
    if number > BOXES_OF_TYPE_MAX:
        assert [box.label for box in picture.boxes] == ["customer_number 1001", "4,999 × session"]
        assert [line.label for line in picture.lines] == ["× 4,999"]
        assert "one box" in picture.note
        assert len(text) < 5_000
    else:
        assert len(picture.boxes) == number + 1
        assert picture.note == ""
        rects = ElementTree.fromstring(text).iter(f"{SVG}rect")
        places = [(int(one.get("x", "")), int(one.get("y", ""))) for one in rects]
        for at, (x, y) in enumerate(places):
            assert all(abs(x - u) >= 190 or abs(y - v) >= 40 for u, v in places[at + 1 :])


def test_a_cut_is_said() -> None:
    """With how much of it is shown."""
    page = {"next": "x", "has_more": True}
    picture = drawn(*FAMILY, members_count=9_000, page=page)
    assert picture.note == "cut: 2 of 9,000 identifiers, 3 edges"
    assert picture.note in svg(picture)
    assert picture.note in dot(picture)


def test_values_cannot_break_out() -> None:
    """Neither out of XML nor out of a quoted text of DOT."""
    members = [member(1, "cookie", EVIL), member(2, "session", "]]>")]
    picture = drawn(members, [edge(1, 2, "cookie-session", "nobodys")])
    text = svg(picture)
    root = ElementTree.fromstring(text)
    assert {one.tag.rpartition("}")[2] for one in root.iter()} == {
        "svg", "title", "style", "line", "text", "g", "rect",
    }  # fmt: skip
    assert "<script" not in text
    [told] = [one for one in dot(picture).splitlines() if "label" in one and "cookie" in one]
    assert told.split('label="', 1)[1].startswith('cookie \\"];</text><script>')

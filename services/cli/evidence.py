"""`c360 profile identity` and `c360 identity graph`: a profile's whole evidence, as text and as a
picture."""

from __future__ import annotations

from collections import defaultdict
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.api.identity import ProfileIdentity
from schemas.touchpoint import DEFAULT_REALM
from services.api.operation import plain
from services.api.picture import dot, picture_of, svg
from services.api.queries.identity import (
    IDENTITY_WHY,
    MEMBERS_PER_PAGE_MAX,
    PROFILE_IDENTITY,
    IdentityRequest,
    WhyRequest,
)
from services.api.queries.identity_rules import IDENTITY_RULES, RulesRequest, rules_of
from services.cli.language import spoken
from services.cli.output import ROWS_SHOWN, one_line, out, print_json, print_line, print_table
from services.cli.session import Session
from services.cli.state import AsJson, Realm, state_of
from services.cli.whole_file import whole_file

SHARED_SHOWN_MAX = 5
PAGES_MAX = 20
"""Of a picture: 10,000 identifiers."""
Who = Annotated[str, typer.Argument(metavar="WHO", help="As for 'c360 profile get'.")]
Row = dict[str, Any]


class PictureFormat(StrEnum):
    """How a picture is written."""

    DOT = "dot"
    SVG = "svg"


def graph(
    context: typer.Context,
    who: Who,
    format_: Annotated[PictureFormat, typer.Option("--format")] = PictureFormat.SVG,
    output: Annotated[
        str, typer.Option(metavar="FILE", help="Where to write it; '-' is standard output.")
    ] = "-",
    masked: Annotated[
        bool, typer.Option("--masked", help="With hints in the place of values.")
    ] = False,
    realm: Realm = DEFAULT_REALM,
) -> None:
    """A picture of a profile's identifiers: what joins, what does not, what was refused.

    Needs no Graphviz. Of a type with many identifiers there is one box with their number.
    """
    asked = IdentityRequest(realm=realm, who=who, limit=MEMBERS_PER_PAGE_MAX, is_masked=masked)
    with state_of(context).session() as session:
        found = _whole(session, asked)
        [rules, *_] = session.run(IDENTITY_RULES, RulesRequest(realm=realm, with_text=True))
    drawn = picture_of(found, rules_of(rules.text or ""))
    text = svg(drawn) if format_ is PictureFormat.SVG else dot(drawn)
    if output == "-":
        print_line(text.rstrip("\n"))
        return
    with whole_file(Path(output)) as stream:
        stream.write(text)
    out.print(drawn.note or f"{len(found.members):,} identifiers")


def identity(
    context: typer.Context,
    who: Who,
    limit: Annotated[
        int, typer.Option(min=1, max=MEMBERS_PER_PAGE_MAX, help="Most identifiers.")
    ] = 50,
    cursor: Annotated[str, typer.Option(help="Of the page before, from --json.")] = "",
    realm: Realm = DEFAULT_REALM,
    as_json: AsJson = False,
) -> None:
    """What a profile consists of: identifiers, what joins them, what was refused and what blocked
    it, decisions, and whom its shared identifiers touch."""
    asked = IdentityRequest(realm=realm, who=who, limit=limit, cursor=cursor)
    with state_of(context).session() as session:
        found = next(session.run(PROFILE_IDENTITY, asked))
        shared = _shared(session, realm, found)
    if as_json:
        print_json(plain(found) | {"shared": [one for told in shared for one in told["shared"]]})
        return
    _print_evidence(found, shared, state_of(context).zone(realm))


def _whole(session: Session, asked: IdentityRequest) -> ProfileIdentity:
    """All pages of a profile as one, or the first of very many."""
    found = next(session.run(PROFILE_IDENTITY, asked))
    members, edges, is_cut = list(found.members), list(found.edges), found.is_cut
    for _ in range(PAGES_MAX - 1):
        if found.page.next is None:
            break
        following = asked.model_copy(update={"cursor": found.page.next})
        found = next(session.run(PROFILE_IDENTITY, following))
        members += found.members
        edges += found.edges
        is_cut = is_cut or found.is_cut
    return found.model_copy(update={"members": members, "edges": edges, "is_cut": is_cut})


def _shared(session: Session, realm: str, found: ProfileIdentity) -> list[Row]:
    """The explanations of the first shared identifiers that the profile was seen with."""
    own = {one.node_id for one in found.members}
    ends = [end for edge in found.edges if edge.why == "shared" for end in (edge.a, edge.b)]
    nodes = [end for end in dict.fromkeys(ends) if end not in own or found.kind == "shared"]
    told = []
    for node in nodes[:SHARED_SHOWN_MAX]:
        asked = WhyRequest(realm=realm, a=str(node), b=str(node), language=spoken())
        told.append(plain(next(session.run(IDENTITY_WHY, asked))))
    return told


def _print_evidence(found: ProfileIdentity, shared: list[Row], zone: tzinfo) -> None:
    document = plain(found)
    names = {one["node_id"]: f"{one['type']} {one['value']}" for one in document["members"]}
    for told in shared:
        names[told["a"]["node_id"]] = f"{told['a']['type']} {told['a']['value']}"
    out.print(
        f"Profile {found.profile_id} ({found.kind}): {found.members_count:,} identifiers",
        soft_wrap=True,
    )
    print_table("Identifiers", document["members"], ("type", "issuer", "value"), ROWS_SHOWN)
    parts: defaultdict[bool, list[Row]] = defaultdict(list)
    for edge in document["edges"]:
        parts[edge["rule"] is not None].append(
            {
                "from": names.get(edge["a"], f"another {edge['a_type']}"),
                "to": names.get(edge["b"], f"another {edge['b_type']}"),
                "rule": edge["rule"],
                "why": edge["why"],
                "because": edge["refused_because"],
                "blocked_by": [names.get(one, one) for one in edge["blocked_by"]],
                "event_id": edge["event_id"],
                "first_seen": edge["first_seen"],
            }
        )
    spare = ("event_id", "first_seen")
    joining = ("from", "to", "rule", "event_id", "first_seen")
    print_table("What joins them", parts[True], joining, ROWS_SHOWN, zone=zone, spare=spare)
    apart = ("from", "to", "why", "because", "blocked_by", "event_id", "first_seen")
    if parts[False]:
        title = "What joins nobody"
        print_table(title, parts[False], apart, ROWS_SHOWN, zone=zone, spare=spare)
    if found.decisions:
        decided = ("verdict", "a", "b", "author", "reason", "decided_at")
        print_table("Decisions", document["decisions"], decided, ROWS_SHOWN, zone=zone)
    for told in shared:
        for sentence in told["sentences"][1:2]:
            out.print(one_line(sentence), soft_wrap=True)
    if found.is_cut or found.page.has_more:
        out.print("There is more: --limit, and --json with its cursor, show the rest")

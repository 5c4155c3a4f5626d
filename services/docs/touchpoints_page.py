"""docs/reference/touchpoints.md: envelope, identifiers, and every event type with an example."""

from __future__ import annotations

from schemas.examples import EXAMPLES
from schemas.rules.identity import IdentifierType, Normaliser, identity_rules
from schemas.touchpoint import EVENT_BYTES_MAX, EVENT_MODELS, EVENT_TYPES, IDENTIFIERS_MAX
from services.docs.json_schema import Json, touchpoint_schema
from services.docs.markdown import (
    anchor,
    code,
    codes,
    field_table,
    json_block,
    page,
    parts_of,
    table,
    yes,
)

INTRODUCTION = f"""
A touchpoint is one contact between a customer and a channel, as one JSON object in UTF-8 of at most
{EVENT_BYTES_MAX:,} bytes. `c360 ingest` reads one per line; `POST /v1/touchpoints` takes them as
`{{"batch": [...]}}`. The same rules in machine-readable form:
[touchpoint.schema.json](../../schemas/generated/touchpoint.schema.json).

Fields that a type does not list are stored but ignored. An unknown `type` is rejected. Sending an
event again under its `event_id` changes nothing.
""".strip()
NOTATIONS = (
    (
        "string",
        'text; a whole number, as its digits (`1001`, `1001.0` and `"1001"` are one code); in '
        "titles, texts and attributes any number; in attributes a boolean, as `true` or `false`",
        "other booleans; `1001.5` and `1e25` as a code (digits were lost: send text)",
    ),
    (
        "exact decimal",
        'a string of plain digits with a point and at most 4 decimals (`"79.90"`, `"-5"`), or a '
        "number of at most 15 digits (`79.9`)",
        '`"1_000"`, `"1e3"`, `"1,50"`, `"+5"`, `" 5 "`, `"NaN"`, digits of other scripts; '
        "more than 4 decimals (never rounded)",
    ),
    ("integer", "a number without a fraction (`5`, `5.0`)", '`"5"`, `true`, `5.5`'),
    ("boolean", "`true`, `false`", '`"true"`, `1`, `"yes"`'),
    (
        "time with zone",
        'RFC 3339 as a string, with its zone (`"2026-03-02T18:20:00+01:00"`, `…Z`, fractions); '
        "also a space for the `T`, no seconds, `+0100`",
        'numbers, `"20260302"`, `"45748"`, a date alone, no zone, a day that does not exist',
    ),
)
UNSAID = """
The JSON Schema says the same. It cannot say three things: how many decimals a *number* may have,
that `1e25` is no code, and that lengths are measured without surrounding blanks.
""".strip()
IDENTIFIERS = f"""
At most {IDENTIFIERS_MAX} per event; they name the person who *acts* (the recipient of a gift
belongs in the body). `issuer` says who assigned the number: customer 1001 of the shop is not
customer 1001 of the ERP. Types are listed strongest first. This table shows the packaged rules
file; an installation may use its own (`C360_IDENTITY_RULES`).
""".strip()
NORMALISERS = {
    Normaliser.TRIM: "trimmed",
    Normaliser.EMAIL: "trimmed, lower case, domain in its IDNA form",
    Normaliser.PHONE: "E.164, valid numbers only; without a country in the region of the realm",
}
OVERVIEW = ("Type", "Phase", "Control", "Dialogue", "Identifiers optional", "Customer acts")


def touchpoints_page() -> str:
    """The whole page."""
    schema = touchpoint_schema()
    parts = schema["$defs"]
    shared = [name for name in parts_of(schema, parts) if name in _shared_parts(parts)]
    return page(
        "Touchpoint reference",
        INTRODUCTION,
        "What is not clearly one value is rejected, never guessed:",
        table(("Type", "Accepted", "Rejected"), NOTATIONS),
        UNSAID,
        *_envelope(parts),
        *_identifier_types(),
        "## Event types",
        "Phase, control and dialogue classify the contact. If identifiers are optional, an event "
        "without any is accepted and belongs to no profile; every other type needs at least one. "
        "What the customer does counts as activity (`last_active`), unless a program did it.",
        _overview(),
        *(block for name in EVENT_TYPES for block in _event(name, parts)),
        "## Objects within bodies",
        *(block for name in shared for block in _part(name, parts)),
    )


def _envelope(parts: Json) -> list[str]:
    envelope: Json = parts[EVENT_MODELS["order.placed"].__name__]
    fields = {name: field for name, field in envelope["properties"].items() if name != "body"}
    fields["type"] = {"type": "string", "description": "One of the event types below."}
    fields["body"] = {
        "type": "object",
        "description": "See the event type below; optional if none of its fields is required.",
    }
    required = [name for name in envelope["required"] if name != "body"]
    blocks = ["## Envelope", field_table({"properties": fields, "required": required}, parts)]
    for name in ("Identifier", "Source"):
        blocks += _part(name, parts)
    return blocks


def _part(name: str, parts: Json) -> list[str]:
    return [f"### {name}", parts[name].get("description", ""), field_table(parts[name], parts)]


def _identifier_types() -> list[str]:
    rules = identity_rules()
    header = ("Strength", "Type", "Kind", "Written as", "Issuer", "One per person", "Review above")
    rows = [_identifier_row(rank + 1, row) for rank, row in enumerate(rules.type)]
    return [
        "## Identifier types",
        IDENTIFIERS,
        table(header, rows),
        "`personal` identifiers belong to one person. A `reference` is known to others or easily "
        "typed; a `device` identifier is a random value that only the device holds. Both may be "
        "used by several people and follow the only person adjacent to them. *Review above*: "
        "more of the type on one person are unusual; they are joined all the same.",
        "These values identify nobody, whatever the type. Letter case, signs at both ends and the "
        "kind of gap make no difference to a word: `(NULL)`, `<null>`, `not_set` and `Not-Set` are "
        "listed. " + codes(rules.blocked) + ".",
        "So are values that match one of "
        + codes(rules.blocked_patterns)
        + "; and of one type "
        + "; ".join(
            f"`{row.name}`: {codes((*row.blocked, *row.blocked_patterns))}"
            for row in rules.type
            if row.blocked or row.blocked_patterns
        )
        + ".",
    ]


def _identifier_row(strength: int, row: IdentifierType) -> tuple[str, ...]:
    kind = f"{row.kind.value}, new for every visit or purchase" if row.ephemeral else row.kind.value
    return (
        str(strength),
        code(row.name),
        kind,
        NORMALISERS[row.normaliser],
        yes(row.issued),
        yes(row.unique),
        "" if row.review_above is None else str(row.review_above),
    )


def _overview() -> str:
    rows = [
        (
            f"[`{name}`](#{anchor(name)})",
            code(row.phase.value),
            code(row.control.value),
            code(row.dialogue.value),
            yes(row.anonymous),
            yes(row.acts),
        )
        for name, row in EVENT_TYPES.items()
    ]
    return table(OVERVIEW, rows)


def _event(name: str, parts: Json) -> list[str]:
    row = EVENT_TYPES[name]
    body = parts[row.body.__name__]
    classes = (row.phase.value, row.control.value, row.dialogue.value)
    nobody = "identifiers optional" if row.anonymous else "identifier required"
    return [
        f"### {name}",
        parts[EVENT_MODELS[name].__name__].get("description", ""),
        " · ".join((*map(code, classes), nobody)),
        field_table(body, parts),
        json_block(EXAMPLES[name]),
    ]


def _shared_parts(parts: Json) -> set[str]:
    """Objects within bodies that are not themselves bodies, or are also used within others."""
    events = {model.__name__ for model in EVENT_MODELS.values()}
    bodies = {row.body.__name__ for row in EVENT_TYPES.values()}
    inside = {part for name in bodies for part in parts_of(parts[name], parts)}
    return inside - events - {"Identifier", "Source"}

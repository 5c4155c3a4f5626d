"""Fields of JSON outputs that have no contract model.

tests/contract/test_generated.py compares each table with the actual output.
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One field of an output."""

    name: str
    type: str
    description: str


INGEST_REPORT = (
    Field("version", "integer", "Version of this output."),
    Field("events", "integer", "Lines read."),
    Field("accepted", "integer", "New events, now durable with everything derived from them."),
    Field("duplicate", "integer", "Events that were already known; nothing changed."),
    Field("rejected", "integer", "Rejected events; they are kept (`c360 rejected list`)."),
    Field("rejected_by_reason", "map of reasons to integer", "Rejected events by reason."),
    Field("id_conflicts", "integer", "Events with a known id and another body; both are kept."),
    Field(
        "ignored",
        "map of names to integer",
        "What a file of a till holds that says nothing of customers, as movements of cash.",
    ),
    Field(
        "hints",
        "list of {path, message, events}",
        "Attributes of accepted events that the rules do not list, or whose value is not read; at "
        "most 100 kinds.",
    ),
    Field("seconds", "number", "Elapsed time."),
    Field("events_per_second", "integer", "Events per second."),
)
IMPORT_REPORT = (
    *INGEST_REPORT,
    Field(
        "refused_rows",
        "{rows, file}",
        "How many rows this run wrote to the file of refused rows, and its name; empty if there is "
        "none.",
    ),
)
IDENTITY_EXPORT = (
    Field("realm", "string", "Brand or tenant."),
    Field("type", "string", "Identifier type."),
    Field("issuer", "string", "Who assigned the number; empty for e-mail and phone."),
    Field("value", "string", "The value in its normalised form."),
    Field("node_id", "UUID", "The identifier's node id, which always resolves."),
    Field("profile_id", "UUID", "The profile that holds it now."),
    Field("shared", "boolean", "It belongs to nobody and is a profile of its own."),
)
INCIDENTS_EXPORT = (
    Field("incident_id", "string", "Its id."),
    Field("kind", "string", "Kind of the incident."),
    Field("state", "string", "Its state."),
    Field("severity", "string", "Its severity; while it lasts it never falls."),
    Field("cause", "string", "The likeliest cause."),
    Field("fault_id", "string", "The same for all incidents of one cause."),
    Field("realm", "string", "Brand or tenant."),
    Field("subject_type", "string", "`product`, `customer`, `store`, `case` or `source`."),
    Field(
        "subject",
        "string",
        "What it is about: market and article number, the id of a store, case or source, or the "
        "profile id of a customer.",
    ),
    Field("market", "string", "Market of the product."),
    Field("sku", "string", "Article number of the product."),
    Field("channel", "string", "The channel that deviates."),
    Field("location", "string", "A store id, `zone:NAME`, or empty for the whole channel."),
    Field("contradiction", "string", "The contradiction in a few words."),
    Field("expected", "string", "What was expected, of kinds with one value on each side."),
    Field("observed", "string", "What the channel says: the worst so far."),
    Field("currency", "string", "Currency of prices and money."),
    Field("since", "time", "When the deviation started."),
    Field("due_at", "time", "When the grace ends and the incident opens."),
    Field("opened_at", "time", "When it opened."),
    Field("until", "time", "When the deviation ended."),
    Field("resolved_at", "time", "When it was resolved."),
    Field("flapping_since", "time", "When it had opened again too often."),
    Field("touchpoints", "integer", "Touchpoints that showed or charged the deviation."),
    Field("customers", "integer", "Known customers who saw or paid it."),
    Field("orders", "integer", "Orders and receipts that charged it."),
    Field("overcharged", "exact decimal", "Money that customers paid above the expected price."),
    Field("undercharged", "exact decimal", "Money that customers paid below it."),
    Field("last_action", "string", "What a person did last: `ack`, `unack`, `mute`, `unmute`."),
    Field("last_acted_at", "time", "When."),
    Field("last_by", "string", "Who."),
    Field("last_reason", "string", "Why."),
)
IDENTITY_WHY = (
    Field("version", "integer", "Version of this output."),
    Field("realm", "string", "Brand or tenant."),
    Field("a", "node", "The first identifier."),
    Field("b", "node", "The second identifier."),
    Field("profile_a", "UUID", "The profile that holds the first."),
    Field("profile_b", "UUID", "The profile that holds the second."),
    Field("kind_a", "string", "What profile `profile_a` is; empty if it is on no map."),
    Field("kind_b", "string", "What profile `profile_b` is."),
    Field("profiles", "list of UUIDs", "The profiles of all identifiers named, the two first."),
    Field("same", "boolean", "Both belong to one profile."),
    Field("path", "list of steps", "The links from the first to the second, if they are one."),
    Field("set_aside", "list of edges", "Edges of the two that join nobody, and why."),
    Field("decisions", "list of decisions", "What people decided about the two, if they are two."),
    Field(
        "nearest",
        "list of steps",
        "If they are two, the way between them with the fewest links that join nobody: steps of "
        "`path`, or edges of `set_aside` with a `rule`; of `rule` and `why` one is null.",
    ),
    Field("shared", "list of shared identifiers", "Those of the above that belong to nobody."),
    Field(
        "is_cut",
        "boolean",
        "There are more edges than were looked at or are shown: a path may be missing.",
    ),
    Field("language", "string", "Language of the sentences, `en` or `de`."),
    Field("sentences", "list of strings", "The explanation in the words of customers."),
)
WHY_HAPPENED = (
    Field("type", "string", "Type of the event."),
    Field("channel", "string", "Its channel."),
    Field("store", "string", "Its store; empty if it names none."),
    Field("system", "string", "The system that reported it; empty if it names none."),
    Field("reason", "string", "Of `identity.linked`: what proved the link; else empty."),
    Field("anchor", "UUID", "Node id of the identifier that it was stored under."),
)
WHY_DECISION = (
    Field("from", "node", "One of the two."),
    Field("to", "node", "The other one."),
    Field("verdict", "string", "`same` or `different`."),
    Field("author", "string", "Who decided."),
    Field("reason", "string", "Why."),
    Field("decided_at", "time", "When."),
    Field("refused_because", "string or null", "Why `same` has no effect."),
)
WHY_SHARED = (
    Field("identifier", "node", "The identifier."),
    Field(
        "because",
        "string",
        "`several` between several persons; else the reason for which it joins nobody.",
    ),
    Field("seen_with", "integer", "Identifiers that it was seen with."),
    Field("persons", "integer", "Persons whom those belong to."),
    Field("samples", "list of nodes", "The strongest identifier of some of those persons."),
    Field("is_cut", "boolean", "There are more than were looked at: the numbers are lower bounds."),
)
WHY_NODE = (
    Field("node_id", "UUID", "Node id."),
    Field("type", "string", "Identifier type; empty for an unknown node."),
    Field("issuer", "string", "Who assigned the number."),
    Field("value", "string", "The value in its normalised form."),
)
WHY_STEP = (
    Field("from", "node", "Where the link begins."),
    Field("to", "node", "Where it ends."),
    Field("event_id", "string", "The event that is its evidence (links by an event)."),
    Field("first_seen", "time", "The earliest such event (links by an event)."),
    Field("verified", "boolean", "Every personal identifier is verified (links by an event)."),
    Field(
        "happened",
        "event or null",
        "What happened in it; null if it was not looked up or is no longer stored.",
    ),
    Field("rule", "string", "The rule that makes the link."),
    Field("author", "string", "Who decided (links by a decision)."),
    Field("reason", "string", "Why it was decided (links by a decision)."),
    Field("decided_at", "time", "When it was decided (links by a decision)."),
)
WHY_ASIDE = (
    Field("from", "node", "One end."),
    Field("to", "node", "The other end."),
    Field("event_id", "string", "The event that names both."),
    Field("first_seen", "time", "The earliest such event."),
    Field("verified", "boolean", "Every personal identifier is verified."),
    Field("happened", "event or null", "What happened in it, as above."),
    Field("refused_because", "string or null", "The reason of a refusal."),
    Field("blocked_by", "list of nodes", "The identifiers that block a refused edge."),
    Field(
        "decided",
        "object or null",
        "`author`, `reason` and `decided_at` of the decision that keeps them apart.",
    ),
    Field("why", "string", "Why it joins nobody."),
)
REJECTED = (
    Field("version", "integer", "Version of this output."),
    Field("reject_id", "UUID", "Id of the rejected event."),
    Field("reason", "string", "One of the reasons below."),
    Field("path", "string", "The field at fault, as `body.lines.0.total`."),
    Field("message", "string", "What is wrong with it; never quotes the value."),
    Field("event_id", "string", "The event's own id, as far as it could be read."),
    Field("received_at", "time", "When it was received."),
    Field("raw_bytes", "integer", "Size of the whole line."),
    Field("raw", "string", "The line, truncated if it is too large. Only in `show`."),
    Field("advice", "string", "What to do about it."),
)
STATE_DIGEST = (
    Field("version", "integer", "Version of this output."),
    Field("facts", "SHA-256", "Touchpoints, deduplicated, without times of receipt and versions."),
    Field("edges", "SHA-256", "The identity graph."),
    Field("map", "SHA-256", "Identifiers and the profiles that hold them."),
    Field("golden_records", "SHA-256", "Every profile as `profile get` prints it."),
    Field("claims", "SHA-256", "Claims of all kinds but prices, which are part of the facts."),
    Field("incidents", "SHA-256", "Incidents with their event times."),
    Field("all", "SHA-256", "Over the digests above: equal if and only if the states are."),
)
VERSION = (
    Field("version", "integer", "Version of this output."),
    Field("release", "string", "Version of customer360."),
    Field("commit", "string or null", "The commit it was built from; null outside an image."),
    Field("python", "string", "Version of Python."),
    Field("schema", "integer", "Number of the migration that this code works with."),
    Field("embedded_engine", "string or null", "Version of the embedded engine; null without it."),
    Field("libraries", "map of names to string", "Versions of the main libraries."),
)
STORE_AUDIT = (
    Field("realm", "string", "Brand or tenant."),
    Field("event_id", "string", "An event stored under several anchors."),
    Field("kept", "UUID", "The anchor that stays."),
    Field("others", "list of UUID", "The others, which `--fix` removes."),
    Field("fixed", "boolean", "They were removed."),
)
TIMELINE = (
    Field("version", "integer", "Version of this output."),
    Field("entries", "list of entries", "Touchpoints, newest first."),
    Field("next_cursor", "string or null", "For `--cursor`: the next page; null on the last."),
)
EXIT_CODES = {
    0: "Done.",
    1: "A difference was found, or a check failed.",
    2: "Wrong usage of the command.",
    4: "Not found.",
    65: "The input is damaged or holds no events, or every event of it was rejected.",
    66: "The input does not exist.",
    70: "A broken invariant; please report it.",
    74: "The data directory cannot be used or holds no data to read, or no output can be written.",
    75: "A transient fault; try again.",
    78: "Wrong configuration; the message names the variable.",
    130: "Interrupted; run the same command again to continue.",
}

"""The composed stream as a labelled set: the copies of master data that shop, app and till keep.

Each login (customer number, app account, loyalty card) is one record, made of what
`profile.updated` events say of it; whose it is says the truth file. The identifiers themselves are
not compared, as if no event had ever named two of them together.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devtools.sample.builder import build_sample
from services.matching.core.person import PersonRecord, person_record

LOGINS = ("customer_number", "app_user", "loyalty_card")
CONTACTS = ("phone", "email")
REGION = "DE"
Copy = dict[str, list[str]]


def contact_copies(folder: Path, households: int, seed: int) -> dict[str, tuple[str, Copy]]:
    """Owner and attributes of each login, the latest first of each attribute, of a new stream."""
    stream, truth = folder / "stream.jsonl", folder / "truth"
    build_sample(households, seed, stream, truth)
    with (truth / "identities.csv").open(newline="", encoding="utf-8") as file:
        owners = {(row["type"], row["value"]): row["person"] for row in csv.DictReader(file)}
    copies: defaultdict[tuple[str, str], Copy] = defaultdict(dict)
    for login, attributes in _updates(stream):
        for name, value in attributes.items():
            known = copies[login].setdefault(name, [])
            copies[login][name] = [value, *(one for one in known if one != value)]
    return {
        "/".join(login): (owners[login], copy)
        for login, copy in sorted(copies.items())
        if login in owners and "last_name" in copy
    }


def _updates(stream: Path) -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    """The login and the attributes of each update, in event time."""
    found: dict[str, tuple[str, tuple[str, str], dict[str, str]]] = {}
    for line in stream.read_bytes().splitlines():
        sent = _event(line)
        if sent.get("type") != "profile.updated":
            continue
        who = [one for one in sent.get("identifiers", ()) if one.get("type") in LOGINS]
        attributes = sent.get("body", {}).get("attributes")
        if len(who) == 1 and isinstance(attributes, dict):
            login = (who[0]["type"], str(who[0]["value"]))
            found[str(sent.get("event_id"))] = (str(sent.get("occurred_at")), login, attributes)
    for _, login, attributes in sorted(found.values(), key=lambda one: one[0]):
        yield login, {name: str(value) for name, value in attributes.items() if value is not None}


def _event(line: bytes) -> dict[str, Any]:
    """A line of the stream; nothing for one that is planted to be rejected."""
    try:
        sent = json.loads(line)
    except ValueError:
        return {}
    return sent if isinstance(sent, dict) else {}


def records(
    copies: dict[str, tuple[str, Copy]], *, with_contacts: bool
) -> Iterator[tuple[str, PersonRecord]]:
    """Owner and record of each copy; without contacts a till that asks for neither number nor
    address."""
    for login, (owner, copy) in copies.items():
        said = {name: v for name, v in copy.items() if with_contacts or name not in CONTACTS}
        yield owner, person_record(login, said, REGION)

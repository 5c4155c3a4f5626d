"""The ground truth of the stream, recorded while it is composed, never computed from it.

Every identifier that an event names is entered with its owner, every order with its totals. An
identifier entered under two owners is a mistake of the composition and stops it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

REALM = "default"


class Ident(NamedTuple):
    """An identifier with its normalised value and the label of its owner."""

    type: str
    issuer: str
    value: str
    owner: str


@dataclass
class Order:
    """One order as it will count; amounts in cents."""

    person: str
    order_id: str
    issuer: str
    gross: int
    returned: int = 0
    cancelled: bool = False


@dataclass
class Truth:
    """The truth of one stream: owners of identifiers, orders, planted errors, lawful differences.

    `users` notes who used a terminal: a terminal that only one person used is that person's,
    as nothing in the stream says otherwise.
    """

    owners: dict[tuple[str, str, str], str] = field(default_factory=dict)
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    lawful: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, set[str]] = field(default_factory=dict)
    _labels: Counter[str] = field(default_factory=Counter)

    def label(self, kind: str) -> str:
        """A new label such as `anon:17`."""
        self._labels[kind] += 1
        return f"{kind}:{self._labels[kind]}"

    def own(self, ident: Ident) -> None:
        """Enter an identifier that the stream names. Raises ValueError on a second owner."""
        key = (ident.type, ident.issuer, ident.value)
        if self.owners.setdefault(key, ident.owner) != ident.owner:
            raise ValueError(f"{key} belongs to {self.owners[key]}, not to {ident.owner}")

    def use(self, terminal: str, person: str) -> None:
        """A known person was served at a terminal, whose label is `terminal`."""
        self.users.setdefault(terminal, set()).add(person)

    def order(self, person: str, order_id: str, issuer: str, gross: int) -> Order:
        """Enter an order once, however many systems report it."""
        return self.orders.setdefault((issuer, order_id), Order(person, order_id, issuer, gross))

    def shared_terminals(self) -> int:
        """Terminals that served several known persons."""
        return sum(len(persons) > 1 for persons in self.users.values())

    def identities(self) -> list[tuple[str, ...]]:
        """Rows of identities.csv, sorted: realm, type, issuer, value, person."""
        terminals = self._terminal_labels()
        return sorted(
            (REALM, *key, terminals.get(owner, owner)) for key, owner in self.owners.items()
        )

    def _terminal_labels(self) -> dict[str, str]:
        labels = {}
        for terminal, persons in sorted(self.users.items()):
            labels[terminal] = self.label("shared") if len(persons) > 1 else min(persons)
        return labels

    def write(self, folder: Path, summary: dict[str, Any]) -> None:
        """Write the truth files into `folder`, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        header = ("realm", "type", "issuer", "value", "person")
        _write_csv(folder / "identities.csv", header, self.identities())
        columns = ("person", "order_id", "issuer", "gross", "returned", "cancelled")
        _write_csv(folder / "orders.csv", columns, sorted(map(_order_row, self.orders.values())))
        _write_lines(folder / "errors.jsonl", self.errors)
        _write_lines(folder / "lawful.jsonl", self.lawful)
        text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        (folder / "summary.json").write_text(text, "utf-8")


def euros(cents: int) -> str:
    """Cents as an exact decimal string: 1205 → `12.05`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _order_row(order: Order) -> tuple[str, ...]:
    cancelled = "true" if order.cancelled else "false"
    money = (euros(order.gross), euros(order.returned))
    return (order.person, order.order_id, order.issuer, *money, cancelled)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as target:
        for row in rows:
            target.write(json.dumps(row, ensure_ascii=False) + "\n")

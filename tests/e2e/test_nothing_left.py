"""An erased customer is in no column and in no file of a data directory, whatever held it before.

The strings are in every field of every type of event, in identifiers of every type, in what was
rejected, decided and noted. Columns and files are listed by the store itself, so that a table that
is added is searched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from schemas.rules.identity import identity_rules
from tests.e2e.runs import c360, c360_json, environment
from tests.e2e.up import Running, running
from tests.events import event, identifier, line
from tests.filled_events import Filler
from tests.stored_files import texts_in
from tests.tiers import always

MAIL, PHONE = "Zq.Erased@Bücher.Example", "0151 / 2999-7771"
NORMAL = ("zq.erased@xn--bcher-kva.example", "+4915129997771", "15129997771")
"""The same as the store writes them, and as a search for digits would find the number."""
SKU = "4713"
OTHER = ("zk.kept@mail.example", "030 5559971")
# A view that is being computed anew has a second table for a moment; its file is looked at.
COLUMNS = """
SELECT database, table, name FROM system.columns
WHERE table NOT LIKE '.tmp%' AND (database, table) IN (
    SELECT database, name FROM system.tables WHERE engine LIKE '%MergeTree' OR engine LIKE '%Log')
ORDER BY database, table, name
"""
SEARCH = """
import json, sys
from pathlib import Path
from services.store.database import open_embedded
database = open_embedded(Path(sys.argv[1]))
texts = json.load(sys.stdin)
asked_for = {"texts": texts, "beginnings": sorted({one[:4] for one in texts})}
found, columns = [], 0
for base, table, name in database.rows(%r):
    columns += 1
    asked = "SELECT DISTINCT arrayJoin(arrayFilter(one -> positionCaseInsensitiveUTF8(" \\
        "toString(`{0}`), one) > 0, {{texts:Array(String)}})) FROM `{1}`.`{2}` " \\
        "WHERE arrayExists(one -> positionCaseInsensitiveUTF8(toString(`{0}`), one) > 0, " \\
        "{{beginnings:Array(String)}})"
    for (text,) in database.rows(asked.format(name, base, table), asked_for):
        found.append([f"{base}.{table}.{name}", text])
json.dump({"columns": columns, "found": found}, sys.stdout)
"""

SALES = """
import json, sys
from pathlib import Path
from services.store.database import open_embedded
rows = open_embedded(Path(sys.argv[1])).rows(
    "SELECT order_action, channel, source_store, uniqExact(order_issuer, order_id),"
    " toString(sum(order_value)), toString(sum(arraySum(lines.quantity)))"
    " FROM orders FINAL WHERE order_action IN ('placed', 'cancelled', 'returned') AND NOT synthetic"
    " GROUP BY ALL ORDER BY ALL")
json.dump(rows, sys.stdout)
"""
OF_THE_SHOP = re.compile(r"order\.(placed|cancelled|returned)\.(issuer|lines\.(category|unit))")
"""Fields of a sale that stay without the customer, and hold words."""


class Planted:
    """A customer of whom every field holds a string that stands nowhere else."""

    def __init__(self, mark: str, mail: str, phone: str) -> None:
        self.filler = Filler(mark)
        self.mail, self.phone = mail, phone
        self.strings = {mail, phone, f"{mark}-line", f"{mark}-event", f"{mark}-stated"}
        self.mark = mark
        self.lines = list(self._events())
        called = {"note": f"call {phone} today", "text": f"{mark}-line"}
        cut = f'{{"type": "page.viewed", "who": "{mail}", "text": "{mark}-line'
        self.unnamed = [line(called), cut.encode()]
        self.strings |= self.filler.planted.keys()

    def _events(self) -> Iterator[dict[str, Any]]:
        mail = identifier("email", self.mail, verified=True)
        at = {"occurred_at": "2026-11-20T10:00:00+01:00"}
        known = [
            identifier(one.name, self.filler.plant(one.name), issuer="erp", verified=True)
            for one in identity_rules().by_name.values()
            if one.name not in ("email", "phone")
        ]
        phone = identifier("phone", self.phone)
        stated = identifier("email", f"{self.mark}-stated@mail.example")
        for number, who in enumerate([*known, phone, stated]):
            yield event("identity.linked", event_id=f"{self.mark}-event-i{number}", body={},
                        identifiers=[mail, who], **at)  # fmt: skip
        for number, (name, body) in enumerate(self.filler.events()):
            own = {"of_their_own": self.filler.plant(f"{name}.of_their_own")}
            yield event(
                name, event_id=f"{self.mark}-event-{number}", identifiers=[mail],
                body={**body, **own}, source={"system": "webshop", **self.filler.source()}, **at,
            )  # fmt: skip

        yield from self._charged_more(mail)

    def _charged_more(self, mail: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Than the app has shown: an incident about a product, with these events as evidence."""
        shown = {"sku": SKU, "price": "9.99"}
        yield event("product.viewed", channel="app", event_id=f"{self.mark}-event-shown",
                    occurred_at="2026-11-20T10:00:00Z", body={"sku": SKU, "offer": shown},
                    identifiers=[mail])  # fmt: skip
        bought = {"order_id": self.filler.plant("order"), "lines": [
            {"sku": SKU, "unit_price": "12.99", "total": "12.99"}]}  # fmt: skip
        yield event("order.placed", channel="pos", event_id=f"{self.mark}-event-paid", body=bought,
                    occurred_at="2026-11-20T10:20:00Z", identifiers=[mail],
                    source={"system": "till", "store": "s-1"})  # fmt: skip

    @property
    def card(self) -> str:
        """The number of the loyalty card."""
        return next(text for text, path in self.filler.planted.items() if path == "loyalty_card")

    def broken(self) -> list[bytes]:
        """Lines that are rejected: of an unknown type, without a type, and no JSON at all."""
        wrong = event(
            "no.such.type", event_id=f"{self.mark}-event-w", body={"text": f"{self.mark}-line"},
            identifiers=[identifier("email", self.mail)],
        )  # fmt: skip
        return [line(wrong), *self.unnamed]


def searched(data: Path, texts: Collection[str]) -> dict[str, set[str]]:
    """Of those texts that stand in a column of the store or in a file: where."""
    found = texts_in(data, texts)
    done = subprocess.run(
        [sys.executable, "-c", SEARCH % COLUMNS, str(data)], input=json.dumps(sorted(texts)),
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["columns"] > 200
    for place, text in told["found"]:
        found.setdefault(text, set()).add(place)
    return found


def sales(data: Path) -> list[Any]:
    """What figures of sales are made of."""
    done = subprocess.run(
        [sys.executable, "-c", SALES, str(data)],
        capture_output=True, text=True, env=environment(), check=True,
    )  # fmt: skip
    found: list[Any] = json.loads(done.stdout)
    assert found
    return found


def in_columns(found: dict[str, set[str]]) -> set[str]:
    """Those of them that a column holds."""
    return {text for text, places in found.items() if any("c360." in one for one in places)}


def of_the_shop() -> Iterator[dict[str, Any]]:
    """What the shop advertises; and what it says on each channel a week later: time has passed."""
    said = [("app", SKU, 19, "9.99"), ("pos", SKU, 19, "9.99"), ("shop", SKU, 19, "9.99"),
            *((one, "9", 27, "1.00") for one in ("app", "pos", "shop"))]  # fmt: skip
    for number, (channel, sku, day, price) in enumerate(said):
        body = {"sku": sku, "price": price, "currency": "EUR"}
        yield event("offer.published", channel=channel, identifiers=[], body=body,
                    event_id=f"price-{number}", occurred_at=f"2026-11-{day}T08:00:00Z")  # fmt: skip


def take_in(data: Path, *planted: Planted) -> None:
    """Send everything of these customers, the lines that are rejected, too."""
    accepted = [*(one for who in planted for one in who.lines), *of_the_shop()]
    broken = [one for who in planted for one in who.broken()]
    c360(data, "ingest", "-", stdin=b"\n".join([*map(line, accepted), *broken]))


def note_everywhere(up: Running, data: Path, planted: list[Planted]) -> None:
    """What people and clients add: decisions with a kept answer, and a note on each incident."""
    made = c360_json(data, "keys", "create", "--name", "x", "--scope", "identity:write", "--json")
    for who in planted:
        pair = {"a": f"email={who.mail}", "b": f"loyalty_card={who.card}", "verdict": "same"}
        answer = up.client.post(
            "/v1/identity/decisions",
            json={**pair, "reason": who.filler.plant("reason of a decision")},
            headers={"Authorization": f"Bearer {made['key']}", "Idempotency-Key": uuid4().hex},
        )
        assert answer.status_code == 200, answer.text
    of_products = c360_json(data, "incidents", "list", "--sku", SKU, "--json")
    evidence = json.dumps([one["evidence"] for one in of_products])
    assert all(f"{who.mark}-event-paid" in evidence for who in planted)
    for one in c360_json(data, "incidents", "list", "--json"):
        about = [who for who in planted if f'"{who.mark}' in json.dumps(one["subject"])]
        for who in about[:1]:
            c360(data, "incidents", "ack", one["incident_id"], "--by", "kim",
                 "--reason", who.filler.plant("reason of an action"))  # fmt: skip
    for who in planted:
        assert "reason of an action" in who.filler.planted.values()
        who.strings |= who.filler.planted.keys()


@pytest.mark.parametrize("keeping", always(((),), ((), ("--anonymise",))))
def test_no_string_is_left(tmp_path: Path, keeping: tuple[str, ...]) -> None:
    """Before, each string stands in a column and in a file, and in the export; afterwards, and when
    all was sent again, in none, and not in the logs. Another customer keeps everything. If sales
    are kept, words of the shop stay in them, and their sum is as before."""
    data, receipt = tmp_path / "data", tmp_path / "receipt.json"
    mine, other = Planted("zqmine", MAIL, PHONE), Planted("zkother", *OTHER)
    with running(data) as up:
        take_in(data, mine, other)
        note_everywhere(up, data, [mine, other])
        exported = c360(data, "profile", "export", MAIL).stdout
        assert {text for text in mine.strings if text not in exported} == set()
        assert not {text for text in other.strings if text in exported}
        assert up.stop() == 0
    logs = [up.errors]
    sought = {*mine.strings, *NORMAL}
    before = searched(data, sought | other.strings)
    assert in_columns(before) == sought | other.strings
    assert len(sought) > 400
    sold = sales(data)
    if keeping:
        sought -= {text for text, path in mine.filler.planted.items() if OF_THE_SHOP.search(path)}

    with running(data) as up:
        c360(data, "profile", "erase", MAIL, *keeping, "--yes", "--output", str(receipt))
        c360(data, "profile", "erased", str(receipt))
        assert up.stop() == 0
    logs += [up.errors, receipt.read_text()]
    after = searched(data, sought | other.strings)
    assert {text: places for text, places in after.items() if text in sought} == {}
    assert {text for text in other.strings if not _kept(before[text], after.get(text, ()))} == set()

    mine.unnamed.clear()  # what names nobody but in its text is stored again (docs/erasure.md)
    take_in(data, mine)
    again = searched(data, sought)
    assert again == {}
    assert (sales(data) == sold) is bool(keeping)
    assert not {text for text in sought for log in logs if text.casefold() in log.casefold()}


def _kept(before: Collection[str], after: Collection[str]) -> bool:
    """Whether a string stands in the same columns as before."""
    return {one for one in before if "c360." in one} <= set(after)


def test_who_is_suppressed_as_well_stays_away(tmp_path: Path) -> None:
    """The suppression is noted with the erasure, and an event from after it is rejected; without
    who decides and why nothing happens. Whoever waits for no file gets the receipt at once."""
    data, mail = tmp_path / "data", identifier("email", OTHER[0], verified=True)
    c360(data, "ingest", "-", stdin=line(event(identifiers=[mail])))
    erase = ("profile", "erase", OTHER[0], "--suppress", "--yes", "--within-s", "0", "--json")
    assert "--by and --reason" in c360(data, *erase, "--by", "kim", code=2).stderr
    done = c360(data, *erase, "--by", "kim", "--reason", "by letter of 3 May")
    [listed] = c360_json(data, "profile", "suppressed", "--json")
    assert listed["suppression_id"] in done.stderr
    assert json.loads(done.stdout)["removed"]["touchpoints"] == listed["identifiers"] == 1
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    new = line(event(event_id="new", identifiers=[mail], occurred_at=later))
    assert "suppressed" in c360(data, "ingest", "-", stdin=new, code=65).stderr

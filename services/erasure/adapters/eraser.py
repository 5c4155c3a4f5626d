"""Erases a person from ClickHouse, step by step, each of which may be repeated.

A run is noted before anything else, so that one which was interrupted is completed. The ledger is
next: from then on no older event of the person is accepted. Rows are removed physically, by
mutations whose text, which stays on the disk for a while, holds node ids and hashes, never a value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from hashlib import sha256
from secrets import token_hex
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from pydantic import ValidationError

from schemas.identifiers import NodeId, as_uuid
from schemas.incident import AnyIncident
from schemas.instants import from_ms
from schemas.placement import ProfileKind
from schemas.records import ErasureRecord
from services.consistency.kinds import KINDS
from services.erasure.adapters.held import EVENTS_PER_QUERY, TEXTS_PER_QUERY, HeldPerson, HeldReader
from services.erasure.adapters.kept import keeping_of
from services.erasure.adapters.kept_sales import KEPT_SALES, WriteSales, keep_sales
from services.erasure.mentions import Mentions
from services.erasure.places import PLACES, FoundBy
from services.runtime.errors import C360Error, Fatal, Retry
from services.store.database import Database, chunks
from services.store.figures import recompute_totals
from services.store.kept_objections import keep_objections
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of
from services.store.waiting import wait_until

_STATEMENTS = statements_of(__file__)
TOUCHED_SQL = _STATEMENTS["touched"]
LAST_NAMED_SQL = _STATEMENTS["last_named"]
BEGUN_SQL = _STATEMENTS["begun"]
CASES_SQL = _STATEMENTS["cases"]
SPEAKING_SQL = _STATEMENTS["speaking"]
ANSWERS_SQL = _STATEMENTS["answers"]
HASHES_SQL = _STATEMENTS["hashes"]
SHOWN_SQL = _STATEMENTS["shown"]
UNFINISHED_SQL = _STATEMENTS["unfinished"]
MASKED_SQL = _STATEMENTS["masked"]
APPLY_MASK_SQL = _STATEMENTS["apply_mask"]
MERGE_SQL = _STATEMENTS["merge"]
LEFT_KEYS_SQL, LEFT_VALUES_SQL = _STATEMENTS["left_keys"], _STATEMENTS["left_values"]
COUNT_NODES_SQL, DELETE_NODES_SQL = _STATEMENTS["count_nodes"], _STATEMENTS["delete_nodes"]
COUNT_CHANGES_SQL, DELETE_CHANGES_SQL = _STATEMENTS["count_changes"], _STATEMENTS["delete_changes"]
COUNT_EVENTS_SQL, DELETE_EVENTS_SQL = _STATEMENTS["count_events"], _STATEMENTS["delete_events"]
COUNT_EVENT_IDS_SQL = _STATEMENTS["count_event_ids"]
DELETE_EVENT_IDS_SQL = _STATEMENTS["delete_event_ids"]
COUNT_PAIRS_SQL, DELETE_PAIRS_SQL = _STATEMENTS["count_pairs"], _STATEMENTS["delete_pairs"]
COUNT_SUGGESTIONS_SQL = _STATEMENTS["count_suggestions"]
DELETE_SUGGESTIONS_SQL = _STATEMENTS["delete_suggestions"]
COUNT_SUBJECTS_SQL = _STATEMENTS["count_subjects"]
DELETE_SUBJECTS_SQL = _STATEMENTS["delete_subjects"]
COUNT_REJECTED_SQL, DELETE_REJECTED_SQL = (
    _STATEMENTS["count_rejected"],
    _STATEMENTS["delete_rejected"],
)
VERSIONED_SQL, OTHER_BODIES_SQL = _STATEMENTS["versioned"], _STATEMENTS["other_bodies"]
COUNT_FORMER_SQL, DELETE_FORMER_SQL = _STATEMENTS["count_former"], _STATEMENTS["delete_former"]
COUNT_BODIES_SQL, DELETE_BODIES_SQL = _STATEMENTS["count_bodies"], _STATEMENTS["delete_bodies"]
COUNT_ANSWERS_SQL, DELETE_ANSWERS_SQL = _STATEMENTS["count_answers"], _STATEMENTS["delete_answers"]
BEGUN, REMOVED = 1, 2
"""Stages of a run."""
COUNTS = {
    FoundBy.NODE: COUNT_NODES_SQL,
    FoundBy.EVENT: COUNT_EVENTS_SQL,
    FoundBy.EVENT_ID: COUNT_EVENT_IDS_SQL,
    FoundBy.CHANGE: COUNT_CHANGES_SQL,
    FoundBy.PAIR: COUNT_PAIRS_SQL,
    FoundBy.SUGGESTION: COUNT_SUGGESTIONS_SQL,
    FoundBy.CUSTOMER: COUNT_SUBJECTS_SQL,
}
"""Statements that count the rows of a person."""
KEY_BYTES = 32
MUTATION_S = 3_600.0
LATE = "{table}: rows of an erased person are still being removed; the store goes on by itself"
ERASED_TEXT = "erased"
"""In the place of a value that an incident of others keeps."""
SCRUBBED = "incident_states (values)"
KEPT = "kept_objections"
"""Counts, beside the rows that were removed, what goes on to count."""
OF_OTHERS = "{table} (of others)"
"""Counts, beside those of all rows, the ones of other persons that name the person."""
COUNTED_OF_OTHERS = ("touchpoints", "orders", "consents")
"""What the others lose: events, and with them purchases, consents and objections."""
log = structlog.get_logger()
RUN_COLUMNS = (
    "realm", "erasure_id", "nodes", "stated", "unnamed", "touched", "marked", "erased_at", "stage",
    "counts", "pseudonym_key",
)  # fmt: skip
INCIDENT_COLUMNS = (
    "realm", "kind", "subject_type", "subject", "incident_id", "state", "since", "body", "version",
)  # fmt: skip
Settle = Callable[[str, Collection[NodeId], Collection[NodeId]], Collection[NodeId]]
"""Computes the map of a realm anew around nodes that lost edges, and marks some of them; returns
those that no edge holds on the map."""
Leaves = Callable[[str, Collection[NodeId], Collection[NodeId]], None]


class ErasureRun(NamedTuple):
    """An erasure that was begun."""

    erasure_id: str
    person: HeldPerson
    touched: tuple[NodeId, ...]
    marked: tuple[NodeId, ...]
    erased_ms: int
    counts: dict[str, int]
    """Rows removed by table until now."""
    key: str = ""
    """Makes the ids of sales that are kept without the person, in hexadecimal; empty if none are,
    or once the original ones are removed."""


def erasure_id_of(record: ErasureRecord) -> str:
    """The same for the same record, so that one which comes again is no second erasure."""
    nodes = ",".join(sorted(map(str, record.nodes)))
    text = f"{record.realm}\x1f{record.erased_ms}\x1f{nodes}"
    return str(UUID(bytes=sha256(text.encode()).digest()[:16]))


class Eraser:
    """Removes what is held on a person. One call at a time, by the writer of the realm's map.

    Args:
        fence: called before each removal; raises if another writer has taken over.
        waits: called while the store removes rows: it is progress.
        removed: called when all rows are gone, before that is noted: what was read of them is to be
            forgotten, and what follows for others to be made. May raise Retry, and is repeated.
        shared: those of some nodes of a realm that belong to nobody; by default by the map.
        write_sales: stores sales of nobody; without it none can be kept.
        leaves: called with a realm, the person's nodes, and those of others whose events go, before
            rows are removed; may be repeated.
    """

    def __init__(
        self,
        database: Database,
        settle: Settle,
        fence: Callable[[], None] = lambda: None,
        waits: Callable[[], None] = lambda: None,
        removed: Callable[[], None] = lambda: None,
        shared: Callable[[str, Collection[NodeId]], Collection[NodeId]] | None = None,
        write_sales: WriteSales | None = None,
        leaves: Leaves = lambda _realm, _nodes, _others: None,
    ) -> None:
        self._database = database
        self._reader = HeldReader(database)
        self._settle = settle
        self._fence = fence
        self._waits = waits
        self._removed = removed
        self._shared = shared or self._shared_by_map
        self._write_sales = write_sales
        self._leaves = leaves

    def erase(self, record: ErasureRecord) -> None:
        """Note the erasure, then its ledger, then remove all rows.

        Raises Fatal if it may be begun and cannot go on: nothing may be written before it is
        complete, as the next start makes it. Raises Retry if it could not begin.

        A record that was completed before does it again, for what has come meanwhile.
        """
        run = self._planned(record)
        try:
            self._note(run, BEGUN)
            self._remove(run)
        except Retry as error:
            raise Fatal(
                f"the erasure {run.erasure_id} is begun and cannot go on: {error}. Start again: it "
                "is completed first"
            ) from error

    def complete(self) -> int:
        """Complete what was begun and interrupted; how many erasures."""
        runs = [self._run_of(row) for row in self._database.rows(BEGUN_SQL, {"id": ""})]
        for run in runs:
            self._remove(run)
        return len(runs)

    def _planned(self, record: ErasureRecord) -> ErasureRun:
        """What is to be done; a run that is noted already is taken up. Writes nothing."""
        run_id = erasure_id_of(record)
        for row in self._database.rows(BEGUN_SQL, {"id": run_id}):
            return self._run_of(row)
        nodes = tuple(sorted(one.int for one in record.nodes))
        person = self._reader.holding_of(record.realm, nodes)
        touched = self._database.rows(TOUCHED_SQL, _asked(person))
        ids = [node for node, _, _ in touched]
        shared = self._shared(record.realm, [node.int for node in ids])
        # A terminal at the limit of its neighbours would fall to the next one who used it.
        marked = tuple(one.int for one, _, verified in touched if verified and one.int in shared)
        around = tuple(node.int for node in ids)
        counts = count_of_others(self._database, self._reader.of_others(person))
        key = ""
        if record.anonymise:
            key = token_hex(KEY_BYTES)
        return ErasureRun(run_id, person, around, marked, record.erased_ms, counts, key)

    def _shared_by_map(self, realm: str, nodes: Collection[NodeId]) -> set[NodeId]:
        placed = ProfileMap(self._database).placements_of(realm, nodes)
        return {one for one, at in placed.items() if at.kind is ProfileKind.SHARED}

    def _note_ledger(self, person: HeldPerson, erased_ms: int) -> None:
        """Of each node the later of the erasure and its last event, which may claim the future.
        What anybody may send does not count: it would keep the person away by naming them."""
        asked = count_asked(self._database, person, FoundBy.EVENT)
        last = dict(self._database.rows(LAST_NAMED_SQL, asked))
        rows = [
            (person.realm, node, from_ms(max(erased_ms, last.get(as_uuid(node), erased_ms))))
            for node in person.nodes
        ]
        self._database.insert_rows("erasures", ("realm", "node", "erased_at"), rows)

    def _note(self, run: ErasureRun, stage: int) -> None:
        row = (
            run.person.realm, run.erasure_id, run.person.nodes, run.person.stated,
            run.person.unnamed, run.touched, run.marked, from_ms(run.erased_ms), stage,
            orjson.dumps(run.counts).decode(), run.key,
        )  # fmt: skip
        self._database.insert_rows("erasure_runs", RUN_COLUMNS, [row])

    def _run_of(self, row: tuple[Any, ...]) -> ErasureRun:
        realm, run_id, nodes, stated, unnamed, touched, marked, erased_ms, counts, key = row
        known = [node.int for node in (*stated, *unnamed)]
        person = self._reader.holding_of(realm, [node.int for node in nodes], known)
        around, shared = (tuple(node.int for node in some) for some in (touched, marked))
        return ErasureRun(run_id, person, around, shared, erased_ms, orjson.loads(counts), key)

    def _remove(self, run: ErasureRun) -> None:
        """The ledger, what is kept, then map rows, edges, incidents, what names the person
        elsewhere, facts; values last, because the rest is found by them."""
        person, asked = run.person, _asked(run.person)
        self._note_ledger(person, run.erased_ms)
        self._keep_objections(run)
        self._leaves(person.realm, person.nodes, [node for node, _ in person.elsewhere])
        node_tables = [table for table in _erased(FoundBy.NODE) if table != "node_values"]
        for table in node_tables:
            self._delete(run, table, COUNT_NODES_SQL, DELETE_NODES_SQL, asked)
        for table in _erased(FoundBy.CHANGE):
            self._delete(run, table, COUNT_CHANGES_SQL, DELETE_CHANGES_SQL, asked)
        for table in _erased(FoundBy.PAIR):
            self._delete(run, table, COUNT_PAIRS_SQL, DELETE_PAIRS_SQL, asked)
        for table in _erased(FoundBy.SUGGESTION):
            self._delete(run, table, COUNT_SUGGESTIONS_SQL, DELETE_SUGGESTIONS_SQL, asked)
        self._settle_around(run)
        self._remove_incidents(run)
        self._remove_mentions(run)
        mine = count_asked(self._database, self._held_now(person), FoundBy.EVENT)
        self._keep_sales(run, mine)
        for table in _erased(FoundBy.EVENT_ID):
            self._delete(run, table, COUNT_EVENT_IDS_SQL, DELETE_EVENT_IDS_SQL, mine)
        formerly = self._former_asked(person)
        # An erasure that is taken up finds the events of others by this table.
        tables = sorted(_erased(FoundBy.EVENT), key=lambda one: one == "identifiers")
        for table in tables:
            self._delete(run, table, COUNT_EVENTS_SQL, DELETE_EVENTS_SQL, mine)
            if table in formerly:
                former = formerly[table]
                self._delete(run, table, COUNT_FORMER_SQL, DELETE_FORMER_SQL, former)
        run = self._without_key(run)
        values = values_asked(self._held_now(person))
        self._delete(run, "node_values", COUNT_NODES_SQL, DELETE_NODES_SQL, values)
        for (table,) in self._database.rows(MASKED_SQL, {"tables": list(PLACES)}):
            self._change(table, APPLY_MASK_SQL, {"table": table})
        self._recompute_figures(asked)
        self._note_ledger(person, run.erased_ms)  # answers that were kept meanwhile are dropped
        self._removed()
        self._fence()
        self._note(run, REMOVED)

    def _keep_objections(self, run: ErasureRun) -> None:
        """What the person, and others whose events go, said against contact. Once it is noted, the
        events that said so may be gone."""
        if KEPT in run.counts:
            return
        person = self._held_now(run.person)
        asked = count_asked(self._database, person, FoundBy.EVENT)
        keeping = keeping_of(self._database, person, asked)
        self._fence()
        keep_objections(self._database, person.realm, keeping.objections)
        run.counts[KEPT] = keeping.total
        self._note(run, BEGUN)

    def _keep_sales(self, run: ErasureRun, mine: dict[str, Any]) -> None:
        """Write the person's sales under other ids, and note how many they are. Once that is noted,
        the originals may be gone; whoever takes the erasure up before writes all of them again,
        under the same ids."""
        if not run.key or KEPT_SALES in run.counts:
            return
        if self._write_sales is None:
            raise Fatal(f"the erasure {run.erasure_id} is to keep sales, which nobody can write")
        key = bytes.fromhex(run.key)
        run.counts[KEPT_SALES] = keep_sales(self._database, mine, key, self._write_sales)
        self._fence()
        self._note(run, BEGUN)

    def _without_key(self, run: ErasureRun) -> ErasureRun:
        """Forget which sale was which, in the files of the store, too: the originals are gone."""
        if KEPT_SALES not in run.counts:
            return run
        forgotten = run._replace(key="")
        self._fence()
        self._note(forgotten, BEGUN)
        named = {"realm": run.person.realm, "id": run.erasure_id}
        self._merge("erasure_runs", LEFT_KEYS_SQL, named)
        return forgotten

    def _former_asked(self, person: HeldPerson) -> dict[str, dict[str, Any]]:
        """By table the parameters that find what corrected events of others said of the person."""
        named = self._reader.formerly_named(person)
        if not named:
            return {}
        nodes, events, versions = zip(*named, strict=True)
        asked = {
            "realm": person.realm,
            "nodes": [str(as_uuid(one)) for one in nodes],
            "events": self._hashes(events),
            "versions": list(versions),
        }
        among = {"tables": _erased(FoundBy.EVENT)}
        versioned = {table for (table,) in self._database.rows(VERSIONED_SQL, among)}
        # Bodies under the id of another event are found by their text.
        return dict.fromkeys(versioned - {"id_conflicts"}, asked)

    def _hashes(self, texts: Collection[str]) -> list[int]:
        return [one for (one,) in self._database.rows(HASHES_SQL, {"texts": list(texts)})]

    def _held_now(self, person: HeldPerson) -> HeldPerson:
        """On a server events of others come in meanwhile: what one of them names is not only stated
        by the person any more."""
        beside = (*person.stated, *person.unnamed)
        return self._reader.holding_of(person.realm, person.nodes, beside)

    def _recompute_figures(self, asked: dict[str, Any]) -> None:
        """Those of all profiles, if the person is among them. Readers leave the person out as it
        is, so that a store which may not compute them keeps no erasure from its end."""
        if not self._database.rows(SHOWN_SQL, asked):
            return
        try:
            recompute_totals(self._database, MUTATION_S)
        except C360Error as error:
            log.warning("figures_of_an_erased_person_stay", error=str(error))

    def _settle_around(self, run: ErasureRun) -> None:
        """The map around the person; what has no edge left is no longer on it."""
        realm = run.person.realm
        alone = self._settle(realm, run.touched, run.marked) if run.touched else ()
        asked = {"realm": realm, "nodes": [str(as_uuid(node)) for node in alone]}
        for table in ("map", "members") if alone else ():
            self._delete(run, table, COUNT_NODES_SQL, DELETE_NODES_SQL, asked)

    def _remove_incidents(self, run: ErasureRun) -> None:
        """Those about the person and the person's cases; others keep what names nobody."""
        person = run.person
        spoke = count_asked(self._database, person, FoundBy.EVENT)
        cases = [case for (case,) in self._database.rows(CASES_SQL, spoke)]
        about = {"realm": person.realm, "customers": person.uuids, "cases": cases}
        for table in _erased(FoundBy.CUSTOMER):
            self._delete(run, table, COUNT_SUBJECTS_SQL, DELETE_SUBJECTS_SQL, about)
        ids, scrubbed = set(self._reader.event_ids(person)), dict[str, tuple[Any, ...]]()
        for name, part in _parts(ids, person.texts):
            asked = {"realm": person.realm, "events": [], "texts": [], name: part}
            for row in self._database.rows(SPEAKING_SQL, asked):
                body = orjson.loads(row[7])
                kept = without(body, ids, person.texts)
                if kept != body and _is_incident(row[1], row[4], kept):
                    scrubbed[row[4]] = (*row[:7], orjson.dumps(kept).decode(), row[8])
        if scrubbed:
            # Noted first: whoever takes the erasure up finds nothing to rewrite, and has to merge.
            run.counts[SCRUBBED] = run.counts.get(SCRUBBED, 0) + len(scrubbed)
            self._note(run, BEGUN)
            self._database.insert_rows("incident_states", INCIDENT_COLUMNS, list(scrubbed.values()))
        if SCRUBBED in run.counts:
            named = {"realm": person.realm, "text": ERASED_TEXT}
            self._merge("incident_states", LEFT_VALUES_SQL, named)

    def _remove_mentions(self, run: ErasureRun) -> None:
        """Rejected lines, kept answers and bodies that do not count, which name the person."""
        person, reader = run.person, self._reader
        lines = {str(row["reject_id"]) for row in reader.rejected(person)}
        ids, answers = reader.event_ids(person), set[int]()
        for given, is_named in reader.mentioned(person, [*ids, *person.uuids]):
            for key, body in self._database.rows(ANSWERS_SQL, given):
                answers |= {key} if is_named(body) else set()
        bodies = set[tuple[int, int]]()
        for given, is_named in reader.mentioned(person, ()):
            for event, version, body in self._database.rows(OTHER_BODIES_SQL, given):
                bodies |= {(event, version)} if is_named(body) else set()
        for some_bodies in chunks(sorted(bodies), EVENTS_PER_QUERY):
            events, versions = (list(one) for one in zip(*some_bodies, strict=True))
            asked: dict[str, Any] = {"realm": person.realm, "events": events, "versions": versions}
            self._delete(run, "id_conflicts", COUNT_BODIES_SQL, DELETE_BODIES_SQL, asked)
        for some in chunks(sorted(lines), EVENTS_PER_QUERY):
            asked = {"ids": list(some)}
            self._delete(run, "rejected", COUNT_REJECTED_SQL, DELETE_REJECTED_SQL, asked)
        for some in chunks(sorted(answers), EVENTS_PER_QUERY):
            asked = {"realm": person.realm, "ids": list(some)}
            self._delete(run, "idempotency", COUNT_ANSWERS_SQL, DELETE_ANSWERS_SQL, asked)

    def _delete(
        self, run: ErasureRun, table: str, count_sql: str, delete_sql: str, asked: dict[str, Any]
    ) -> None:
        """Remove rows physically and count them; most tables have none, and a look is cheap."""
        named = {**asked, "table": table}
        [(rows,)] = self._database.rows(count_sql, named)
        if rows:
            self._change(table, delete_sql, named)
            run.counts[table] = run.counts.get(table, 0) + rows
            self._note(run, BEGUN)  # whoever takes it up does not find these rows any more

    def _change(self, table: str, sql: str, asked: dict[str, Any]) -> None:
        """A mutation, and wait for it: statements have a time limit, a large table takes longer."""
        self._fence()
        self._database.command(f"{sql}\nSETTINGS mutations_sync = 0", asked)
        wait_until(partial(self._is_done, table), MUTATION_S, LATE.format(table=table))

    def _merge(self, table: str, left_sql: str, asked: dict[str, Any]) -> None:
        """Merge replaced rows away, until none that `left_sql` counts is left in an active part:
        the store may leave parts as they are, as those that it is merging already."""

        def is_gone() -> bool:
            self._waits()
            [(left,)] = self._database.rows(left_sql, asked)
            if left:
                self._database.command(MERGE_SQL, {"table": table})
            return not left

        self._database.command(MERGE_SQL, {"table": table})
        wait_until(is_gone, MUTATION_S, LATE.format(table=table))

    def _is_done(self, table: str) -> bool:
        self._waits()
        [(unfinished,)] = self._database.rows(UNFINISHED_SQL, {"table": table})
        return not unfinished


def without(body: dict[str, Any], ids: Collection[str], texts: Sequence[str]) -> dict[str, Any]:
    """An incident without these event ids as evidence, and without these texts in its details. What
    says which incident it is stays: a value of a person may read like it."""
    exact = {text.casefold() for text in texts}
    within = Mentions([one for one in exact if "@" in one or one.startswith("+")])

    def is_id(text: str) -> bool:
        return text in ids

    def is_named(text: str) -> bool:
        return is_id(text) or text.casefold() in exact or within.stand_in_string(text)

    said = {"evidence": is_id, "details": is_named}
    return {name: _replaced(one, said[name]) if name in said else one for name, one in body.items()}


def _replaced(value: Any, is_theirs: Callable[[str], bool]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(one, is_theirs) for name, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, is_theirs) for one in value]
    return ERASED_TEXT if isinstance(value, str) and is_theirs(value) else value


def _is_incident(kind: str, incident_id: str, body: dict[str, Any]) -> bool:
    """Whether its readers can still read it: a word of a closed list may also be a value."""
    model = KINDS[kind].incident if kind in KINDS else AnyIncident
    try:
        model.model_validate(body)
    except ValidationError:
        log.warning("incident_names_an_erased_person", incident_id=incident_id)
        return False
    return True


def count_of_others(database: Database, named: HeldPerson) -> dict[str, int]:
    """Rows of other persons that name the person and go with the person's, by table."""
    if not named.elsewhere:
        return {}
    asked = count_asked(database, named, FoundBy.EVENT)
    found = dict[str, int]()
    for table in COUNTED_OF_OTHERS:
        [(rows,)] = database.rows(COUNT_EVENTS_SQL, {**asked, "table": table})
        found[OF_OTHERS.format(table=table)] = rows
    return {name: rows for name, rows in found.items() if rows}


def count_asked(database: Database, person: HeldPerson, found_by: FoundBy) -> dict[str, Any]:
    """The parameters of the statement of COUNTS; without the person's cases."""
    if found_by is FoundBy.CUSTOMER:
        return {"realm": person.realm, "customers": person.uuids, "cases": []}
    if found_by not in (FoundBy.EVENT, FoundBy.EVENT_ID):
        return _asked(person)
    others, events = _unzipped(person)
    uuids, mine = ([str(as_uuid(one)) for one in some] for some in (others, person.nodes))
    hashes = [one for (one,) in database.rows(HASHES_SQL, {"texts": events})]
    # Not what was stated only: an event under such an identifier is of somebody else.
    return {"realm": person.realm, "nodes": mine, "others": uuids, "events": hashes}


def _unzipped(person: HeldPerson) -> tuple[list[NodeId], list[str]]:
    """Anchors and ids of the events that name the person elsewhere."""
    return [node for node, _ in person.elsewhere], [event for _, event in person.elsewhere]


def _erased(found_by: FoundBy) -> list[str]:
    return [name for name, one in PLACES.items() if one.is_erased and one.found_by is found_by]


def _asked(person: HeldPerson) -> dict[str, Any]:
    return {"realm": person.realm, "nodes": person.uuids}


def values_asked(person: HeldPerson) -> dict[str, Any]:
    """The parameters that find the values that go, also of what else stays."""
    unnamed = [str(as_uuid(node)) for node in person.unnamed]
    return {"realm": person.realm, "nodes": [*person.uuids, *unnamed]}


def _parts(ids: Iterable[str], texts: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Parameters of statements that search by event ids or by texts, part by part."""
    found = [("events", list(part)) for part in chunks(sorted(ids), EVENTS_PER_QUERY)]
    return found + [("texts", list(part)) for part in chunks(texts, TEXTS_PER_QUERY)]

"""Which identity rules made the map of a realm: the store says so, and everybody goes by it.

A change takes effect with one record; from then on the writer solves by the new rules, and the rows
that follow from the old ones are replaced part by part (rebuild.py). Until that is done, the writer
concludes nothing from the rows. A rules file of the settings is the first rules of a store that has
none yet; later it is only compared, and not by the worker that brings the store in line.
"""

from __future__ import annotations

import hashlib
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from zlib import crc32

from schemas.identifiers import NodeId, as_uuid
from schemas.instants import from_ms, to_ms
from schemas.records import RulesRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE, IdentityRules, identity_rules
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings, read_rules
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
COLUMNS = (
    "realm", "since", "rules_version", "sha256", "text", "author", "reason", "decided_at",
    "parts", "identifiers", "place", "is_done", "progress",
)  # fmt: skip
DONE = 2**64 - 1
RULES_DIFFER = "rules_differ"
"""Reason of a ConfigurationError: the file of the settings is not what is in force."""
LOOK_S = 5.0
FIRST_SINCE = 0
FIRST_AUTHOR = "c360"
FIRST_REASON = "the first rules of the realm"


class RulesChange(NamedTuple):
    """Rules of a realm, since when they are in force, and how far the map follows from them."""

    realm: str
    since: int
    """Version of the rows of the map from which on they count."""
    text: str
    """The whole rules file."""
    author: str
    reason: str
    decided_ms: int
    parts: int = 0
    """How many parts of the map follow from them."""
    identifiers: int = 0
    """How many identifiers those have."""
    place: NodeId = 0
    """The last node of them; 0 before the first part."""
    is_done: bool = False
    """Whether the whole map follows from them."""

    @property
    def rules(self) -> IdentityRules:
        """The rules. Raises ValueError if this program cannot read them."""
        return rules_of_text(self.text)

    def is_of(self, other: RulesChange) -> bool:
        """Whether both are one change, whatever is known of when it came and how far it is."""
        return (self.realm, self.decided_ms, self.text) == (
            other.realm, other.decided_ms, other.text,
        )  # fmt: skip

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Of two changes of a realm the higher one is in force, wherever their records and rows
        stand: the one decided later; of one moment, the same one in every realm. The first rules
        of a store come before all that its log says."""
        return self.since != FIRST_SINCE, self.decided_ms, self.sha256

    @property
    def sha256(self) -> str:
        """Of the text, as hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def advanced(self, nodes: int, place: NodeId) -> RulesChange:
        """The same after one more part."""
        return self._replace(
            parts=self.parts + 1, identifiers=self.identifiers + nodes, place=place
        )

    def done(self) -> RulesChange:
        """The same when the whole map follows."""
        return self._replace(is_done=True, place=0)


class RulesStore(Protocol):
    """Keeps the rules of all realms. Methods block and raise as the store does."""

    def latest(self) -> Mapping[str, RulesChange]:
        """The rules in force, by realm; a realm that has none yet is missing."""
        ...

    def former(self, change: RulesChange) -> RulesChange | None:
        """What was in force in the realm before a change, or would be without it."""
        ...

    def put(self, change: RulesChange) -> None:
        """Write a change, or how far it is; durable on return. Repeating it is harmless."""
        ...


@lru_cache(maxsize=8)
def rules_of_text(text: str) -> IdentityRules:
    """The rules of a file's text. Raises ValueError, pydantic's ValidationError included."""
    return IdentityRules.model_validate(tomllib.loads(text))


def doubtful_after(store: RulesStore, change: RulesChange) -> NodeId | None:
    """If a change has replaced one that was not done: the node behind which rows may have been
    written that nobody was told of, 0 for all of them."""
    former = store.former(change)
    return None if former is None or former.is_done else former.place


def change_of(record: RulesRecord, since: int = 1) -> RulesChange:
    """The change that a record orders, of which nothing is done yet."""
    return RulesChange(
        record.realm, since, record.text, record.author, record.reason, record.decided_ms
    )


def ahead_of_its_record(record: RulesRecord, known: RulesChange) -> RulesChange:
    """The change of a record that is in the log, before its turn has come: it is in force from then
    on, and what stands before it in the log is no longer brought in line with other rules.

    It counts from behind the change that it replaces, by a number of its own: those who replace
    the same one at once write rows beside each other.
    """
    own = crc32(f"{record.decided_ms} {record.text}".encode())
    return change_of(record, known.since + 1 + own)


def first_rules(realm: str, text: str, now_ms: int) -> RulesChange:
    """Those of a realm of which nothing is recorded: the map was made by them, as far as anybody
    knows."""
    return RulesChange(realm, FIRST_SINCE, text, FIRST_AUTHOR, FIRST_REASON, now_ms, is_done=True)


class MemoryRules:
    """A `RulesStore` that forgets everything with the process."""

    def __init__(self) -> None:
        self.changes: dict[tuple[str, int], RulesChange] = {}

    def latest(self) -> Mapping[str, RulesChange]:
        """See the port."""
        ranked = sorted(self.changes.values(), key=lambda one: one.rank)
        return {change.realm: change for change in ranked}

    def former(self, change: RulesChange) -> RulesChange | None:
        """See the port."""
        found = [one for one in self.changes.values() if one.realm == change.realm]
        earlier = [one for one in found if one.rank < change.rank]
        return max(earlier, key=lambda one: one.rank, default=None)

    def put(self, change: RulesChange) -> None:
        """See the port."""
        self.changes[change.realm, change.since] = change


class ClickHouseRules:
    """Implements `RulesStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self) -> Mapping[str, RulesChange]:
        """See the port."""
        rows = self._database.rows(_STATEMENTS["latest"])
        return {row[0]: _change(row) for row in rows}

    def former(self, change: RulesChange) -> RulesChange | None:
        """See the port."""
        earlier = [one for one in self.history(change.realm) if one.rank < change.rank]
        return earlier[0] if earlier else None

    def history(self, realm: str = "") -> list[RulesChange]:
        """All rules that were in force, the latest of each realm first."""
        return [
            _change(row) for row in self._database.rows(_STATEMENTS["history"], {"realm": realm})
        ]

    def state(self) -> list[tuple[Any, ...]]:
        """Differs when another change is in force, or is done."""
        return sorted(self._database.rows(_STATEMENTS["state"]))

    def put(self, change: RulesChange) -> None:
        """See the port."""
        row = (
            change.realm, change.since, change.rules.version, change.sha256, change.text,
            change.author, change.reason, from_ms(change.decided_ms), change.parts,
            change.identifiers, as_uuid(change.place), change.is_done,
            DONE if change.is_done else change.parts,
        )  # fmt: skip
        self._database.insert_rows("identity_rules", COLUMNS, [row])


class FollowedRules:
    """The rules by which a process goes: those of the store, else those of its settings.

    Args:
        check: whether a file of the settings that differs from the rules in force is refused,
            unless the store was made with it and still reads the changes of an older log.

    Raises ConfigurationError for a wrong rules file, one that is not in force, or stored rules that
    this program cannot read; and as the store does.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock_s: Callable[[], float] = time.monotonic,
        *,
        check: bool = True,
    ) -> None:
        self.store = ClickHouseRules(database)
        self._clock_s = clock_s
        self._looked_s = clock_s()
        self._file = settings.identity_rules
        self._own = read_rules(settings, "identity_rules", identity_rules)
        self._realms = tuple(settings.realms)
        self._state = self.store.state()
        self.in_force = self.store.latest()
        self._rules = {realm: _readable(change) for realm, change in self.in_force.items()}
        if check and self._file is not None:
            self._require_file()

    @property
    def own_text(self) -> str:
        """The text of the file of the settings, else of the packaged one."""
        return rules_text(RULES_FILE, self._file)

    def differs(self, realms: Iterable[str]) -> bool:
        """Whether the file of the settings is not what is in force in all of these realms."""
        return any(self.of(realm) != self._own for realm in realms)

    @property
    def newest(self) -> IdentityRules:
        """The rules of the latest change in any realm: those by which values are normalised."""
        mine = [one for one in self.in_force.values() if one.realm in self._rules]
        if not mine:
            return self._own
        return self._rules[max(mine, key=lambda one: (one.rank, one.realm)).realm]

    def of(self, realm: str) -> IdentityRules:
        """The rules of a realm's map. A realm of which nothing is recorded gets the newest."""
        return self._rules.get(realm, self.newest)

    def is_renewed(self, realm: str) -> bool:
        """Whether rows of the map may still follow from other rules."""
        change = self.in_force.get(realm)
        return change is not None and not change.is_done

    def unfinished(self) -> list[RulesChange]:
        """The changes of which parts of the map do not follow yet."""
        return [one for one in self.in_force.values() if not one.is_done]

    def refresh(self) -> bool:
        """Read them again; whether another change is in force, or is done. Blocks."""
        state = self.store.state()
        if state == self._state:
            return False
        in_force = self.store.latest()
        rules = {realm: _readable(change) for realm, change in in_force.items()}
        self._state, self.in_force, self._rules = state, in_force, rules
        return True

    def refresh_now_and_then(self) -> bool:
        """Like `refresh`, if the last look is some seconds ago."""
        if self._clock_s() - self._looked_s < LOOK_S:
            return False
        self._looked_s = self._clock_s()
        return self.refresh()

    def register(self, realms: Iterable[str]) -> None:
        """Record the first rules of realms that have none: those of the others, or its own."""
        missing = [realm for realm in realms if realm not in self.in_force]
        if not missing:
            return
        latest = max(self.in_force.values(), key=lambda one: one.rank, default=None)
        text = self.own_text if latest is None else latest.text
        for realm in missing:
            self.store.put(first_rules(realm, text, to_ms(datetime.now(UTC))))
        self.refresh()

    def why_file_differs(self, realms: Iterable[str]) -> str:
        """What to say of the file of the settings if it is not what is in force in all of these
        realms, and what to do about it; else nothing."""
        if self._file is None:
            return ""
        for realm in realms:
            change = self.in_force.get(realm)
            if change is not None and self._rules[realm] != self._own:
                return (
                    f"C360_IDENTITY_RULES: {self._file} (version {self._own.version}) is not the "
                    f"rules in force in realm {realm} (version {self._rules[realm].version}, since "
                    f"{from_ms(change.decided_ms):%Y-%m-%d %H:%M} UTC, by {change.author}). Unset "
                    "the variable to go by those in force. To put the file in force, unset it and "
                    "run 'c360 identity apply FILE'; on a data directory, 'c360 identity rebuild' "
                    "does both"
                )
        return ""

    def _require_file(self) -> None:
        fault = self.why_file_differs(
            realm for realm in self._realms if not self._is_caught_up_with(realm)
        )
        if fault:
            raise ConfigurationError(fault, reason=RULES_DIFFER)

    def _is_caught_up_with(self, realm: str) -> bool:
        """Whether the store of a realm was made with the file, over a log that is older: its former
        changes are in force one after the other until the last of them is."""
        change = self.in_force.get(realm)
        if change is None or self._rules[realm] == self._own:
            return False
        first = next((one for one in self.store.history(realm) if one.since == FIRST_SINCE), None)
        return first is not None and change.decided_ms < first.decided_ms and _is(first, self._own)


def _is(change: RulesChange, rules: IdentityRules) -> bool:
    try:
        return change.rules == rules
    except ValueError:  # of another version of c360
        return False


def _readable(change: RulesChange) -> IdentityRules:
    try:
        return change.rules
    except ValueError as error:
        raise ConfigurationError(
            f"this version of c360 cannot read the identity rules in force in realm "
            f"{change.realm} (applied by {change.author}); use the version that applied them"
        ) from error


def _change(row: tuple[Any, ...]) -> RulesChange:
    realm, since, _, _, text, author, reason, decided_at, parts, identifiers, place, done = row
    return RulesChange(
        realm, since, text, author, reason, to_ms(decided_at), parts, identifiers, place.int,
        bool(done),
    )  # fmt: skip

"""A map laid on a table: which column becomes which field, and whether everything needed is there.

Pure. Whether a value can be read is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.import_map import ColumnSource, ImportMap, Scalar
from schemas.touchpoint import EVENT_TYPES
from services.intake.tables.table import OWN_COLUMNS, TableRow, plain_name
from services.intake.tables.targets import (
    IDENTIFIERS,
    CellKind,
    NoTarget,
    TargetField,
    required_of,
    target_of,
)

OWN = frozenset(map(plain_name, OWN_COLUMNS))
NAMES_SHOWN = 12


class WrongMap(ValueError):
    """The map cannot be used, whatever the file."""


class NoLayout(ValueError):
    """The map does not fit the file."""


class CheckedMap(NamedTuple):
    """A map whose fields exist."""

    map: ImportMap
    types: tuple[str, ...]
    """The event types that its rows may become."""
    targets: Mapping[str, TargetField]
    constants: Mapping[str, TargetField]
    aliases: Mapping[str, tuple[str, ...]]
    """The fields by plain names of columns."""


class BoundField(NamedTuple):
    """A field, and the columns that hold it."""

    target: TargetField
    source: ColumnSource
    columns: tuple[int, ...]
    only_with: tuple[int, ...] = ()
    """Columns of which one must not be empty; without any it is read in every row."""


class Layout(NamedTuple):
    """What the columns of one file become."""

    checked: CheckedMap
    header: int
    """Number of the row that names the columns; 0 if the file names them itself."""
    names: tuple[str, ...]
    fields: tuple[BoundField, ...]
    skipped: tuple[int, ...] = ()
    """Rows before the header."""

    @property
    def unused(self) -> list[str]:
        """Columns that the map does not read."""
        used = {column for field in self.fields for column in field.columns}
        return [
            name
            for place, name in enumerate(self.names)
            if place not in used and name and plain_name(name) not in OWN
        ]

    @property
    def ignored(self) -> frozenset[int]:
        """Places of the columns that a file of refused rows has beside its own."""
        return frozenset(i for i, name in enumerate(self.names) if plain_name(name) in OWN)


def checked_map(map_: ImportMap) -> CheckedMap:
    """The map with its fields. Raises WrongMap."""
    types = _types(map_)
    unknown = sorted(set(types) - EVENT_TYPES.keys())
    if unknown:
        raise WrongMap(f"there is no event type {unknown[0]!r}")
    try:
        targets = {name: target_of(name, types) for name in map_.columns}
        constants = {name: target_of(name, types) for name in map_.constants}
    except NoTarget as error:
        raise WrongMap(str(error)) from error
    known = {*targets, *constants}
    for name in (*map_.group_by, *map_.event_id):
        if name not in known:
            raise WrongMap(
                f"{name!r} has neither a column nor a constant, but ids or groups use it"
            )
    if not map_.group_by and any(one.is_of_each_row for one in targets.values()):
        raise WrongMap("a field with * needs group_by: it has a value in each row of a group")
    for name, target in constants.items():
        _require_kind(name, target, map_.constants[name])
    for name, source in map_.columns.items():
        for word in (*source.values.values(), *([source.otherwise] if source.otherwise else [])):
            _require_kind(name, targets[name], word)
    return CheckedMap(map_, types, targets, constants, _aliases(map_))


def _types(map_: ImportMap) -> tuple[str, ...]:
    if map_.type:
        return (map_.type,)
    source = map_.columns["type"]
    words = [*source.values.values(), *([source.otherwise] if source.otherwise else [])]
    if not words:
        raise WrongMap("say by `values` which event types the words of the field `type` stand for")
    return tuple(dict.fromkeys(map(str, words)))


def _require_kind(name: str, target: TargetField, value: Scalar) -> None:
    if target.choices and value not in target.choices:
        raise WrongMap(f"{name}: {value!r} is none of {', '.join(target.choices)}")
    is_flag = isinstance(value, bool)
    if is_flag != (target.kind is CellKind.FLAG) and not (target.is_attribute and is_flag):
        raise WrongMap(f"{name}: {value!r} is not what the field holds ({target.kind})")
    if target.kind is CellKind.WHOLE and not isinstance(value, int):
        raise WrongMap(f"{name}: {value!r} must be a whole number, without quotes")


def _aliases(map_: ImportMap) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for target, source in map_.columns.items():
        for name in source.names:
            key = plain_name(name)
            if not key:
                raise WrongMap(f"{target}: {name!r} is no name of a column")
            if target not in found.get(key, ()):
                found[key] = (*found.get(key, ()), target)
    return found


def recognised(checked: CheckedMap, rows: Iterable[TableRow]) -> int:
    """The most columns of the map that one of the rows names."""
    return max((_known(checked, row) for row in rows), default=0)


def _known(checked: CheckedMap, row: TableRow) -> int:
    names = {plain_name(cell) for cell in row.cells if isinstance(cell, str)}
    return len(names & checked.aliases.keys())


def layout_of(checked: CheckedMap, first: Sequence[TableRow], names: Sequence[str] = ()) -> Layout:
    """The layout of a table with these first rows, or with columns of these names.

    Raises NoLayout.
    """
    header = 0
    skipped: tuple[int, ...] = ()
    if not names:
        best = max(first, key=lambda row: (_known(checked, row), -row.number), default=None)
        if best is None:
            raise NoLayout("it holds no rows")
        header = best.number
        names = ["" if cell is None else str(cell) for cell in best.cells]
        skipped = tuple(row.number for row in first if row.number < header)
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault(plain_name(name), []).append(place)
    fields = []
    for target, source in checked.map.columns.items():
        keys = dict.fromkeys(map(plain_name, source.names))
        columns = tuple(place for key in keys for place in places.get(key, ()))
        twice = [key for key in keys if len(places.get(key, ())) > 1]
        if twice:
            name = names[places[twice[0]][0]]
            raise NoLayout(f"has two columns {name!r}; rename the one that is not meant")
        others = [place for name in source.only_with for place in places.get(plain_name(name), ())]
        if columns and (others or not source.only_with):
            fields.append(BoundField(checked.targets[target], source, columns, tuple(others)))
    if not fields:
        shown = ", ".join(repr(name) for name in names[:NAMES_SHOWN] if name)
        raise NoLayout(f"has no column that the map names; in its first rows are {shown or 'none'}")
    layout = Layout(checked, header, tuple(names), tuple(fields), skipped)
    _require_all(layout)
    return layout


def _require_all(layout: Layout) -> None:
    checked = layout.checked
    given = [*(field.target.name for field in layout.fields), *checked.map.constants]
    missing = [
        need
        for need in (*required_of(checked.types), *checked.map.group_by, *checked.map.event_id)
        if not any(name == need or name.startswith(f"{need}.") for name in given)
    ]
    missing += [
        name
        for name, source in checked.map.columns.items()
        if source.required and name not in given
    ]
    if not missing:
        anonymous = all(EVENT_TYPES[one].anonymous for one in checked.types)
        named = any(name.startswith(f"{IDENTIFIERS}.") for name in given)
        missing = [] if anonymous or named else [IDENTIFIERS]
    if missing:
        raise NoLayout(_missing(layout, list(dict.fromkeys(missing))))


def _missing(layout: Layout, missing: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in layout.names[:NAMES_SHOWN] if name)
    more = " …" if len(layout.names) > NAMES_SHOWN else ""
    wanted = []
    for need in missing:
        names = [
            name
            for target, source in layout.checked.map.columns.items()
            if target == need or target.startswith(f"{need}.")
            for name in source.names
        ]
        hint = f" (a column as {', '.join(map(repr, names[:4]))})" if names else ""
        wanted.append(f"{need}{hint}")
    return (
        f"has nothing for {'; '.join(wanted)}. Its columns are {shown or 'none'}{more}. Name the "
        "column in a map, or give every row the same value: --set FIELD=VALUE"
    )


def fitted(rows: Iterable[TableRow], layout: Layout, *, is_padded: bool) -> Iterator[TableRow]:
    """Rows behind the header; one with more or fewer cells than it has a fault."""
    width = len(layout.names)
    while width and not layout.names[width - 1]:
        width -= 1
    for row in rows:
        if row.number <= layout.header or row.fault:
            yield row
            continue
        count = len(row.cells)
        if (count > len(layout.names) and any(one is not None for one in row.cells[width:])) or (
            count < width and not is_padded and count > 0
        ):
            yield row._replace(fault=f"has {count} cells, and the header {width}")
        else:
            yield row

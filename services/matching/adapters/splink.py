"""Splink on its own engine: trains without examples and scores the pairs that share a key.

Works in a database file of its own, which is deleted at the end, within a bounded share of memory.
Splink is an optional library and is loaded here only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_type_hints

import structlog

from services.matching.core.blocking import HOLDERS_MAX, blocking_keys
from services.matching.core.fields import FIELDS, ComparedField, Degree
from services.matching.core.model import Model, Shares, combined, configured
from services.matching.core.person import PersonRecord
from services.matching.ports import ScoredPair
from services.runtime.errors import ConfigurationError
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PERSONS_SQL = _STATEMENTS["persons"]
KEYS_SQL = _STATEMENTS["keys"]
ONCE_SQL = _STATEMENTS["once"]
FREQUENT_SQL = _STATEMENTS["frequent"]
EVIDENCE_SQL = _STATEMENTS["evidence"]
PAIRS_SQL = _STATEMENTS["pairs"]
PERSONS_COUNT_SQL = _STATEMENTS["persons_count"]
COUNT_SQL = _STATEMENTS["count"]
CERTAIN_SQL = _STATEMENTS["certain"]
TRAINING_SQL = _STATEMENTS["training"]
FREQUENCIES_SQL = _STATEMENTS["frequencies"]
SCORED_SQL = _STATEMENTS["scored"]
MISSING = (
    "match suggestions need Splink, which is not installed: pip install 'customer360[suggest]'"
)
ROWS_AT_ONCE = 20_000
MEMORY = "1GB"
THREADS = 2
RANDOM_PAIRS_MAX = 2_000_000
TRAINING_PAIRS_MAX = 1_000_000
PERSONS_TO_LEARN_MIN = 400
MATCHES_TO_LEARN_MIN = 30
"""With fewer persons, or fewer pairs that are certain, the configured weights are used."""
USUAL_PERSONS = 500
"""Persons that the usual frequency of a value counts for."""
CERTAIN_SHARE = 0.6
"""About so many of the pairs of one person agree in name and birth date, or in an address."""
HOLDERS_OF_A_CONTACT_MAX = 10
"""Persons that a telephone number or address speaks for, as `hub_above_personal` of the rules."""
CONTACTS = ("phones", "emails", "mailboxes")
SEED = 1
TRAINED_BY = (("birth_date",), ("given_name", "family_name"), ("postal_code", "family_name"))
"""Pairs that agree in these columns teach the weights of all other fields."""
log = structlog.get_logger()


def require_splink() -> None:
    """Raises ConfigurationError where the library is missing."""
    try:
        import duckdb  # noqa: F401
        import splink  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(MISSING, reason="suggest_missing") from error


class SplinkScorer:
    """Implements `services.matching.ports.PairScorer`. A context manager."""

    def __init__(self, folder: Path, holders_max: int = HOLDERS_OF_A_CONTACT_MAX) -> None:
        """`folder` is an empty directory for the working data. A telephone number or address that
        more than `holders_max` persons have is no evidence. Raises ConfigurationError."""
        require_splink()
        import duckdb

        logging.getLogger("splink").setLevel(logging.ERROR)
        limits = {"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(folder)}
        self._database = duckdb.connect(str(folder / "persons.duckdb"), config=limits)
        self._holders_max = holders_max
        self._count = 0
        self.compared = 0
        """Pairs that share a key, once the persons are loaded."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def load(self, persons: Iterable[PersonRecord]) -> int:
        """See the port."""
        import pyarrow

        self._database.execute(PERSONS_SQL)
        self._database.execute(KEYS_SQL)
        waiting = iter(persons)
        while some := list(islice(waiting, ROWS_AT_ONCE)):
            columns = {
                name: [_or_null(getattr(one, name)) for one in some]
                for name in PersonRecord._fields
            }
            keys = [(one.person, key) for one in some for key in blocking_keys(one)]
            for table, rows in (
                ("persons", pyarrow.table(columns, schema=_arrow_schema())),
                ("keys", pyarrow.table({
                    "person": pyarrow.array([one for one, _ in keys], pyarrow.string()),
                    "key": pyarrow.array([key for _, key in keys], pyarrow.string()),
                })),
            ):  # fmt: skip
                self._database.register("arriving", rows)
                self._database.execute(f"INSERT INTO {table} FROM arriving")
                self._database.unregister("arriving")
        self._database.execute(ONCE_SQL)
        for column in CONTACTS:
            self._drop_frequent(column)
        [(self._count,)] = self._database.execute(PERSONS_COUNT_SQL).fetchall()
        self._database.execute(PAIRS_SQL, {"holders": HOLDERS_MAX})
        [(self.compared,)] = self._database.execute(COUNT_SQL).fetchall()
        return self._count

    def _drop_frequent(self, column: str) -> None:
        """A value that too many have says nothing of any two of them."""
        asked = {"holders": self._holders_max}
        self._database.execute(FREQUENT_SQL.format(column=column), asked)
        self._database.execute(EVIDENCE_SQL.format(column=column))

    def learn(self) -> Model:
        """See the port."""
        [(certain,)] = self._database.execute(CERTAIN_SQL).fetchall()
        pairs = max(1, self._count * (self._count - 1) // 2)
        expected = round(certain / CERTAIN_SHARE)
        prior = min(0.5, (expected + 1) / pairs)
        if self._count < PERSONS_TO_LEARN_MIN or certain < MATCHES_TO_LEARN_MIN:
            return configured(prior)
        learnt = self._learnt(configured(prior))
        return combined(learnt, expected, min(pairs, RANDOM_PAIRS_MAX), prior)

    def _learnt(self, base: Model) -> dict[str, Shares]:
        """Shares of all fields from the courses that can be held.

        Where hardly any pair of a course is one person, as with a very frequent name, its shares
        shrink until they are no numbers. Splink cannot go on after that, so all begins anew
        without the course.
        """
        agreeing = {columns: self._agreeing(columns) for columns in TRAINED_BY}
        courses = [one for one, pairs in agreeing.items() if pairs >= MATCHES_TO_LEARN_MIN]
        while True:
            linker = self._linker(base)
            linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS_MAX, seed=SEED)
            for columns in courses:
                try:
                    _train(linker, columns, agreeing[columns])
                except ValueError as error:
                    log.info("matching_course_left_out", columns=columns, error=str(error))
                    courses.remove(columns)
                    break
            else:
                return _shares_of(linker.misc.save_model_to_json())

    def _agreeing(self, columns: tuple[str, ...]) -> int:
        """How many pairs agree in these columns."""
        present = " AND ".join(f"{one} IS NOT NULL" for one in columns)
        sql = TRAINING_SQL.format(present=present, columns=", ".join(columns))
        [(agreeing,)] = self._database.execute(sql).fetchall()
        return int(agreeing)

    def pairs(self, model: Model, least: float) -> Iterator[ScoredPair]:
        """See the port."""
        if not self.compared:
            return
        linker = self._linker(model)
        pairs = linker._db_api.register("pairs")
        linker.table_management.register_blocked_pairs_for_predict(pairs)
        found = linker.inference.predict(threshold_match_probability=least, warning_mode="never")
        columns = [f"gamma_{one.name}" for one in FIELDS]
        columns += [f"mw_{one.name}{_rarity(one)}" for one in FIELDS]
        sql = SCORED_SQL.format(columns=", ".join(columns), table=found.physical_name)
        rows = self._database.cursor().execute(sql)
        while some := rows.fetchmany(ROWS_AT_ONCE):
            yield from map(_pair, some)

    def _linker(self, model: Model) -> Any:
        from splink import DuckDBAPI, Linker, SettingsCreator

        settings = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name="person",
            comparisons=[_comparison(one, model.fields[one.name]) for one in FIELDS],
            blocking_rules_to_generate_predictions=[],
            probability_two_random_records_match=model.prior,
            retain_matching_columns=True,
            retain_intermediate_calculation_columns=True,
            additional_columns_to_retain=["generation"],
        )
        api = DuckDBAPI(self._database)
        linker = Linker(api.register("persons"), settings, log_level=None)
        degrees = [degree for field in FIELDS for degree in reversed(field.degrees)]
        for degree in {one.frequency_of: one for one in degrees if one.frequency_of}.values():
            self._register_frequencies(linker, api, degree)
        return linker

    def _register_frequencies(self, linker: Any, api: Any, degree: Degree) -> None:
        column = degree.frequency_of
        asked = {"usual": degree.random, "weight": USUAL_PERSONS, "persons": self._count}
        self._database.execute(FREQUENCIES_SQL.format(column=column), asked)
        table = api.register(f"frequencies_{column}")
        linker.table_management.register_term_frequency_lookup(table, column)


def _train(linker: Any, columns: tuple[str, ...], agreeing: int) -> None:
    """One course of expectation maximisation, over the pairs that agree in the columns.

    Raises ValueError where nothing can be learnt.
    """
    from splink import block_on

    linker.training.estimate_parameters_using_expectation_maximisation(
        block_on(*columns),
        estimate_without_term_frequencies=True,
        max_pairs=TRAINING_PAIRS_MAX if agreeing > TRAINING_PAIRS_MAX else None,
    )


def _rarity(field: ComparedField) -> str:
    """What a rare value adds, of a field where it does."""
    counts = any(degree.frequency_of for degree in field.degrees)
    return f" + mw_tf_adj_{field.name}" if counts else ""


def _pair(row: tuple[Any, ...]) -> ScoredPair:
    a, b, probability, weight, generation_a, generation_b, *rest = row
    gammas, weights = rest[: len(FIELDS)], rest[len(FIELDS) :]
    degrees = {
        one.name: None if gamma < 0 else len(one.degrees) - 1 - gamma
        for one, gamma in zip(FIELDS, gammas, strict=True)
    }
    by_field = {one.name: weight for one, weight in zip(FIELDS, weights, strict=True)}
    (a, generation_a), (b, generation_b) = sorted(((a, generation_a), (b, generation_b)))
    return ScoredPair(
        a, b, probability, weight, degrees, by_field, (generation_a or "", generation_b or "")
    )


def _comparison(field: ComparedField, shares: Shares) -> Any:
    from splink import comparison_level_library as levels
    from splink import comparison_library as comparisons

    missing = levels.CustomLevel(field.missing, "missing").configure(is_null_level=True)
    weighed = zip(field.degrees, shares.same, shares.random, strict=True)
    return comparisons.CustomComparison(
        [missing, *(_level(*one) for one in weighed)], output_column_name=field.name
    )


def _level(degree: Degree, same: float, random: float) -> Any:
    from splink import comparison_level_library as levels

    one = (
        levels.CustomLevel(degree.condition, degree.words)
        if degree.condition
        else levels.ElseLevel()
    )
    one.configure(m_probability=same, u_probability=random)
    if degree.frequency_of:
        one.configure(
            tf_adjustment_column=degree.frequency_of,
            tf_minimum_u_value=degree.frequency_min,
            disable_tf_exact_match_detection=True,
        )
    return one


def _shares_of(saved: dict[str, Any]) -> dict[str, Shares]:
    """What was learnt of each field; a field with a degree that was not learnt is left out..."""
    found = {}
    for field, comparison in zip(FIELDS, saved["comparisons"], strict=True):
        degrees = [one for one in comparison["comparison_levels"] if not one.get("is_null_level")]
        same = [one.get("m_probability") for one in degrees]
        random = [one.get("u_probability") for one in degrees]
        usual = field.degrees
        found[field.name] = Shares(
            tuple(_number_or(d.same, s) for s, d in zip(same, usual, strict=True)),
            tuple(_number_or(d.random, s) for s, d in zip(random, usual, strict=True)),
        )
    return found


def _number_or(usual: float, learnt: float | None) -> float:
    """A share of no pairs at all is no number."""
    return learnt if learnt is not None and isfinite(learnt) else usual


def _or_null(value: Any) -> Any:
    """Nothing equals what is not known."""
    return None if value == "" else value


def _arrow_schema() -> Any:
    import pyarrow

    kinds = {list[str]: pyarrow.list_(pyarrow.string()), bool: pyarrow.bool_()}
    hints = get_type_hints(PersonRecord)
    return pyarrow.schema(
        [(name, kinds.get(hints[name], pyarrow.string())) for name in PersonRecord._fields]
    )

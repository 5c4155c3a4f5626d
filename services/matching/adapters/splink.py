"""Splink on its own engine: trains without examples and scores the pairs that share a key.

Works in a database file of its own, which is deleted at the end, within a bounded share of memory.
Splink is an optional library and is loaded here only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_type_hints

from services.matching.core.blocking import HOLDERS_MAX, blocking_keys
from services.matching.core.fields import (
    BIRTH_DATE,
    EMAIL,
    FIELDS,
    GIVEN_NAME,
    PHONE,
    ComparedField,
    Degree,
)
from services.matching.core.household import (
    OF_TWO_GENERATIONS,
    contact_weights,
    name_and_date_weight,
)
from services.matching.core.model import Model, Shares, configured, with_random
from services.matching.core.person import PersonRecord
from services.matching.core.training import Pattern, trained
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
SAMPLE_SQL = _STATEMENTS["sample"]
PART_SQL = _STATEMENTS["part"]
PATTERNS_SQL = _STATEMENTS["patterns"]
FREQUENCIES_SQL = _STATEMENTS["frequencies"]
SCORED_SQL = _STATEMENTS["scored"]
HOUSEHOLDS_SQL = _STATEMENTS["households"]
PROPOSED_SQL = _STATEMENTS["proposed"]
MISSING = (
    "match suggestions need Splink, which is not installed: pip install 'customer360[suggest]'"
)
ROWS_AT_ONCE = 20_000
MEMORY = "1GB"
THREADS = 2
RANDOM_PAIRS_MAX = 2_000_000
PERSONS_TO_COMPARE = 2_000
"""Persons among whom random pairs are compared: as many pairs as `RANDOM_PAIRS_MAX`."""
TRAINING_PAIRS_MAX = 1_000_000
LEAST_WEIGHT = -20.0
"""Pairs below this weight are two strangers, and teach nothing."""
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
        self.households = 0
        """Pairs that would be proposed if there were no households, once pairs were read."""

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
        model = configured(min(0.5, (round(certain / CERTAIN_SHARE) + 1) / pairs))
        if self._count < PERSONS_TO_LEARN_MIN or certain < MATCHES_TO_LEARN_MIN:
            return model
        model = with_random(model, self._random_shares(model), min(pairs, RANDOM_PAIRS_MAX))
        return trained(model, self._patterns(model), pairs)

    def _random_shares(self, model: Model) -> dict[str, tuple[float, ...]]:
        """How often each degree is met among random pairs: of all persons, or of some who are
        chosen by their ids, whatever their order."""
        self._database.execute(SAMPLE_SQL, {"persons": PERSONS_TO_COMPARE})
        linker = self._linker(model, "sample")
        linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS_MAX, seed=SEED)
        return _shares_of(linker.misc.save_model_to_json())

    def _patterns(self, model: Model) -> list[Pattern]:
        """The pairs that share a key, by what they look like; of very many a part of them."""
        part = -(-self.compared // TRAINING_PAIRS_MAX)
        self._database.execute(PART_SQL, {"part": part})
        found = self._predicted(model, "part", threshold_match_weight=LEAST_WEIGHT)
        degrees = ", ".join(f"gamma_{one.name}" for one in FIELDS)
        rarity = " + ".join(f"mw_tf_adj_{one.name}" for one in FIELDS if _is_rare(one))
        sql = PATTERNS_SQL.format(degrees=degrees, rarity=rarity, table=found.physical_name)
        rows = self._database.execute(sql).fetchall()
        found.drop_table_from_database_and_remove_from_cache()
        return [Pattern(_degrees(gammas), rarity, part * n) for *gammas, rarity, n in rows]

    def pairs(self, model: Model, least: float) -> Iterator[ScoredPair]:
        """See the port."""
        if not self.compared:
            return
        found = self._predicted(model, "pairs", threshold_match_probability=least)
        columns = [f"gamma_{one.name}" for one in FIELDS]
        columns += [f"mw_{one.name}{_rarity(one)}" for one in FIELDS]
        asked = {
            "columns": ", ".join(columns),
            "table": found.physical_name,
            "household": _household_weight(model),
            "generations": OF_TWO_GENERATIONS,
            "share": model.households / model.prior,
        }
        self._database.execute(SCORED_SQL.format(**asked))
        [(self.households,)] = self._database.execute(HOUSEHOLDS_SQL, {"least": least}).fetchall()
        rows = self._database.cursor().execute(PROPOSED_SQL, {"least": least})
        while some := rows.fetchmany(ROWS_AT_ONCE):
            yield from map(_pair, some)

    def _predicted(self, model: Model, pairs: str, **least: float) -> Any:
        """The pairs of a table with what Splink finds of each, in a table of its own."""
        linker = self._linker(model, "persons")
        linker.table_management.register_blocked_pairs_for_predict(linker._db_api.register(pairs))
        return linker.inference.predict(warning_mode="never", **least)

    def _linker(self, model: Model, persons: str) -> Any:
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
        linker = Linker(api.register(persons), settings, log_level=None)
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


def _is_rare(field: ComparedField) -> bool:
    """Whether rare values of a field weigh more."""
    return any(degree.frequency_of for degree in field.degrees)


def _rarity(field: ComparedField) -> str:
    """What a rare value adds, of a field where it does."""
    return f" + mw_tf_adj_{field.name}" if _is_rare(field) else ""


def _household_weight(model: Model) -> str:
    """How much likelier a pair is in a household than in one person, of what its fields show.

    Splink counts degrees from the last one, and what is missing is -1; arrays begin with 1.
    """

    def looked_up(weights: Iterable[float], field: ComparedField) -> str:
        return f"[{', '.join(f'{one:.12f}' for one in weights)}][gamma_{field.name} + 2]"

    told = contact_weights(model)
    terms = [looked_up([0.0, *reversed(told[one.name])], one) for one in (PHONE, EMAIL)]
    given, born = ([None, *reversed(range(len(one.degrees)))] for one in (GIVEN_NAME, BIRTH_DATE))
    rows = [
        looked_up((name_and_date_weight(model, name, date) for date in born), BIRTH_DATE)
        for name in given
    ]
    terms.append(f"[{', '.join(rows)}][gamma_{GIVEN_NAME.name} + 2]")
    return " + ".join(terms)


def _degrees(gammas: Sequence[int]) -> tuple[int | None, ...]:
    """The degree of each field, the best one being 0; None of what is missing."""
    return tuple(
        None if gamma < 0 else len(one.degrees) - 1 - gamma
        for one, gamma in zip(FIELDS, gammas, strict=True)
    )


def _pair(row: tuple[Any, ...]) -> ScoredPair:
    a, b, probability, weight, household, *rest = row
    degrees, weights = _degrees(rest[: len(FIELDS)]), rest[len(FIELDS) :]
    names = [one.name for one in FIELDS]
    a, b = sorted((a, b))
    return ScoredPair(
        a, b, probability, weight, dict(zip(names, degrees, strict=True)),
        dict(zip(names, weights, strict=True)), household,
    )  # fmt: skip


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


def _shares_of(saved: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    """What was found of each field, the best degree first; the usual share where nothing was."""
    found = {}
    for field, comparison in zip(FIELDS, saved["comparisons"], strict=True):
        degrees = [one for one in comparison["comparison_levels"] if not one.get("is_null_level")]
        found[field.name] = tuple(
            _number_or(usual.random, one.get("u_probability"))
            for one, usual in zip(degrees, field.degrees, strict=True)
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

"""The settings of Splink's own tutorial and examples, on the same sets: what ours is held against.

Names, birth date, city and e-mail as the tutorial of the deduplication of `fake_1000`; for `febrl`
names, birth date, street number and postal code, as its example does, without the social security
number: a shop has none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.matching.core.person import PersonRecord

FEBRL_RULES = (
    ("given_name",), ("family_name",), ("birth_date",), ("postal_code", "house_number"),
)  # fmt: skip


def tutorial_pairs(
    persons: list[PersonRecord], folder: Path, least: float, *, has_email: bool
) -> list[tuple[float, str, str]]:
    """Probability and both ends of every pair that the tutorial's settings propose."""
    import duckdb
    import pyarrow
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    rows = [
        {name: value[0] if isinstance(value, list) and value else value or None
         for name, value in one._asdict().items()}
        for one in persons
    ]  # fmt: skip
    api = DuckDBAPI(duckdb.connect(str(folder / "tutorial.duckdb")))
    rules = (
        [block_on("given_name", "city"), block_on("family_name")]
        if has_email
        else [block_on(*one) for one in FEBRL_RULES]
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="person",
        comparisons=_comparisons(has_email),
        blocking_rules_to_generate_predictions=rules,
    )
    linker = Linker(api.register(pyarrow.Table.from_pylist(rows)), settings, log_level=None)
    certain: list[Any] = [
        block_on("given_name", "birth_date"),
        "l.given_name = r.given_name and levenshtein(r.family_name, l.family_name) <= 2",
    ]
    if has_email:
        certain.append(block_on("emails"))
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (block_on("given_name", "family_name"), block_on("birth_date")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=least)
    table = found.as_pyarrow_table().select(["match_probability", "person_l", "person_r"])
    return [tuple(row.values()) for row in table.to_pylist()]


def _comparisons(has_email: bool) -> list[Any]:
    import splink.comparison_library as cl

    usual = [
        cl.NameComparison("given_name"),
        cl.NameComparison("family_name"),
        cl.DateOfBirthComparison("birth_date", input_is_string=True),
    ]
    if has_email:
        city = cl.ExactMatch("city").configure(term_frequency_adjustments=True)
        return [*usual, city, cl.EmailComparison("emails")]
    return [
        *usual,
        cl.ExactMatch("house_number"),
        cl.ExactMatch("postal_code").configure(term_frequency_adjustments=True),
    ]

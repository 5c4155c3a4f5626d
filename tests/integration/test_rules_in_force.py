"""Rules in force on the real engine: a change that is cut off goes on at the next start, and what
comes in during it has its place."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random

import pytest

from schemas.records import RulesRecord
from schemas.rules import rules_text
from schemas.rules.identity import RULES_FILE
from services.api.digest import state_digest
from services.api.read_store import ReadStore
from services.embedded import engine as engine_module
from services.embedded.engine import Engine
from services.identity.rebuild import rebuilt_parts
from services.identity.verification import Verified
from services.ingest.lines import Line
from services.runtime.errors import ConfigurationError, Retry
from services.runtime.settings import Settings
from tests.events import event, identifier, line

CARD = 'name = "loyalty_card"\nkind = "personal"'
PACKAGED = rules_text(RULES_FILE)
UNIQUE = PACKAGED.replace(CARD, f"{CARD}\nunique = true").replace("version = ", "version = 'u' # ")
DEFAULT = "default"


def settings_of(data: Path, **others: object) -> Settings:
    """Those of a directory."""
    return Settings.model_validate({"data_dir": data, "identity_secret": "s" * 64, **others})


def some_lines(rng: Random, count: int) -> list[bytes]:
    """Logins with cards, addresses and devices of few people."""
    return [
        line(
            event(
                "identity.linked",
                event_id=f"e{rng.random()}",
                identifiers=[
                    identifier("loyalty_card", str(rng.randint(1, 30)), verified=True),
                    identifier("email", f"p{rng.randint(1, 12)}@example.com", verified=True),
                    identifier("device_id", f"d{rng.randint(1, 12)}"),
                ],
            )
        )
        for _ in range(count)
    ]


def take(engine: Engine, lines: list[bytes]) -> None:
    """Ingest lines."""
    engine.ingest([Line(one, len(one)) for one in lines], lambda _results: None)


def change(text: str) -> RulesRecord:
    """The record of a change."""
    return RulesRecord(realm=DEFAULT, text=text, author="anna", reason="test", decided_ms=9)


def digest(engine: Engine) -> dict[str, str]:
    """The state of a directory; the rules' version stands with facts, so not these."""
    reads = ReadStore(engine.settings, engine.reading)
    wrong = list(reads.wrong_identities(DEFAULT, Verified()))
    assert wrong == []
    found = state_digest(engine.reading, reads.profiles)
    return {name: value for name, value in found.items() if name in ("edges", "map")}


def test_a_change_that_is_cut_off_goes_on(tmp_path: Path) -> None:
    """Killed twice in the middle of a change, with events between the parts: the map is that of a
    directory that had these rules from the beginning."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:  # one engine in a process
        alone.submit(_cut_off_and_go_on, tmp_path).result()


def _cut_off_and_go_on(tmp_path: Path) -> None:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(engine_module, "rebuilt_parts", partial(rebuilt_parts, nodes_per_part=3))
    rng = Random(1)
    before, during, after = some_lines(rng, 40), some_lines(rng, 20), some_lines(rng, 10)
    settings = settings_of(tmp_path / "data")
    with Engine.open(settings) as engine:
        take(engine, before)
        assert engine.begin([change(UNIQUE)])
        parts = engine.finish_rules()
        for one in during[:5]:
            next(parts)
            take(engine, [one])
        assert engine.rules.unfinished()
        with pytest.raises(Retry):
            engine.begin([change(PACKAGED)])
        [unfinished] = engine.rules.store.latest().values()
        assert (unfinished.parts, unfinished.is_done) == (5, False)

    def cut(*given: object, **named: object) -> object:
        parts = rebuilt_parts(*given, nodes_per_part=3, **named)  # type: ignore[arg-type,misc]
        yield next(parts)
        raise Retry("killed")

    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "rebuilt_parts", cut)
        with pytest.raises(Retry):
            Engine.open(settings)
    with Engine.open(settings) as engine:
        assert not engine.rules.unfinished()
        take(engine, [*during[5:], *after])
        found = digest(engine)
    (tmp_path / "unique.toml").write_text(UNIQUE)
    fresh = settings_of(tmp_path / "fresh", identity_rules=tmp_path / "unique.toml")
    with Engine.open(fresh) as engine:
        take(engine, [*before, *during, *after])
        assert digest(engine) == found
    with Engine.open(settings_of(tmp_path / "data", identity_rules=tmp_path / "unique.toml")):
        pass
    (tmp_path / "other.toml").write_text(PACKAGED)
    with pytest.raises(ConfigurationError, match="not the rules in force in realm default"):
        Engine.open(settings_of(tmp_path / "data", identity_rules=tmp_path / "other.toml"))

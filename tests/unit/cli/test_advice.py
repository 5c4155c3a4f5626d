"""The advice of the command line: what to do about an error, by the error's reason."""

from __future__ import annotations

import pytest

from services.api.handles import UNKNOWN
from services.api.queries.decisions import UNSEEN
from services.api.queries.identity_rules import RULES_REPLACED
from services.api.queries.segment_members import UNKNOWN_SEGMENT
from services.api.queries.suggestions import UNKNOWN_SUGGESTION
from services.api.server import REALMS_DIFFER
from services.cli import app
from services.embedded.refusal import NOT_ON_A_SERVER, not_on_a_server
from services.ingest.stage import ROWS_REFUSED
from services.runtime.errors import C360Error, Fatal
from services.store.locks import DIRECTORY_IN_USE
from services.stream.dead_letters import UNKNOWN_LETTER


def _ended(error: C360Error, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """The exit code of a command that raises this error."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(SystemExit) as ended:
        app.main()
    return ended.value.code


def test_an_error_is_followed_by_the_advice_of_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text alone names no command; the command line says which one helps."""
    error = not_on_a_server()
    assert "c360 " not in str(error)
    assert _ended(error, monkeypatch) == 78
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith(f"error: {error}: 'c360 publish FILE' sends them, 'c360 worker ingest'")


def test_other_errors_stand_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a reason, or with one that needs no advice, the text is all there is."""
    for error in (Fatal("the disk is gone"), Fatal("the disk is gone", reason="disk")):
        assert _ended(error, monkeypatch) == 70
        assert capsys.readouterr().err == "error: the disk is gone\n"


def test_every_advice_ends_a_sentence() -> None:
    """It is printed behind a text that has no full stop."""
    for advice in app.ADVICE.values():
        assert advice[0] in ".,;:" or advice.startswith(" yet.")
        assert advice.endswith(".")


def test_every_advice_is_for_a_reason_of_the_code() -> None:
    """The reasons that the table names are those that errors are raised with."""
    assert set(app.ADVICE) == {
        UNKNOWN,
        REALMS_DIFFER,
        NOT_ON_A_SERVER,
        DIRECTORY_IN_USE,
        ROWS_REFUSED,
        RULES_REPLACED,
        UNKNOWN_LETTER,
        UNKNOWN_SEGMENT,
        UNKNOWN_SUGGESTION,
        UNSEEN,
    }

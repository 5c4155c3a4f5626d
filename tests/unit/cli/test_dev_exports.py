"""`c360 dev … --export`: what another shell sets, while the server runs and no longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools import exports


def test_lines_are_found_while_the_server_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Afterwards, or with the file of a killed one, there is nothing to set."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with exports.left_for_others("kafka", ["export A=1", "export B=2"]):
        assert exports.wait_for_exports("kafka", 0) == "export A=1\nexport B=2\n"
        with pytest.raises(exports.NotUp, match="c360 dev clickhouse"):
            exports.wait_for_exports("clickhouse", 0)
    with pytest.raises(exports.NotUp):
        exports.wait_for_exports("kafka", 0)
    [directory] = tmp_path.iterdir()
    (directory / "kafka.env").write_text(f"# {2**22 + 1}\nexport A=1\n")
    with pytest.raises(exports.NotUp):
        exports.wait_for_exports("kafka", 0)


def test_a_directory_of_somebody_else_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who can write there could set anything in our shell."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with exports.left_for_others("kafka", []):
        [directory] = tmp_path.iterdir()
        directory.chmod(0o777)
        with pytest.raises(exports.NotUp, match="alone"):
            exports.wait_for_exports("kafka", 0)
        directory.chmod(0o700)

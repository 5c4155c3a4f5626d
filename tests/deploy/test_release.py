"""Digests of base images: placeholders in a checkout, filled by a release, and checked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPOSE = ("compose.yaml", "compose.tracing.yaml")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of what a release fills."""
    for name in (*COMPOSE, "Dockerfile", "compose.env.example", "release.py"):
        shutil.copy(ROOT / "deploy" / name, tmp_path)
    return tmp_path


def release(directory: Path, *arguments: str, code: int) -> list[str]:
    """The lines that a command prints."""
    done = subprocess.run(
        [sys.executable, str(directory / "release.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout.splitlines()


def digests(directory: Path) -> list[str]:
    """A digest of its own for each image."""
    names = [line.partition("=")[0] for line in release(directory, "list", code=0)]
    return [f"{name}=sha256:{number:064x}" for number, name in enumerate(names, 1)]


def test_every_image_of_others_is_pinned_by_a_digest(directory: Path) -> None:
    """Each reference in Dockerfile and Compose file has a digest to fill, and no other exists."""
    listed = dict(line.split("=") for line in release(directory, "list", code=0))
    assert set(listed) == {"PYTHON", "KAFKA", "CLICKHOUSE", "PROMETHEUS", "GRAFANA", "JAEGER"}
    texts = [(directory / name).read_text("utf-8") for name in ("Dockerfile", *COMPOSE)]
    for text in texts:
        for line in text.splitlines():
            if line.startswith("FROM docker") or line.strip().startswith("image: docker"):
                assert "_DIGEST" in line, line


def test_a_checkout_is_no_release(directory: Path) -> None:
    """The check names each file and line that lacks a digest."""
    lines = release(directory, "check", code=1)
    assert {line.split(":")[0] for line in lines} == {
        *COMPOSE, "Dockerfile", "compose.env.example"
    }  # fmt: skip


def test_a_filled_tree_passes(directory: Path) -> None:
    """Every placeholder gets the digest of its own image; a later release fills again."""
    for given in (digests(directory), [f"{one[:-1]}f" for one in digests(directory)]):
        release(directory, "fill", *given, code=0)
        assert release(directory, "check", code=0) == []
        text = "".join((directory / name).read_text("utf-8") for name in COMPOSE)
        for name, digest in (one.split("=") for one in given):
            assert f"{name}_DIGEST-@{digest}}}" in text
    assert "DIGEST" not in (directory / "compose.env.example").read_text("utf-8")


@pytest.mark.parametrize("fault", ["missing", "unknown", "no digest", "placeholder"])
def test_wrong_digests_change_nothing(directory: Path, fault: str) -> None:
    """A release that forgets an image, or gives what is no digest, is refused."""
    given = digests(directory)
    wrong = {
        "missing": given[1:],
        "unknown": [*given, f"REDIS=sha256:{9:064x}"],
        "no digest": ["PYTHON=latest", *given[1:]],
        "placeholder": [f"PYTHON=sha256:{0:064x}", *given[1:]],
    }[fault]
    before = (directory / "compose.yaml").read_bytes()
    release(directory, "fill", *wrong, code=2)
    assert (directory / "compose.yaml").read_bytes() == before

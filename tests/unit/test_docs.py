"""The written documentation keeps to the tree: paths, links and tables of README and docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.api.auth import GRANTABLE, Scope
from tests.unit.test_tidy import FILES, FLOORS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "kinds").glob("*.md"),
    ]
)
ALL_PAGES = sorted({*PAGES, *(ROOT / "docs").rglob("*.md")})
REPOSITORY_PATH = re.compile(r"`((?:schemas|services|devtools|tests|docs|bench|deploy)/[\w./*-]*)`")
PATH_IN_SOURCE = re.compile(
    r"(?<![\w./<*-])((?:schemas|services|devtools|tests|docs|bench|deploy)/[\w./-]*\w)"
)
PRIVATE_WORDS = re.compile(
    r"\b(heeds?|whence|whoever|left out|put(?:s|ting)? aside|told(?!-| twice)|lone|foes?|has a say)"
    r"\b",
    re.I,
)
"""Words that earlier texts used for: apply, from where, the process that, skipped or dropped,
dead-lettered, published, not comparable, must-not-link, affects. Told twice is a term."""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose_of(page: Path) -> str:
    """The text without code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)


def fragments_of(page: Path) -> set[str]:
    """The headings of a page as links name them: lower case, hyphens for blanks, no other signs."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.M)
    kept = ("".join(c for c in one.lower() if c.isalnum() or c in "-_ ") for one in headings)
    return {one.replace(" ", "-") for one in kept}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_named_paths_exist(page: Path) -> None:
    """Every path of the repository that a page names in code is there; `*` matches something."""
    for path in REPOSITORY_PATH.findall(prose_of(page)):
        assert list(ROOT.glob(path.rstrip("/"))), f"{name_of(page)} names {path}"


def test_paths_named_in_source_exist() -> None:
    """A docstring, comment or message that names a file of the repository is not out of date."""
    for file in (one for one in FILES if "tests" not in one.parts):
        for path in PATH_IN_SOURCE.findall(file.read_text("utf-8")):
            assert list(ROOT.glob(f"{path}*")), f"{name_of(file)} names {path}"


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file, and to a heading of it if it names one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        file, _, fragment = target.partition("#")
        if "://" in target:
            continue
        path = page.parent / file if file else page
        assert path.exists(), f"{name_of(page)} links to {target}"
        if fragment and path.suffix == ".md":
            assert fragment in fragments_of(path), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_rows_of_a_table_have_equal_length(page: Path) -> None:
    """Every row of a table has as many cells as its header."""
    for table in re.findall(r"(?:^\|.*\n)+", prose_of(page), re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, f"{name_of(page)}: {table}"


def test_the_layout_lists_the_floors() -> None:
    """The architecture page has every package, on the floor that the imports are held to."""
    rows = re.findall(
        r"^\| (\d+) \| `([\w/]+)(?:/|\.py)` \|",
        (ROOT / "docs/architecture.md").read_text("utf-8"),
        re.M,
    )
    assert {package.replace("/", "."): int(floor) for floor, package in rows} == FLOORS


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_use_the_terms_of_the_field(page: Path) -> None:
    """No page falls back to private words; the glossary has the term to use instead."""
    assert not PRIVATE_WORDS.findall(prose_of(page))


def test_the_page_of_keys_names_every_scope() -> None:
    """Those that a key may have, and those that none may."""
    page = (ROOT / "docs" / "api-keys.md").read_text("utf-8")
    section = page.partition("## Scopes\n")[2].partition("\n## ")[0]
    table, _, rest = section.partition("\n\n")
    assert set(re.findall(r"`([a-z:]+)`", table)) == set(GRANTABLE)
    assert set(Scope) - GRANTABLE <= set(re.findall(r"`([a-z:]+)`", rest))

"""The console blocks of README and docs are run as pasted: commands, exit codes, printed lines.

Each section of a page is pasted into a fresh shell of its own, in a checkout as `make setup` leaves
it; servers of one section serve the next. Every command is either run or named in NOT_RUN with what
it needs. `tests.e2e.pages` says what may differ from the page.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from bench.__main__ import parser_of_all
from devtools.kafka_jars import distribution
from tests.e2e.conftest import Demo
from tests.e2e.pages import (
    CONSOLE,
    PAGES,
    ROOT,
    Section,
    Step,
    fences_of,
    is_printed,
    missing_line,
    name_of,
    sections_of,
    steps_of,
)
from tests.e2e.runs import c360
from tests.e2e.shells import Machine, Shell, machine, make_checkout
from tests.tiers import always

THE_FIXTURE = "the fixture `demo` runs it, once for all tests"
THIS_SUITE = "runs the tests that this one belongs to, or what CI runs beside them"
INSTALLS = "installs the environment that the tests run in"
OUTSIDE = "needs a ClickHouse server or cluster of one's own"
HALF_AN_HOUR = "takes up to half an hour of an idle machine"
CREDENTIALS = (
    "export C360_CLICKHOUSE_USER=c360 C360_CLICKHOUSE_PASSWORD=… "
    "C360_CLICKHOUSE_CA_FILE=/etc/c360/ca.pem"
)
ON_A_SERVER = (
    "C360_CLICKHOUSE_URL=https://… C360_CLICKHOUSE_PASSWORD=… .venv/bin/pytest -m any_store"
)
NPM_INSTALL = "npm install openapi-fetch openapi-typescript typescript@5 @types/node"
BENCHMARK = re.compile(r"make bench|\.venv/bin/python -m bench ")
NOT_RUN = {
    ("README.md", "make demo"): THE_FIXTURE,
    ("README.md", "make test"): THIS_SUITE,
    ("CONTRIBUTING.md", "make setup"): INSTALLS,
    ("CONTRIBUTING.md", "make test"): THIS_SUITE,
    ("CONTRIBUTING.md", "make lint"): THIS_SUITE,
    ("docs/chaos.md", "make chaos"): HALF_AN_HOUR,
    ("docs/chaos.md", "make chaos SEED=7"): HALF_AN_HOUR,
    (
        "docs/chaos.md",
        ".venv/bin/python -m tests.chaos --only disk --keep /tmp/chaos",
    ): HALF_AN_HOUR,
    ("docs/backup.md", "make drills"): HALF_AN_HOUR,
    ("docs/game-day.md", "make game-day"): HALF_AN_HOUR,
    ("docs/upgrade.md", "make drills"): HALF_AN_HOUR,
    ("docs/first-profile.md", "pip install ./clients/python"): INSTALLS,
    ("docs/first-profile.md", NPM_INSTALL): INSTALLS,
    ("docs/clickhouse.md", "export C360_CLICKHOUSE_URL=https://clickhouse.example:8443"): OUTSIDE,
    ("docs/clickhouse.md", CREDENTIALS): OUTSIDE,
    ("docs/clickhouse.md", "export C360_IDENTITY_SECRET=…"): OUTSIDE,
    ("docs/clickhouse.md", "c360 migrate"): OUTSIDE,
    ("docs/clickhouse.md", "c360 state digest"): OUTSIDE,
    ("docs/clickhouse.md", ON_A_SERVER): OUTSIDE,
}
"""By page and command: what keeps this test from running it."""
SERVERS = (
    "c360 dev kafka",
    "c360 dev clickhouse --data-dir dev-store",
    "c360 --data-dir shop-data up",
    "c360 --data-dir demo up",
)
"""They keep their shell: the next section is pasted into another one."""
REPEATED = (
    "c360 incidents tick",
    "c360 incidents list --limit 3",
    "c360 profile list --limit 3",
)
"""Readers repeat them until the workers have read what was published."""
CAUGHT_UP_S = 120
REBUILT = ("docs/backup.md", "docs/erasure.md", "docs/replay.md", "docs/secrets.md")
"""Pages that copy or ingest all that is there, and print nothing of it: a tenth is enough."""
TENTH, NAMED = 7_000, b"till.bauer263@mail.example"
WITHOUT_C360 = ("README.md", "CONTRIBUTING.md")
"""Pages for somebody whose shell does not have `c360` on its path yet."""
EVERY_RUN = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/first-profile.md",
    "docs/install.md",
)
"""Pages that a short run follows, too: how one begins."""
DATA = ("", "json", "mermaid", "sql", "toml", "xml", "yaml")
"""Blocks that hold no commands."""


def why_not(page: str, command: str) -> str:
    """Why a command is not run; empty if it is."""
    return HALF_AN_HOUR if BENCHMARK.match(command) else NOT_RUN.get((page, command), "")


def run_page(page: str, sections: Sequence[Section], opened: Machine) -> int:
    """Paste what can be run; how many commands that was. Fails where the page is wrong."""
    pasted = 0
    for section in sections:
        steps = [step for step in section.steps if not why_not(page, step.command)]
        if steps:
            shell = opened.open_shell(activated=page not in WITHOUT_C360)
            for step in steps:
                run_step(step, shell)
            pasted += len(steps)
    return pasted


def run_step(step: Step, shell: Shell) -> None:
    """Paste one command, and compare what it prints if the page shows that."""
    if step.command in SERVERS:
        shell.serve(step.command, partial(is_printed, step.printed))
        return
    end = time.monotonic() + (CAUGHT_UP_S if step.command in REPEATED else 0)
    while True:
        code, output = shell.paste(step.command)
        holds = code == 0 and (not step.printed or is_printed(step.printed, output))
        if holds:
            return
        assert time.monotonic() < end, f"{step.command}\nexit code {code}\n{output}"


@pytest.fixture(scope="session")
def fetched() -> None:
    """The broker's jars are here: the shells of a page may have no way out to fetch them."""
    distribution()


@pytest.fixture(scope="session")
def excerpt(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A tenth of the demo, with all events of the person whom pages name."""
    directory = tmp_path_factory.mktemp("excerpt")
    lines = (demo.data_dir / "sample.jsonl").read_bytes().splitlines(keepends=True)
    person = [one for one in lines[TENTH:] if NAMED in one]
    assert person
    (directory / "sample.jsonl").write_bytes(b"".join([*lines[:TENTH], *person]))
    data_dir = directory / "demo"
    data_dir.mkdir(mode=0o700)
    shutil.copy(demo.data_dir / "settings.env", data_dir)
    done = c360(data_dir, "ingest", str(directory / "sample.jsonl"))
    return Demo(data_dir, done.stdout)


@pytest.mark.parametrize(
    "page",
    always(
        [ROOT / one for one in EVERY_RUN], [one for one in PAGES if sections_of(one.read_text())]
    ),
    ids=name_of,
)
@pytest.mark.usefixtures("fetched")
def test_commands_run_as_pasted(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Every command of the page succeeds in a fresh shell and prints what the page prints."""
    text = page.read_text("utf-8")
    sections = sections_of(text)
    commands = [step.command for section in sections for step in section.steps]
    pasted = [one for one in commands if not why_not(name_of(page), one)]
    with machine(tmp_path) as opened:
        if any(" demo " in one for one in pasted):
            name = "excerpt" if name_of(page) in REBUILT else "demo"
            demo: Demo = request.getfixturevalue(name)
            shutil.copytree(demo.data_dir, opened.checkout / "demo", symlinks=True)
        if NPM_INSTALL in commands:
            outside: Path = request.getfixturevalue("outside")
            (opened.checkout / "node_modules").symlink_to(outside / "node_modules")
        assert run_page(name_of(page), sections, opened) == len(pasted)


def test_the_demo_prints_what_the_readme_shows(demo: Demo) -> None:
    """The first results of the README are those of `make demo`, in its order, shortened; the
    figures below them are those of its truth."""
    readme = (ROOT / "README.md").read_text("utf-8")
    [shown] = [one for one in fences_of(readme) if one.heading == "First results"]
    assert missing_line(shown.lines, demo.printed) == "", demo.printed
    truth = demo.data_dir / "truth"
    rows = {file.name: len(file.read_text("utf-8").splitlines()) for file in truth.iterdir()}
    assert f"all {rows['identities.csv'] - 1:,} identifiers" in readme  # but the head
    assert f"the {rows['errors.jsonl']:,} incidents" in readme
    assert f"The {rows['lawful.jsonl']:,} legitimate" in readme


def test_what_is_not_run_is_on_its_page_and_few() -> None:
    """No reason outlives its command, and nearly all commands are run."""
    commands = [
        (name_of(page), step.command)
        for page in PAGES
        for section in sections_of(page.read_text("utf-8"))
        for step in section.steps
    ]
    assert NOT_RUN.keys() <= set(commands)
    excused = [one for one in commands if why_not(*one)]
    assert len(excused) < len(commands) / 3, excused
    assert {name_of(page) for page in PAGES} >= set(EVERY_RUN)
    assert {*SERVERS, *REPEATED} <= {command for _, command in commands}


def test_what_is_not_run_is_at_least_known(tmp_path: Path) -> None:
    """The make targets and the benchmarks' options that pages name exist."""
    checkout = make_checkout(tmp_path / "checkout")
    for page in PAGES:
        for section in sections_of(page.read_text("utf-8")):
            for command in (one.command for one in section.steps):
                words = command.split()
                if words[0] == "make":
                    dry = ["make", "--dry-run", *words[1:]]
                    subprocess.run(dry, cwd=checkout, check=True, capture_output=True)
                elif words[1:3] == ["-m", "bench"]:
                    options = words[3 : words.index(">")] if ">" in words else words[3:]
                    parser_of_all().parse_args(options)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "tests" / "README.md"], ids=name_of)
def test_commands_are_in_console_blocks(page: Path) -> None:
    """No command hides from these tests in another block; no comment follows a command, because
    an interactive zsh would pass it on as arguments."""
    for fence in fences_of(page.read_text("utf-8")):
        if fence.language == CONSOLE:
            commands = [one.command for one in steps_of(fence.lines)]
            assert not [one for one in commands if re.search(r"\s#\s", one.splitlines()[0])]
        else:
            assert fence.language in DATA, f"{fence.heading}: {fence.language}"
            assert not [line for line in fence.lines if line.startswith("$ ")], fence.heading


@pytest.mark.parametrize(
    ("block", "fails"),
    [
        ("$ echo a\na", False),
        ("$ echo a\nb", True),
        ("$ echo a; echo b\na", True),
        ("$ seq 5\n1\n…\n5", False),
        ("$ seq 5\n1\n…\n4", True),
        ("$ false && true", True),
        ("$ false | cat", True),
        ("$ export A=1\n$ echo $A\n1", False),
        ("$ c360 no-such-command", True),
        ("$ cat <<'EOF'\na\nEOF\na", False),
        ("$ echo 'a\nb'\na\nb", False),
    ],
)
def test_a_page_that_is_wrong_fails(block: str, fails: bool, tmp_path: Path) -> None:
    """A command that fails anywhere, or prints more, less or something else, is noticed."""
    page = f"## Title\n```console\n{block}\n```\n"
    opened = Machine((), make_checkout(tmp_path / "checkout"), tmp_path / "notes")
    try:
        if fails:
            with pytest.raises(AssertionError, match="exit code"):
                run_page("docs/none.md", sections_of(page), opened)
        else:
            assert run_page("docs/none.md", sections_of(page), opened) > 0
    finally:
        opened.close()

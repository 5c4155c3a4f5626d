"""Runs `c360` as a user does, in processes of their own, with a data directory of their own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from services.cli.demo import DEMO_SECRET
from tests.e2e.warm import warm

SECRET = DEMO_SECRET
API_KEY = "end-to-end-api-key"
DEADLINE_S = 300
PROGRAM = (sys.executable, "-c", "from services.cli import main; main()")


def environment(**extra: str) -> dict[str, str]:
    """The environment of a run: nothing of ours leaks in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("C360_")}
    keys = {"C360_IDENTITY_SECRET": SECRET, "C360_API_KEYS": json.dumps([API_KEY])}
    return {**kept, **keys, **extra}


def command(data_dir: Path | None, *arguments: str) -> list[str]:
    """The command line of a run."""
    where = [] if data_dir is None else ["--data-dir", str(data_dir)]
    return [*PROGRAM, *where, *arguments]


def c360(
    data_dir: Path | None, *arguments: str, code: int = 0, stdin: bytes | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end and check the exit code."""
    done = attempt(data_dir, *arguments, stdin=stdin, **env)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def attempt(
    data_dir: Path | None, *arguments: str, stdin: bytes | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run to the end, whatever the exit code is."""
    own = environment(**env)
    whole = command(data_dir, *arguments)
    if all(one.startswith("C360_") for one in env):
        done = warm().run(whole[len(PROGRAM) :], stdin, own, DEADLINE_S)
    else:  # others may count before a fork
        done = subprocess.run(
            whole, input=stdin, capture_output=True, env=own, timeout=DEADLINE_S, check=False
        )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def c360_json(data_dir: Path, *arguments: str) -> Any:
    """The JSON that a command prints."""
    return json.loads(c360(data_dir, *arguments).stdout)


def digest(data_dir: Path) -> dict[str, str]:
    """The state digest by section."""
    found: dict[str, str] = c360_json(data_dir, "state", "digest", "--json")
    return found


def ingest_with_kills(data_dir: Path, file: Path, kills: int, seed: int, span_s: float) -> int:
    """Ingest a file, killed with SIGKILL `kills` times on the way; the number of kills that hit.

    Each kill comes at a seeded moment within `span_s` seconds; a run that ends before is over.
    """
    rng = random.Random(seed)
    hits = 0
    while hits < kills:
        process = subprocess.Popen(
            command(data_dir, "ingest", str(file)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(C360_BATCH_EVENTS_MAX="700"),
        )
        try:
            process.wait(timeout=rng.uniform(0.3, 1) * span_s)
            span_s *= 0.7  # it ended first: be quicker
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            hits += 1
    c360(data_dir, "ingest", str(file))
    return hits


def wait_for(condition: Any, deadline_s: float = 60) -> Any:
    """The first true value of the condition. Fails when the deadline passes."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("the condition was not met in time")

"""Commands of `c360` as processes that need not load the program first.

One process has loaded the modules of all commands, and forks for each: the command has its own
process, arguments, settings, directory, streams and exit code, and everything that it loads only
when it runs (the engine among it). What it saves is more than half of the CPU of a short command.
What a command loads, and that it starts at all, is shown by the tests that start it as a user does
(`runs.command`, test_start_up, test_docs_run, test_wheel).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

NOT_LOADED = frozenset({"worker", "demo", "dev", "sample"})
"""Commands that load much that others do not need, or that start threads."""
REQUEST_BYTES_MAX = 1 << 20
READY_S = 60.0


class WarmProcess:
    """The process that has loaded everything; for one process of pytest."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="c360-warm-")
        self._path = f"{self._directory.name}/socket"
        program = "import sys; from tests.e2e.warm import serve; serve(sys.argv[1])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, self._path],
            stdin=subprocess.PIPE,  # it ends with us, however we end
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            env={k: v for k, v in os.environ.items() if not k.startswith("C360_")},
        )
        end = time.monotonic() + READY_S
        while not Path(self._path).exists():
            assert self._process.poll() is None, "it could not load the commands"
            assert time.monotonic() < end
            time.sleep(0.02)
        atexit.register(self.close)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._directory.cleanup()

    def run(
        self, arguments: list[str], stdin: bytes | None, env: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, as `subprocess.run` does."""
        with ExitStack() as opened, socket.socket(socket.AF_UNIX) as connection:
            out, err = (opened.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            reading, writing = os.pipe()
            try:
                connection.connect(self._path)
                files = [reading, out.fileno(), err.fileno()]
                request = json.dumps([arguments, env, os.getcwd()]).encode() + b"\n"
                socket.send_fds(connection, [request[:1]], files)
                connection.sendall(request[1:])
            finally:
                os.close(reading)
            feeding = threading.Thread(target=_feed, args=(writing, stdin or b""))
            feeding.start()
            status = _status(connection, arguments, timeout_s)
            feeding.join()
            return subprocess.CompletedProcess(arguments, status, _all_of(out), _all_of(err))


@cache
def warm() -> WarmProcess:
    """The one of this process of pytest."""
    return WarmProcess()


def _feed(file: int, data: bytes) -> None:
    try:
        with os.fdopen(file, "wb") as pipe:
            pipe.write(data)
    except BrokenPipeError:
        pass  # the command does not read all of it


def _status(connection: socket.socket, arguments: list[str], timeout_s: float) -> int:
    """The exit code; minus the number of a signal."""
    answers = connection.makefile("rb")
    pid = int(answers.readline())
    connection.settimeout(timeout_s)
    try:
        return os.waitstatus_to_exitcode(int(answers.readline()))
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(arguments, timeout_s) from None


def _all_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def serve(path: str) -> None:
    """Load the commands, then fork for each that is asked for; a fork returns when it is done."""
    import services.cli

    for one in pkgutil.iter_modules(services.cli.__path__):
        if one.name not in NOT_LOADED:
            import_module(f"services.cli.{one.name}")
    assert threading.active_count() == 1, "a fork would have one thread of several"
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(8)
    os.rename(f"{path}.new", path)  # it is there once it can be connected to
    watching = set[int]()
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        watching -= {one for one in watching if os.waitpid(one, os.WNOHANG)[0]}
        if (watcher := os.fork()) == 0:
            break
        watching.add(watcher)
        connection.close()
    else:
        return
    first, files, _, _ = socket.recv_fds(connection, 1, 3)
    rest = connection.makefile("rb").readline(REQUEST_BYTES_MAX)
    if pid := os.fork():
        connection.sendall(f"{pid}\n".encode())
        for file in files:
            os.close(file)
        _, status = os.waitpid(pid, 0)
        connection.sendall(f"{status}\n".encode())
        os._exit(0)
    arguments, env, directory = json.loads(first + rest)
    for opened in (listener, connection):
        opened.detach()  # closed below, by number
    _become(arguments, env, directory, files)
    services.cli.main()


def _become(arguments: list[str], env: dict[str, str], directory: str, files: list[int]) -> None:
    """Have the arguments, settings, directory and streams of the command, and no other file."""
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, 256)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = ["-c", *arguments]
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)  # type: ignore[misc]
    messages = os.fdopen(2, "w", closefd=False, errors="backslashreplace", buffering=1)
    sys.stderr = sys.__stderr__ = messages  # type: ignore[misc]

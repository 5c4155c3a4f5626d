"""Carries the steps of deploy/Dockerfile out in a plain directory, and runs what came of it.

Needs root on Linux: each step runs in a mount namespace of its own, in which this machine's system
and Python stand for the base image, read-only. What it proves is everything after the first `FROM`;
the base image itself it cannot prove.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from devtools.image.dockerfile import Stage, expand, lineage, pairs, stages, words
from services.runtime.errors import ConfigurationError

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = PROJECT / "deploy" / "Dockerfile"
SYSTEM = ("usr", "bin", "lib", "lib64", "sbin", "etc")
"""What a base image brings; links of this machine stay links."""
DEVICES = ("null", "zero", "full", "random", "urandom")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
NETWORK = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy")
"""What a step of a build may take from this machine: how to reach a package registry."""
BUILD_S = 900
ENTER = """
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
for one in $SYSTEM; do
  [ -L "/$one" ] || { mount --rbind "/$one" "$ROOT/$one"; mount -o remount,bind,ro "$ROOT/$one"; }
done
case "$PREFIX" in /usr) ;; *)
  mount --bind "$PREFIX" "$ROOT$PREFIX"; mount -o remount,bind,ro "$ROOT$PREFIX";;
esac
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
for one in $DEVICES; do touch "$ROOT/dev/$one"; mount --bind "/dev/$one" "$ROOT/dev/$one"; done
mount -t proc proc "$ROOT/proc"
for one in $VOLUMES; do mount --bind "$STATE/$one" "$ROOT/$one"; done
[ -z "$READ_ONLY" ] || mount -o remount,bind,ro "$ROOT"
exec chroot "$ROOT" "$@"
"""
"""The command after it runs as the first process of a namespace of processes."""


@dataclass(frozen=True)
class Image:
    """A target of the Dockerfile, built in `root`.

    Args:
        root: the directory that stands for the image's file system.
        chain: its stages, the first one first.
    """

    root: Path
    chain: tuple[Stage, ...]

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment of its processes."""
        return _environment(self.chain)

    @property
    def user(self) -> str:
        """`uid:gid` of its processes."""
        return self._last("USER")

    @property
    def volumes(self) -> list[str]:
        """The directories that may be written."""
        return words(self._last("VOLUME"))

    @property
    def entrypoint(self) -> list[str]:
        """What the words of a command are given to."""
        return words(self._last("ENTRYPOINT"))

    @property
    def health(self) -> list[str]:
        """The command of HEALTHCHECK."""
        return words(self._last("HEALTHCHECK").partition(" CMD ")[2])

    def command(
        self, state: Path, arguments: Sequence[str], env: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """A command in the image, as its user, with a read-only file system and no privilege: what
        to run, and in which environment.

        `state` holds the volumes of this container; it is filled from the image when it is new.
        """
        uid, gid = self.user.split(":")
        for volume in self.volumes:
            home = state / volume.lstrip("/")
            if not home.exists():
                home.parent.mkdir(parents=True, exist_ok=True)
                _copy(self.root / volume.lstrip("/"), home)
        drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs"]
        drop += ["--bounding-set=-all", "--inh-caps=-all"]
        inside = [f"{name}={value}" for name, value in {**self.env, **env}.items()]
        where = [f"--chdir={self._last('WORKDIR')}"]
        return (
            [*NAMESPACE, "env", "-i", *where, *inside, *drop, *arguments],
            _entering(self.root, state, self.volumes),
        )

    def _last(self, name: str) -> str:
        found = [value for stage in self.chain for value in stage.values(name)]
        if not found:
            raise ConfigurationError(f"no {name} in {DOCKERFILE.name}")
        return found[-1]


NAMESPACE = (
    "unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--", "sh", "-c", ENTER, "sh",
)  # fmt: skip


def build(targets: Sequence[str], directory: Path, **arguments: str) -> list[Image]:
    """Carry out every stage that the targets need, below `directory`, each once; `arguments` as
    `--build-arg`.

    Raises:
        ConfigurationError: not root, or a step failed; its output is in the message.
    """
    if os.geteuid() != 0:
        raise ConfigurationError("only root can carry the steps of an image out: sudo make …")
    found, done = stages(DOCKERFILE), dict[str, Path]()
    for target in targets:
        if target not in found:
            raise ConfigurationError(f"{target} is no stage; there are {', '.join(found)}")
        if target not in done:
            _stage(found, target, directory, done, arguments)
    return [Image(done[target], tuple(lineage(found, target))) for target in targets]


def _stage(
    found: Mapping[str, Stage],
    name: str,
    directory: Path,
    done: dict[str, Path],
    arguments: Mapping[str, str],
) -> None:
    """One stage, after those that it takes from."""
    stage = found[name]
    root = directory / name
    for other in [stage.parent, *_sources(stage)]:
        if other in found and other not in done:
            _stage(found, other, directory, done, arguments)
    if stage.parent in done:
        _copy(done[stage.parent], root)
    else:
        _empty_root(root)
    done[name] = root
    inherited = lineage(found, stage.parent)
    given = {k: v for one in inherited for k, v in _arguments(one, arguments).items()}
    where = next((v for one in reversed(inherited) for v in one.values("WORKDIR")[-1:]), "/")
    env = _environment(inherited)
    for name_of, value in stage.steps:
        if name_of == "ARG":
            given |= {k: arguments.get(k, v) for k, v in pairs(value).items()}
        elif name_of == "ENV":
            env |= pairs(expand(value, {**given, **env}))
        elif name_of == "WORKDIR":
            where = value
            (root / where.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name_of == "RUN":
            _run(root, value, where, {**given, **env})
        elif name_of == "COPY":
            _carry_over(root, value, where, done)


def _arguments(stage: Stage, given: Mapping[str, str]) -> dict[str, str]:
    named = {k: v for value in stage.values("ARG") for k, v in pairs(value).items()}
    return {name: given.get(name, default) for name, default in named.items()}


def _environment(chain: Sequence[Stage]) -> dict[str, str]:
    env = {"PATH": os.pathsep.join([f"{sys.base_prefix}/bin", PATH])}
    for stage in chain:
        for value in stage.values("ENV"):
            env |= pairs(expand(value, env))
    return env


def _sources(stage: Stage) -> Iterator[str]:
    for value in stage.values("COPY"):
        yield from (w.partition("=")[2] for w in value.split() if w.startswith("--from="))


def _empty_root(root: Path) -> None:
    """Places for what the base image has; the rest of it stays empty."""
    for name in (*SYSTEM, "dev", "proc", "tmp", "var/lib", "opt"):
        ours, theirs = root / name, Path("/", name)
        if theirs.is_symlink():
            ours.symlink_to(os.readlink(theirs))
        else:
            ours.mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    if sys.base_prefix != "/usr":
        (root / sys.base_prefix.lstrip("/")).mkdir(parents=True, exist_ok=True)


def _run(root: Path, line: str, where: str, env: Mapping[str, str]) -> None:
    reach = {k: v for k, v in os.environ.items() if k.startswith(NETWORK)}
    given = [f"{name}={value}" for name, value in {"HOME": "/tmp", **reach, **env}.items()]
    done = subprocess.run(
        [*NAMESPACE, "env", "-i", f"--chdir={where}", *given, "/bin/sh", "-c", line],
        env=_entering(root, None, ()),
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(f"RUN {line}\n{done.stdout}{done.stderr}")


def _entering(root: Path, state: Path | None, volumes: Sequence[str]) -> dict[str, str]:
    """The environment of the script that enters a root: what it mounts where."""
    return {
        "PATH": PATH,
        "ROOT": str(root),
        "PREFIX": sys.base_prefix,
        "SYSTEM": " ".join(SYSTEM),
        "DEVICES": " ".join(DEVICES),
        "VOLUMES": " ".join(one.lstrip("/") for one in volumes),
        "STATE": str(state),
        "READ_ONLY": "" if state is None else "yes",
    }


def _carry_over(root: Path, value: str, where: str, done: Mapping[str, Path]) -> None:
    """COPY: files of the build context or of another stage, with the owner that it names."""
    options = [word for word in value.split() if word.startswith("--")]
    named = dict(word[2:].split("=", 1) for word in options)
    *sources, last = [word for word in value.split() if not word.startswith("--")]
    context = done[named["from"]] if "from" in named else PROJECT
    target = root / (last if last.startswith("/") else f"{where}/{last}").lstrip("/")
    for source in sources:
        origin = context / source.lstrip("/")
        inside = last.endswith("/") or (len(sources) > 1)
        place = target / origin.name if inside else target
        place.parent.mkdir(parents=True, exist_ok=True)
        _copy(origin, place)
        if "chown" in named:
            uid, gid = map(int, named["chown"].split(":"))
            for one in (place, *place.rglob("*")):
                os.chown(one, uid, gid, follow_symlinks=False)


def _copy(origin: Path, place: Path) -> None:
    """With owners, modes and times; bytecode and caches of a checkout stay behind, as
    .dockerignore says."""
    if origin.is_dir():
        subprocess.run(["cp", "-a", "-T", str(origin), str(place)], check=True)
        if PROJECT in origin.parents:
            for cache in place.rglob("__pycache__"):
                shutil.rmtree(cache)
    else:
        shutil.copy2(origin, place)

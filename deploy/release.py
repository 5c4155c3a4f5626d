"""Digests of the images that we build on: a release fills them in, and checks that none is missing.

    python deploy/release.py list                              what to resolve: NAME and reference
    python deploy/release.py fill PYTHON=sha256:… KAFKA=sha256:… …
    python deploy/release.py check                             exit code 1 while one is missing

A checkout has placeholders that no registry knows, so nothing is built on an unknown image by
mistake. Resolving a reference is up to the one who releases: this program reaches no registry.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
FILES = ("Dockerfile", "compose.yaml", "compose.tracing.yaml", "compose.env.example")
NONE = "sha256:" + "0" * 64
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REFERENCE = re.compile(r"(docker\.io/\S+?)\$\{(\w+)_DIGEST\b")
EMPTY = re.compile(r"^(?:# In a checkout images.*|\w+_DIGEST=)\n", re.M)


def references(directory: Path) -> dict[str, str]:
    """The images by the name of their digest: `KAFKA` → `docker.io/apache/kafka:4.3.1`."""
    texts = ((directory / name).read_text("utf-8") for name in FILES)
    return {name: image for text in texts for image, name in REFERENCE.findall(text)}


def missing(directory: Path) -> list[str]:
    """`file:line: text` of every digest that is not filled in."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name in FILES
        for number, line in enumerate((directory / name).read_text("utf-8").splitlines(), 1)
        if NONE in line or EMPTY.match(f"{line}\n")
    ]


def fill(directory: Path, digests: dict[str, str]) -> None:
    """Write the digests. Raises ValueError unless every image gets one, and each is one."""
    if wrong := set(digests) ^ set(references(directory)):
        raise ValueError(f"not given, or not known: {', '.join(sorted(wrong))}")
    if bad := [name for name, one in digests.items() if not DIGEST.fullmatch(one) or one == NONE]:
        raise ValueError(f"no digests: {', '.join(bad)}")
    for name in FILES:
        text = (directory / name).read_text("utf-8")
        for image, digest in digests.items():
            text = re.sub(rf"({image}_DIGEST[=-]@){DIGEST.pattern}", rf"\g<1>{digest}", text)
        (directory / name).write_text(EMPTY.sub("", text), "utf-8")


def main(arguments: Sequence[str], directory: Path = DEPLOY) -> int:
    """Run a command; the exit code."""
    match list(arguments):
        case ["list"]:
            lines = [f"{name}={image}" for name, image in references(directory).items()]
        case ["check"]:
            lines = missing(directory)
        case ["fill", *given]:
            try:
                fill(directory, dict(one.split("=", 1) for one in given))
            except ValueError as error:
                sys.stderr.write(f"error: {error}\n")
                return 2
            lines = []
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return int(arguments[0] == "check" and bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

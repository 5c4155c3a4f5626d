"""The instructions of a Dockerfile, read as far as ours uses the language.

It knows stages, arguments, continued lines and the two forms of commands. An instruction that it
does not know is refused: a step that is skipped silently would prove nothing.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from services.runtime.errors import ConfigurationError

KNOWN = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN",
    "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class Instruction(NamedTuple):
    """One instruction: `RUN`, and all that follows."""

    name: str
    value: str


@dataclass
class Stage:
    """`FROM parent AS name`, and the instructions up to the next one."""

    name: str
    parent: str
    steps: list[Instruction] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """What follows each instruction of a name."""
        return [step.value for step in self.steps if step.name == name]


def instructions(text: str) -> Iterator[Instruction]:
    """Every instruction in order. Raises ConfigurationError for one that we do not know."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for logical in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if logical.strip():
            name, _, value = logical.strip().partition(" ")
            if name.upper() not in KNOWN:
                raise ConfigurationError(f"{name} is an instruction that nobody carries out here")
            yield Instruction(name.upper(), " ".join(value.split()))


def stages(path: Path) -> dict[str, Stage]:
    """The stages of a Dockerfile by name; the last one is what is built without a target."""
    found: dict[str, Stage] = {}
    before: dict[str, str] = {}
    for one in instructions(path.read_text("utf-8")):
        if one.name == "FROM":
            words = expand(one.value, before).split()
            name = words[2] if len(words) == 3 else words[0]
            found[name] = Stage(name, words[0])
        elif not found:
            before |= pairs(one.value)
        else:
            list(found.values())[-1].steps.append(one)
    return found


def lineage(found: Mapping[str, Stage], target: str) -> list[Stage]:
    """A stage and those that it is made from, the first one first."""
    chain: list[Stage] = []
    while target in found:
        chain.insert(0, found[target])
        target = found[target].parent
    return chain


def pairs(value: str) -> dict[str, str]:
    """`A=1 B="two words"` of ENV, LABEL and ARG; an argument without a value is empty."""
    return {name: text for name, _, text in (word.partition("=") for word in shlex.split(value))}


def expand(value: str, variables: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}`, as in all instructions but RUN, which leaves them to the shell."""
    return VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), value)


def words(value: str) -> list[str]:
    """A list as ENTRYPOINT, CMD and VOLUME have it. Raises ConfigurationError for a shell's line,
    under which no process would get signals."""
    try:
        listed: list[str] = json.loads(value)
    except ValueError as error:
        raise ConfigurationError(f"{value}: write it as a JSON list") from error
    return listed

"""`python -m devtools.image.sbom TOOL DIRECTORY`: what each flavour holds, and its licences.

The inventory is taken by cyclonedx-py (TOOL) from the installed tree, not from a lock file, and
must then be exactly the lock file's. Packages of the base image are no part of it. Needs root.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from devtools.image.tree import PROJECT, build

FLAVOURS = {"workers": "runtime", "embedded": "embedded"}
"""Targets of the Dockerfile, and their lock files."""
LICENSES = PROJECT / "deploy" / "licenses.toml"
WORDS = {"AND", "OR", "WITH"}
MARKER = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+))?", re.M)
Bom = dict[str, Any]


class Component(NamedTuple):
    """A package: its name as package registries write it, version, and what it says of licences."""

    name: str
    version: str
    licenses: tuple[str, ...]


class Rules(NamedTuple):
    """Licences that are allowed, and what classifiers mean."""

    allowed: frozenset[str]
    classifiers: dict[str, str]


def components(bom: Bom) -> list[Component]:
    """The packages of a CycloneDX document, by name. Texts of licences are no names."""
    found = [
        Component(normalised(one["name"]), one["version"], tuple(_licenses(one)))
        for one in bom["components"]
    ]
    return sorted(found)


def _licenses(component: dict[str, Any]) -> Iterator[str]:
    for one in component.get("licenses", ()):
        license_ = one.get("license", {})
        if "text" not in license_:
            yield one.get("expression") or license_.get("id") or license_["name"]


def normalised(name: str) -> str:
    """`backports.zstd` and `backports-zstd` are one package."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rules() -> Rules:
    """As deploy/licenses.toml has them."""
    written = tomllib.loads(LICENSES.read_text("utf-8"))
    return Rules(frozenset(written["allowed"]), written["classifiers"])


def refused(found: list[Component], by: Rules) -> Iterator[str]:
    """Packages of a licence that is not allowed, or of none that is known. Of a choice (`OR`) all
    must be allowed, too: simple, and strict."""
    for one in found:
        names = [by.classifiers.get(name, name) for name in one.licenses]
        atoms = {atom for name in names for atom in re.findall(r"[\w.+-]+", name)} - WORDS
        if not atoms:
            yield f"{one.name} {one.version} says nothing of a licence"
        for atom in sorted(atoms - by.allowed):
            yield f"{one.name} {one.version}: {atom} ({'; '.join(one.licenses)})"


def differences(found: list[Component], lock: str, own: str) -> Iterator[str]:
    """Where an inventory is not what the lock file says for this machine, and our own package."""
    from packaging.markers import Marker

    wanted = {
        (normalised(one["name"]), one["version"])
        for one in MARKER.finditer(lock)
        if not one["marker"] or Marker(one["marker"].strip()).evaluate()
    }
    held = {(one.name, one.version) for one in found if one.name != own}
    yield from (f"{name} {version} is locked, not installed" for name, version in wanted - held)
    yield from (f"{name} {version} is installed, not locked" for name, version in held - wanted)
    if own not in {one.name for one in found}:
        yield f"{own} is not installed"


def table(found: list[Component]) -> str:
    """The list of licences for readers."""
    rows = [f"| {one.name} | {one.version} | {'; '.join(one.licenses)} |" for one in found]
    return "\n".join(["| package | version | licence |", "|---|---|---|", *rows, ""])


def main(tool: str, directory: Path) -> int:
    """Build both flavours, and write and check what they hold; 1 if something is wrong."""
    directory.mkdir(parents=True, exist_ok=True)
    faults = []
    with tempfile.TemporaryDirectory() as place:
        for image, (name, lock) in zip(
            build(list(FLAVOURS), Path(place)), FLAVOURS.items(), strict=True
        ):
            out = directory / f"customer360-{name}.cdx.json"
            options = ("--output-reproducible", "--gather-license-texts", "--of", "JSON")
            python = image.root / "opt" / "c360" / "bin" / "python"
            subprocess.run([tool, "environment", *options, "-o", out, python], check=True)
            found = components(json.loads(out.read_text("utf-8")))
            (directory / f"licenses-{name}.md").write_text(table(found), "utf-8")
            text = (PROJECT / "deploy" / "locks" / f"{lock}.lock").read_text("utf-8")
            faults += [*refused(found, rules()), *differences(found, text, "customer360")]
            sys.stdout.write(f"{out}: {len(found)} packages\n")
    sys.stderr.writelines(f"error: {one}\n" for one in faults)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))

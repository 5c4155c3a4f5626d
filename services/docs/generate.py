"""`python -m services.docs.generate`: write contracts, a client, reference pages, manifests.

With `--check` nothing is written; outdated files are listed, and the exit code is 1. Output depends
on the code alone: no dates, no absolute paths, no hash order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from services.docs.asyncapi import asyncapi_document
from services.docs.import_maps_page import import_maps_page
from services.docs.imports_page import imports_page
from services.docs.interface_page import interface_page
from services.docs.json_schema import (
    import_map_schema,
    incident_schema,
    profile_schema,
    segment_change_schema,
    segments_schema,
    touchpoint_schema,
)
from services.docs.mail_page import mail_page
from services.docs.manifests import manifests
from services.docs.metrics_page import metrics_page
from services.docs.openapi import openapi_document
from services.docs.python_client import client_files
from services.docs.rules_page import rules_page
from services.docs.segments_page import segments_page
from services.docs.settings_page import settings_page
from services.docs.shops_page import shops_page
from services.docs.topics_page import topics_page
from services.docs.touchpoints_page import touchpoints_page
from services.docs.tracking_page import tracking_page

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python -m services.docs.generate"
DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "schemas/generated/touchpoint.schema.json": touchpoint_schema,
    "schemas/generated/profile.schema.json": profile_schema,
    "schemas/generated/incident.schema.json": incident_schema,
    "schemas/generated/segments.schema.json": segments_schema,
    "schemas/generated/segment-change.schema.json": segment_change_schema,
    "schemas/generated/import-map.schema.json": import_map_schema,
    "schemas/generated/asyncapi.json": asyncapi_document,
    "schemas/generated/openapi.json": openapi_document,
}
PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/touchpoints.md": touchpoints_page,
    "docs/reference/interface.md": interface_page,
    "docs/reference/topics.md": topics_page,
    "docs/reference/imports.md": imports_page,
    "docs/reference/consistency-rules.md": rules_page,
    "docs/reference/segments.md": segments_page,
    "docs/reference/tracking.md": tracking_page,
    "docs/reference/mail.md": mail_page,
    "docs/reference/shops.md": shops_page,
    "docs/reference/import-maps.md": import_maps_page,
    "docs/settings.md": settings_page,
    "docs/metrics.md": metrics_page,
}


def outputs() -> dict[str, str]:
    """Every generated file: its path in the repository and its text."""
    return dict(_outputs())


@cache
def _outputs() -> dict[str, str]:
    """They depend on the code alone, so once is enough."""
    texts = {
        path: json.dumps(build(), indent=2, ensure_ascii=False) + "\n"
        for path, build in DOCUMENTS.items()
    }
    pages = {path: build() for path, build in PAGES.items()}
    return texts | pages | client_files() | manifests(ROOT)


def stale(root: Path, texts: dict[str, str]) -> list[str]:
    """Paths of files that are missing, differ, or are no longer generated."""
    differing = [path for path, text in texts.items() if _read(root / path) != text]
    folder = root / "schemas" / "generated"
    found = {path.relative_to(root).as_posix() for path in folder.glob("*.json")}
    return sorted({*differing, *(found - set(texts))})


def _read(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8") if path.is_file() else None


def write(root: Path, texts: dict[str, str]) -> None:
    """Write every file, and remove documents that are no longer generated."""
    for path in stale(root, texts):
        target = root / path
        if path in texts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(texts[path].encode("utf-8"))
        else:
            target.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="repository to write to or check")
    options = parser.parse_args(arguments)
    texts = outputs()
    if not options.check:
        write(options.root, texts)
        return 0
    differing = stale(options.root, texts)
    if differing:
        listed = "\n  ".join(differing)
        sys.stderr.write(f"stale, run '{COMMAND}' and commit the result:\n  {listed}\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

"""DSFinV-K 2.x: the export of a till in Germany, a ZIP archive or a directory with `index.xml`.

It is a format of whole files: a receipt stands in six of its tables.
"""

from __future__ import annotations

from services.intake.dsfinvk.export import read_archive, read_unpacked
from services.intake.format import FileFormat

FORMAT = FileFormat("dsfinvk", read_archive, read_unpacked)
"""Exports of tills for the tax office."""

"""`python -m devtools.image TARGET DIRECTORY`: the steps of an image, carried out (needs root)."""

from __future__ import annotations

import sys
from pathlib import Path

from devtools.image.tree import build

if __name__ == "__main__":
    target, directory = sys.argv[1:]
    [image] = build([target], Path(directory).absolute())
    sys.stdout.write(f"{image.root}\n")

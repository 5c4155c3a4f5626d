"""`python -m tests.contract.write_tables`: what the tables become, written as what is expected."""

from __future__ import annotations

import json

from tests.contract.test_tables import CASES, became, files_of


def main() -> None:
    """Write what the first file of each case becomes; the tests compare all others with it."""
    for case in CASES:
        found = became(case, files_of(case)[0])
        text = "".join(f"{line}\n" for line in found.lines)
        (case / "expected.jsonl").write_text(text, "utf-8")
        refused = json.dumps(found.refused, indent=1, ensure_ascii=False)
        (case / "refused.json").write_text(f"{refused}\n", "utf-8")


if __name__ == "__main__":
    main()

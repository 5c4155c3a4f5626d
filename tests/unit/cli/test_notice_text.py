"""What `c360 identity suspicious` prints of values that senders chose."""

from __future__ import annotations

from datetime import UTC

import pytest

from services.cli.notices import _print_evidence, _print_proposal

MARKUP = "[/x] [link=https://evil.example]here[/link]"


def test_markup_and_line_breaks_of_a_sender_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing in them is taken for markup, and they stay on their line."""
    system = f"{MARKUP}\n  from shop"
    sender = {"system": system, "store": "[/y]", "till": "", "channel": "pos", "events": 3}
    notice = {
        "number": 1,
        "counted": "",
        "evidence": {
            "is_cut": False, "events": 3, "most_in_a_day": 3, "profiles": 2, "samples": [],
            "senders": [sender],
        },
        "proposal": {"text": f"have {system} leave it out", "rules": "", "pair": []},
    }  # fmt: skip

    _print_evidence(notice, UTC)
    _print_proposal(notice, "default")

    shown = capsys.readouterr().out
    assert f"  from {MARKUP}\\n  from shop, store [/y] (pos): 3\n" in shown
    assert f"  have {MARKUP}\\n  from shop leave it out\n" in shown

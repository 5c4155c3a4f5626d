"""What `c360 ingest` says of rejected events: only where something is kept it points there."""

from __future__ import annotations

import pytest

from schemas.reject import NOT_KEPT, RejectReason
from services.cli.ingest import _require_some, _what_is_kept
from services.ingest.lines import InputError
from services.ingest.measure import Tally
from services.ingest.stage import Result, Status


def tally_of(*reasons: RejectReason) -> Tally:
    """Of rejected events only."""
    return Tally(Result("", Status.REJECTED, str(reason)) for reason in reasons)


def test_what_is_kept_can_be_shown() -> None:
    """And sent again."""
    tally = tally_of(RejectReason.NOT_JSON)
    assert _what_is_kept(tally) == "Rejected events are kept: 'c360 rejected list'."
    with pytest.raises(InputError, match="'c360 rejected show ID' one of them as it was sent"):
        _require_some(tally)


@pytest.mark.parametrize("reason", sorted(NOT_KEPT))
def test_of_some_only_the_reason_is_kept(reason: RejectReason) -> None:
    """Nothing points to a text that is not there."""
    said = f"Of those rejected as {reason} only the reason is kept."
    assert _what_is_kept(tally_of(reason)) == said
    with pytest.raises(InputError, match=r"'c360 rejected list' shows why\.$"):
        _require_some(tally_of(reason))
    both = _what_is_kept(tally_of(reason, RejectReason.NOT_JSON))
    assert both == f"Rejected events are kept: 'c360 rejected list'. {said}"

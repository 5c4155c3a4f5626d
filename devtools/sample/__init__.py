"""The sample stream: real till baskets re-told as a semi-synthetic omnichannel stream, with truth.

It writes the question and its answer, so it imports nothing that finds answers: only the contracts
of `schemas`, pyarrow for the baskets, and its own modules.
"""

from devtools.sample.builder import SampleReport, build_sample

__all__ = ["SampleReport", "build_sample"]

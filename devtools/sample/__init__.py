"""The sample stream: real till baskets as a semi-synthetic omnichannel stream, with ground truth.

It writes both the question and the answer, so it imports none of the code that computes answers:
only the contracts of `schemas`, pyarrow for the baskets, and its own modules.
"""

from devtools.sample.builder import SampleReport, build_sample

__all__ = ["SampleReport", "build_sample"]

"""POSLog 2 to 6 (ARTS, now OMG): transactions of tills as an XML document.

It is a format of whole files: transactions are streamed from a document of any size.
"""

from __future__ import annotations

from services.intake.format import FileFormat
from services.intake.poslog.log import read_log

FORMAT = FileFormat("poslog", read_log)
"""Transaction logs of tills."""

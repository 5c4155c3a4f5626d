"""Receipts in a plain table (CSV), for tills that export nothing else: one row for each line.

The columns are fixed, with names in English and German (services/intake/tills/columns.py).
"""

from __future__ import annotations

from services.intake.format import FileFormat
from services.intake.tills.receipt_table import read_table

FORMAT = FileFormat("receipts", read_table)
"""Any till's receipts, as a spreadsheet has them."""

"""What the formats of tills share: receipts, amounts, times, and tables."""

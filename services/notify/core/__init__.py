"""Pure: what is told, to whom, when, and in which form."""

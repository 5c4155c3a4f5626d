"""Identity: which identifiers are one person, kept as a map separate from the facts."""

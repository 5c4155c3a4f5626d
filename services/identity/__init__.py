"""Identity: which identifiers are one person, kept as a map beside the facts."""

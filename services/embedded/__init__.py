"""One process, one data directory: puts the stages together, decides nothing."""

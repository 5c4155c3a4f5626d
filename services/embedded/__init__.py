"""One process, one data directory: composes the stages, decides nothing."""

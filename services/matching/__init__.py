"""Match suggestions: which profiles may be one person although no identifier says so."""

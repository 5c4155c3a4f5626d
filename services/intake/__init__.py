"""The ways in: HTTP, files, the queue of a running engine, and the formats of sources."""

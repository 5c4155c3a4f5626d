"""Ingest: lines of touchpoints become facts, edges and claims."""

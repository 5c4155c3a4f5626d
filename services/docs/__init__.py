"""Generates the published contracts and reference pages; a tool, never imported by services."""

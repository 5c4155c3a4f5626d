"""Stores behind the port of the consistency service."""

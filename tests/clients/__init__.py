"""Clients of the API: our own, and those that others generate from the OpenAPI document."""

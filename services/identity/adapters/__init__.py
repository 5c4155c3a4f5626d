"""Stores of the identity graph and map."""

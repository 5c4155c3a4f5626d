"""Measures: facts and map → figures about groups of customers, with their uncertainty."""

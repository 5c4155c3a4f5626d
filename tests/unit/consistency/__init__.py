"""Tests of the consistency core: what is an incident, from when to when, and what never is."""

"""Persons in comparable form, what is compared and how much it weighs. No engine, no clock."""

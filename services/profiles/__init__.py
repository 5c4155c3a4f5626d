"""Profiles: facts and map become golden record, figures and timeline."""

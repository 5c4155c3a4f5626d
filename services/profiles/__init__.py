"""Profiles: facts and map combined into golden record, figures and timeline."""

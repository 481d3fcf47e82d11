"""Postgres and the object folder: queries by name; rows become domain objects here and nowhere else."""

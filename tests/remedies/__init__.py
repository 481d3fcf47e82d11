"""Remedies: from a true alarm to a better model, under control."""

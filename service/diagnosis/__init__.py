"""Diagnosis: whether all that the service rests on is well, and what to do where it is not; for `stepwedge doctor` and the page Service."""

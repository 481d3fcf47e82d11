"""Synthetic films, a small model and a stream in which something really drifts."""

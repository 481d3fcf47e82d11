"""Measurements that README quotes; each prints one JSON object last."""

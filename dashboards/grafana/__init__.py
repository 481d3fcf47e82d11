"""Grafana dashboards as code. `python -m dashboards.grafana` writes the JSON that is committed beside it."""

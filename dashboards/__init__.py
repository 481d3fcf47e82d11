"""What operations import: Grafana dashboards, Prometheus rules, the runbook."""

"""Write the JSON of every dashboard, and what Grafana provisions of the alerts."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana.alerting import FILES, TARGET, provisioned
from dashboards.grafana.catalogue import DASHBOARDS, rendered


def main(dashboards: Path = Path(__file__).parent, alerting: Path = TARGET) -> None:
    for name in DASHBOARDS:
        (dashboards / f"{name}.json").write_text(rendered(name), encoding="utf-8")
    for name in FILES:
        (alerting / f"{name}.yaml").write_text(provisioned(name), encoding="utf-8")


if __name__ == "__main__":
    main()

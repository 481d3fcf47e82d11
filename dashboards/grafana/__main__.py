"""Write the JSON of every dashboard."""

from __future__ import annotations

from pathlib import Path

from dashboards.grafana.catalogue import DASHBOARDS, rendered


def main() -> None:
    for name in DASHBOARDS:
        (Path(__file__).parent / f"{name}.json").write_text(rendered(name), encoding="utf-8")


if __name__ == "__main__":
    main()

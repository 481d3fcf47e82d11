"""Plan: a model's manifest in the words of the statistics."""

from __future__ import annotations

from detectors.plan import Plan
from service.models.features import FLAGS
from service.models.manifest import Manifest


def plan_of(manifest: Manifest, cells: tuple[str, ...] = (), stratum: str = "") -> Plan:
    """Say what is watched of a model version; `cells` are the subgroups that its reference knows, `stratum` that of which each has its own."""
    monitoring = manifest.monitoring
    return Plan(
        findings=manifest.finding_names,
        thresholds=manifest.threshold_logits,
        numeric=monitoring.numeric,
        categorical=monitoring.categorical,
        cells=cells,
        alarms_per_year=monitoring.alarms_per_year,
        label_maturity_days=monitoring.label_maturity_days,
        minimum_odds_ratio=monitoring.minimum_odds_ratio,
        costs_false_negative=tuple(finding.cost_false_negative for finding in manifest.findings),
        costs_false_positive=tuple(finding.cost_false_positive for finding in manifest.findings),
        flags=FLAGS,
        stratum=stratum,
    )

"""Ages: how old the youngest film of a window is, by what is measured of it."""

from __future__ import annotations

from detectors.label_maturity import COHORTS, maturity_names

MATURED = frozenset(
    {
        "observed_prevalence", "calibration_intercept", "calibration_slope", "spiegelhalter_z", "brier_score", "smooth_calibration_error",
        "sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value", "expected_cost_per_thousand", "net_benefit",
        "auroc", "auprc", "sensitivity_estimate_error", "positive_predictive_value_estimate_error", "reader_kappa",
        "sensitivity_gap", "specificity_gap",
    }
)  # fmt: skip
"""Measurements that rest on labels."""
COHORT = {name: age for age in COHORTS for name in maturity_names(age)}


def age_of(name: str, maturity_days: int) -> int:
    """Days between the end of the films that a measurement rests on and the day on which it is read.

    >>> age_of("flag_rate", 14), age_of("auroc", 14), age_of("label_completeness_90d", 14)
    (0, 14, 90)
    """
    return maturity_days if name in MATURED else COHORT.get(name, 0)

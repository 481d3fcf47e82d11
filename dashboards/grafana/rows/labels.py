"""How much of the truth has arrived, and how far those who state it agree."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from dashboards.grafana.measured import HIGH, LOW, WINDOW
from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import FINDING, once

TITLE = "Labels of $finding, $window"

WHOLE = f'{FINDING},subgroup="all"'
COMPLETENESS, DELAY = "label_completeness_[0-9]+d", "label_delay_p[0-9]+_[0-9]+d"
WAITING = 'stepwedge_labels_waiting{model=~"$model|"}'
KAPPA = (("stepwedge_measurement", "kappa"), ("stepwedge_measurement_low", LOW), ("stepwedge_measurement_high", HIGH))


def row() -> list[timeseries.Panel]:
    return [
        lines(
            "Completeness by age",
            "Share of films that had a label within 14, 30 and 90 days, of films just so old. A fall: fewer labels come, or they come later; "
            "whatever rests on labels gets wider intervals. Films younger than label_maturity_days are in no number that rests on labels.",
            [Query(once("stepwedge_measurement", f'{WHOLE},measurement=~"{COMPLETENESS}",{WINDOW}', "measurement"), "{{measurement}}")],
            unit="percentunit",
            width=6,
            ends=(0, 1),
            alert="StepwedgeLabelDrought",
        ),
        lines(
            "Delay of the first label",
            "Median and 95th percentile of the days from film to first label, of labels that came within 14, 30 and 90 days. Where the 95th "
            "percentile comes near label_maturity_days, days are judged before their labels are there: raise it.",
            [Query(once("stepwedge_measurement", f'{WHOLE},measurement=~"{DELAY}",{WINDOW}', "measurement"), "{{measurement}}")],
            unit="d",
            width=6,
            ends=(0, None),
        ),
        lines(
            "Labels that wait for their film",
            "Statements on films that nobody has sent, for this model or for any. Growing: the archive writes accession numbers or UIDs in another "
            "way than the gateway's films do, or films do not reach the gateway.",
            [Query(f"max by (model) ({WAITING})", "waiting {{model}}")],
            unit="short",
            width=6,
            ends=(0, None),
            alert="StepwedgeLabelDrought",
        ),
        lines(
            "Agreement of readers (kappa)",
            "1 is full agreement, 0 what chance gives. Falling: readers understand the finding differently, and what the model is measured against "
            "is worth less; talk with the readers before anything is done to the model. No line: no film was read by two.",
            [Query(once(series, f'{WHOLE},measurement="reader_kappa",{WINDOW}'), legend) for series, legend in KAPPA],
            width=6,
            interval=(LOW, HIGH),
            ends=(0, 1),
        ),
    ]

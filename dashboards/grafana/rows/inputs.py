"""What the model is given, compared with what it was accepted on."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, timeseries

from dashboards.grafana import uids
from dashboards.grafana.measured import by_feature
from dashboards.grafana.panels import Query, lines
from dashboards.grafana.promql import GATEWAY, MODEL, once
from dashboards.grafana.series import against_its_band, series_table

TITLE = "Inputs"

INPUTS = f'{MODEL},family=~"acquisition|image|embedding"'
ODD = f'{INPUTS},bin=~"missing|unseen|out of range"'
RATE, REFERENCE = (once(f"stepwedge_series_{one}", ODD, "feature", "bin") for one in ("rate", "reference_rate"))


def row() -> list[timeseries.Panel | table.Panel]:
    return [
        against_its_band(
            "The chosen series against its band: $series",
            "Choose it at the top (strongest first) or by a click in the table of series below, or in that of the model's dashboard. Outside the shaded band evidence grows; inside it fades.",
            f'{MODEL},series="$series"',
        ),
        lines(
            "Missing, unseen, out of range: more than in the reference",
            "How much larger than in the reference the share of studies is in which an attribute is absent, has a value never seen, or is out of range. "
            "A step up is nearly always a changed device, router or software: ask what was installed that day.",
            [Query(f"topk(10, {RATE} - {REFERENCE} > 0)", "{{feature}} {{bin}}")],
            unit="percentunit",
            ends=(0, None),
            alert="StepwedgeModelAlarm",
        ),
        lines(
            "Films with a flag",
            "Share of the recorded films that carry a flag in the last 6 hours: constant, saturated, clipped and the like. A step up is a broken detector, "
            "export or converter; the answers to such films are worth little.",
            [
                Query(
                    f"sum by (flag) (increase(stepwedge_flags_total{{{GATEWAY}}}[6h])) "
                    f"/ on () group_left sum(increase(stepwedge_requests_recorded_total{{{GATEWAY}}}[6h]))",
                    "{{flag}}",
                )
            ],
            unit="percentunit",
            width=8,
            ends=(0, None),
        ),
        lines(
            "Films out of scope, by attribute",
            "Requests refused in an hour because the model was not made for such films, by what said so. A PACS that forwards everything shows here, "
            "and so does a scanner that starts to write another body part or view.",
            [Query(f"sum by (attribute) (increase(stepwedge_out_of_scope_total{{{GATEWAY}}}[1h]))", "{{attribute}}")],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeRefusalsHigh",
        ),
        lines(
            "New devices",
            "Devices (maker, model, software, station) first seen in the last 24 hours that the reference does not know. "
            "Which ones: /v1/models/<model>/devices.",
            [Query("max(stepwedge_new_devices{" + GATEWAY + "})", "new devices")],
            unit="short",
            width=8,
            ends=(0, None),
            alert="StepwedgeNewDevice",
        ),
        series_table(
            "Series of the inputs, strongest first",
            "Rate of the last seven judged days beside the reference and its band. Click a series to draw it above.",
            INPUTS,
            keep=(*uids.CHOSEN_MODEL, "finding", "window"),
        ),
        by_feature(
            "Attributes and image statistics, $window",
            "feature_drift: distance of the values from the reference's, 0 to 1. The shares: of studies without a value, with a value never seen, "
            "out of range; of the reference's values, the most frequent that comes no more; of studies with a quality flag. breached says that it moved, not that it hurts; only evidence pages.",
            ("feature_drift", "missing_share", "unseen_share", "vanished_share", "out_of_range_share", "quality_flag_rate"),
            width=24,
        ),
    ]

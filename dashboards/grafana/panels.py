"""The few kinds of panels that every row is made of, so that all of them read alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import prometheus as prometheus_models
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from dashboards.grafana.runbook import link_to

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")
Steps = Sequence[tuple[float | None, str]]
"""Colours from a value upwards; the first step starts at None, which is minus infinity."""

PLAIN: Steps = ((None, "text"),)
LIMIT: Steps = ((None, "green"), (0.5, "orange"), (1.0, "red"))
"""Evidence is relative to its limit: 1 is an alarm."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, and what its lines are called in the legend."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: an expression whose labels are the rows."""

    title: str
    expr: str
    unit: str = "none"
    decimals: int | None = None
    steps: Steps = ()
    words: tuple[tuple[str, str, str], ...] = ()
    """Values that are shown as a word: value, word, colour."""


@dataclass(frozen=True, slots=True)
class Leads:
    """A column of labels whose values lead to another page: name of the label, what the link is called, and where it goes."""

    label: str
    title: str
    url: str


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value=value, color=color) for value, color in steps])


def number(
    title: str, about: str, expr: str, *, unit: str, steps: Steps = PLAIN, alert: str = "", decimals: int | None = None
) -> stat.Panel:
    """One figure of now, a sixth of the width."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .with_target(prometheus.Dataquery().expr(expr).instant().ref_id("A"))
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(common.BigValueColorMode.BACKGROUND if len(steps) > 1 else common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .unit(unit)
        .thresholds(thresholds(steps))
        .no_value("no data")
        .height(4)
        .span(4)
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    return panel.links([link_to(alert)]) if alert else panel


def lines(
    title: str,
    about: str,
    queries: Sequence[Query],
    *,
    unit: str = "none",
    width: int = 12,
    limit: float | None = None,
    interval: tuple[str, str] | None = None,
    logarithmic: bool = False,
    stacked: bool = False,
    ends: tuple[float | None, float | None] = (None, None),
    alert: str = "",
) -> timeseries.Panel:
    """Figures over time.

    limit: drawn as a red line. interval: names of the lines between which a band is filled, low and high.
    ends: soft ends of the axis.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .targets([_ranged(query, ref) for query, ref in zip(queries, ascii_uppercase, strict=False)])
        .unit(unit)
        .legend(
            options.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(options.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
        .line_width(2)
        .fill_opacity(20 if stacked else 0)
        .show_points(common.VisibilityMode.NEVER)
        .height(8)
        .span(width)
    )
    low, high = ends
    panel = panel if low is None else panel.axis_soft_min(low)
    panel = panel if high is None else panel.axis_soft_max(high)
    if limit is not None:
        panel = panel.thresholds(thresholds(((None, "transparent"), (limit, "red"))))
        panel = panel.thresholds_style(options.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    if interval is not None:
        panel = _band(panel, *interval)
    if logarithmic:
        panel = panel.scale_distribution(options.ScaleDistributionConfig().type(common.ScaleDistribution.LOG).log(10))
    if stacked:
        panel = panel.stacking(options.StackingConfig().mode(common.StackingMode.NORMAL))
    return panel.links([link_to(alert)]) if alert else panel


def listing(
    title: str,
    about: str,
    columns: Sequence[Column],
    *,
    sort: Sequence[str],
    width: int = 24,
    height: int = 8,
    leads: Sequence[Leads] = (),
    alert: str = "",
) -> table.Panel:
    """Figures of now, side by side: one row for each set of labels that the columns share.

    sort: titles of columns, largest first; the next one decides between equals. leads: labels that are links.
    """
    names = {f"Value #{ref}": column.title for column, ref in zip(columns, ascii_uppercase, strict=False)} | {"Value": columns[0].title}
    panel = (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .targets([_tabled(column, ref) for column, ref in zip(columns, ascii_uppercase, strict=False)])
        .with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}, "renameByName": names}))
        .sort_by([options.TableSortByFieldState().display_name(one).desc(desc=True) for one in sort])
        .filterable(filterable=True)
        .height(height)
        .span(width)
    )
    for column in columns:
        panel = panel.override_by_name(column.title, _shown(column))
    for lead in leads:
        panel = panel.override_by_name(lead.label, [DynamicConfigValue("links", [{"title": lead.title, "url": lead.url}])])
    return panel.links([link_to(alert)]) if alert else panel


def _ranged(query: Query, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().datasource(DATASOURCE).expr(query.expr).legend_format(query.legend).range().ref_id(ref)


def _tabled(column: Column, ref: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(DATASOURCE)
        .expr(column.expr)
        .format(prometheus_models.PromQueryFormat.TABLE)
        .instant()
        .ref_id(ref)
    )


def _band(panel: timeseries.Panel, low: str, high: str) -> timeseries.Panel:
    """Fill between two lines and draw them thin, so that the figure itself stands out."""
    edge = [DynamicConfigValue("custom.lineWidth", 0), DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "blue"})]
    fill = [*edge, DynamicConfigValue("custom.fillBelowTo", low), DynamicConfigValue("custom.fillOpacity", 15)]
    return panel.override_by_name(low, edge).override_by_name(high, fill)


def _shown(column: Column) -> list[DynamicConfigValue]:
    shown = [DynamicConfigValue("unit", column.unit)]
    if column.decimals is not None:
        shown.append(DynamicConfigValue("decimals", column.decimals))
    if column.steps:
        shown.append(DynamicConfigValue("thresholds", thresholds(column.steps).build()))
    if column.words:
        results = {value: ValueMappingResult(text=word, color=color) for value, word, color in column.words}
        shown.append(DynamicConfigValue("mappings", [ValueMap(options=results)]))
    if column.steps or column.words:
        shown.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return shown

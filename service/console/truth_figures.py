"""Truth figures: what the curves of a finding look like, with the reference's beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from detectors.curves import Curve, curves
from detectors.masses import Masses, masses_of
from detectors.reference import Reference
from service.api.curves import NEEDED, CurveReply, CurvesReply, PointsReply
from service.console.charts.curve import Here, Line, Plot, curve
from service.console.charts.figure import Figure
from service.console.charts.reliability import Group, reliability

Named = Literal["roc", "precision_recall", "decision", "reliability"]
TITLES: Mapping[Named, tuple[str, str, str]] = {
    "roc": ("ROC curve", "false positive rate (1 - specificity)", "sensitivity"),
    "precision_recall": ("Precision and recall", "sensitivity (recall)", "positive predictive value (precision)"),
    "decision": ("Decision curve", "threshold probability", "net benefit, true positives a film"),
}
SMALLEST_BENEFIT = -0.25
"""Of the greatest one: the field of a decision curve ends here, as flagging everything falls without end."""
HALF_A_BIN = 0.016


def of_reference(reference: Reference, finding: str, cell: str) -> Mapping[str, Curve]:
    """The reference's own curves; none where it has too few labels."""
    masses: Masses = masses_of(reference.schema, reference.tallies, (finding,), (cell,))
    if masses.events[0].min() < NEEDED:
        return {}
    return {one.name: one for one in curves(masses.negatives[0], masses.positives[0], masses.scale[0])}


def drawn_curve(reply: CurvesReply, name: Named, then: Curve | None) -> Figure:
    """A curve of the window with its band, the reference's, and where the model operates."""
    title, across, up = TITLES[name]
    found = next(one for one in reply.curves if one.name == name)
    points = found.points
    lines = [Line("window, 95 % band", points.x, points.y, points.low, points.high)]
    lines += [Line("reference", [one.x for one in then.points], [one.y for one in then.points], role="reference")] if then else []
    lines += _ideals(reply, name)
    plot = Plot(
        name.replace("_", "-"),
        title if found.area is None else f"{title}: area {found.area:.3f}",
        across,
        up,
        _benefits(found, then) if name == "decision" else (0.0, 1.0),
        _note(reply, then, found),
        f"{title} of {reply.finding} in {reply.subgroup}, {reply.labels:,} labels.",
        points.threshold,
        points.n,
    )
    return curve(plot, lines, _here(points, reply, name))


def drawn_reliability(reply: CurvesReply, then: Curve | None) -> Figure:
    """Ten groups of films against the diagonal."""
    points = next(one for one in reply.curves if one.name == "reliability").points
    columns = (points.x, points.y, points.low, points.high, points.n)
    groups = [Group(*values) for values in zip(*columns, strict=True)]
    former = [Group(one.x, one.y, one.low, one.high, one.n) for one in then.points] if then else []
    return reliability("reliability", f"Reliability of {reply.finding}", groups, former, _counted(reply))


def _counted(reply: CurvesReply) -> str:
    return f"{reply.labels:,} labels, standing for {reply.positives:,.0f} films with the finding and {reply.negatives:,.0f} without it."


def _note(reply: CurvesReply, then: Curve | None, found: CurveReply) -> str:
    area = "" if then is None or then.area is None or found.area is None else f" Area of the reference: {then.area:.3f}."
    return _counted(reply) + area


def _ideals(reply: CurvesReply, name: Named) -> Sequence[Line]:
    prevalence = reply.prevalence or 0.0
    if name == "roc":
        return [Line("by chance", [0.0, 1.0], [0.0, 1.0], role="ideal")]
    if name == "precision_recall":
        return [Line(f"by chance: prevalence {prevalence:.2f}", [0.0, 1.0], [prevalence, prevalence], role="ideal")]
    shares = [step / 100 for step in range(96)]
    flag_all = [prevalence - share / (1 - share) * (1 - prevalence) for share in shares]
    return [Line("flag every film", shares, flag_all, role="ideal"), Line("flag none", [0.0, 1.0], [0.0, 0.0], role="ideal")]


def _benefits(found: CurveReply, then: Curve | None) -> tuple[float, float]:
    most = max([0.01, *found.points.y, *(one.y for one in (then.points if then else ()))])
    return SMALLEST_BENEFIT * most, 1.1 * most


def _here(points: PointsReply, reply: CurvesReply, name: Named) -> Here | None:
    """The first point whose threshold is not below the operating point, to half a score bin."""
    at = next((at for at, threshold in enumerate(points.threshold) if threshold >= reply.threshold - HALF_A_BIN), None)
    if at is None:
        return None
    x, y = points.x[at], points.y[at]
    told = {
        "roc": f"operates at sensitivity {y:.2f}, specificity {1 - x:.2f}",
        "precision_recall": f"operates at sensitivity {x:.2f}, PPV {y:.2f}",
        "decision": f"operates at {reply.threshold_probability:.2f}, net benefit {y:.3f}",
        "reliability": "",
    }[name]
    return Here(x, y, told)

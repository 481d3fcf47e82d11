"""The `[remedies]` of model.toml: what may be done about which alarm, by whom, on how much truth, and when a new version is good enough.

It is declared with the version, before anything goes wrong, and each remedy keeps the plan that it was proposed under. That is what a
predetermined change control plan asks for: method, data, acceptance criteria, who decides, and the way back.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from service.models.section import Section

Action = Literal["investigate", "rethreshold", "recalibrate", "retrain", "stop"]
LADDER: tuple[Action, ...] = ("investigate", "rethreshold", "recalibrate", "retrain", "stop")
"""Mildest first."""

Margin = Annotated[float, Field(ge=0, le=0.5)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Days = Annotated[int, Field(ge=0, le=3650)]
CallerName = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]


class Allowed(Section):
    """Which remedies each kind of alarm may lead to; the mildest one that the evidence supports is proposed. An empty list: none at all."""

    prevalence: tuple[Action, ...] = ("rethreshold", "recalibrate")
    calibration: tuple[Action, ...] = ("recalibrate", "retrain")
    acquisition: tuple[Action, ...] = ("investigate", "retrain")
    both: tuple[Action, ...] = ("investigate", "recalibrate", "retrain")
    performance: tuple[Action, ...] = ("retrain", "stop")
    silence: tuple[Action, ...] = ("investigate",)

    @field_validator("*")
    @classmethod
    def actions_are_named_once(cls, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        if len(set(actions)) != len(actions):
            raise ValueError("an action is given twice")
        return tuple(sorted(actions, key=LADDER.index))


class Acceptance(Section):
    """When a challenger may take the champion's place: how much worse it may be, on the same cases, with one-sided error `alpha`.

    auroc_margin, sensitivity_margin, specificity_margin: largest loss that is still no loss, over all cases.
    subgroup_margin: the same for each of the three in every declared subgroup that has enough cases.
    calibration_slope: the band in which the slope of the challenger's calibration must lie.
    brier_margin: how much its Brier score may exceed the champion's. latency_ratio: how many times the champion's time it may take.
    minimum_positives, minimum_negatives: labelled cases of a finding before anything is said of it; subgroup_minimum: likewise, of either
        class, in a subgroup, where fewer are reported and not judged. minimum_days: how long it predicts in the champion's shadow.
    """

    auroc_margin: Margin = 0.02
    sensitivity_margin: Margin = 0.05
    specificity_margin: Margin = 0.05
    subgroup_margin: Margin = 0.1
    calibration_slope: tuple[float, float] = (0.8, 1.25)
    brier_margin: Margin = 0.005
    latency_ratio: Annotated[float, Field(gt=0, le=100)] = 1.5
    minimum_positives: Count = 50
    minimum_negatives: Count = 50
    subgroup_minimum: Count = 20
    minimum_days: Days = 0
    alpha: Share = 0.05

    @model_validator(mode="after")
    def band_has_a_width(self) -> Self:
        if not 0 < self.calibration_slope[0] < self.calibration_slope[1]:
            raise ValueError("calibration_slope: the lower end, above 0, comes first")
        return self


class Stop(Section):
    """When it is proposed to take the model out of service: the lower bound of sensitivity, or of AUROC, below these. 0: never.

    The bound is that of the 95 % interval of the window that the alarm speaks of; fewer than `minimum_positives` say nothing.
    """

    sensitivity: Annotated[float, Field(ge=0, lt=1)] = 0.0
    auroc: Annotated[float, Field(ge=0, lt=1)] = 0.0
    minimum_positives: Count = 50


class Remedies(Section):
    """What may be done about an alarm.

    cool_down_days: after a remedy was promoted or done, its action is not proposed again for so long; a stop is.
    expires_days: a proposal that nobody decided on is over after so long. approvers: names of callers that may decide; empty: whoever has the
        role `operate`. minimum_positives, minimum_negatives: mature labels of each finding that a fit needs; subgroup_minimum: labels that a
        declared subgroup must have to be among those it is checked in. label_days: how far back labels are taken for a fit.
    challenger_days: a retraining that brought no challenger in so long is shown as stuck.
    """

    allowed: Allowed = Allowed()
    cool_down_days: Days = 30
    expires_days: Annotated[int, Field(ge=1, le=3650)] = 30
    approvers: Annotated[tuple[CallerName, ...], Field(max_length=100)] = ()
    minimum_positives: Count = 50
    minimum_negatives: Count = 50
    subgroup_minimum: Count = 20
    label_days: Annotated[int, Field(ge=1, le=3650)] = 365
    challenger_days: Annotated[int, Field(ge=1, le=3650)] = 7
    acceptance: Acceptance = Acceptance()
    stop: Stop = Stop()

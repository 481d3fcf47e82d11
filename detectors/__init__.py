"""Pure statistics of a model in service: numpy and scipy, no clock, no files, no database.

In a notebook, two sets of arrays and three lines give any measurement, with its interval, limit and verdict:

>>> import numpy as np
>>> from detectors.arrays import Arrays, reference_of, window_of
>>> rng = np.random.default_rng(0)
>>> then, now = Arrays({"KVP": rng.normal(110, 5, 2000)}), Arrays({"KVP": rng.normal(113, 5, 500)})
>>> reference = reference_of(then)
>>> drift = feature_drift(reference, window_of(reference, now))[0]
>>> round(drift.value, 2), round(drift.limit, 2), drift.verdict.value
(0.23, 0.1, 'breached')

Scores and labels likewise:

>>> logits = rng.normal(-1, 2, 2000)
>>> truth = rng.random(2000) < 1 / (1 + np.exp(-logits))
>>> reference = reference_of(Arrays(scores=logits, labels=truth))
>>> one = auroc(reference, window_of(reference, Arrays(scores=logits[:500], labels=truth[:500])))[0]
>>> one.name, one.n, one.interval.low < one.value < one.interval.high, one.verdict.value
('auroc', 500, True, 'within')

`DETECTORS` holds every measurement; each takes (reference, window) and returns a list.

The way of the numbers, and the public names in their modules:

plan         Plan: findings, thresholds (logits), features, cells, budget. `family_of(feature)`.
batch        Batch: columns of predictions. `Batch.empty(plan, dimensions=0)`, `.select(mask)`, `len()`.
schema       Schema: which number lies where in the flat vector; `.digest` (bytes), `.size`.
tally        Tally: schema + one int64 vector. `Tally.zero(schema)`, `a + b`, `.n`, `.encode() -> bytes`, `Tally.decode(schema, bytes)`.
             `tally(schema, batch) -> Tally`; `tally_cells(schema, batch, cells: Mapping[str, mask]) -> dict[str, Tally]`
             (one pass over the rows for any number of cells; "all" is added where the mapping lacks it).
reference    Reference: frozen; `.plan`, `.schema`, `.cells` ("all" first), `.tallies`, `.series`, `.rates`, `.trials`, `.dispersion`, `.bands`,
             `.to_bytes()`, `Reference.from_bytes(bytes)`.
             `build_reference(plan, batch, cells: Mapping[str, mask], days: int array) -> Reference`.
series       Series: one rate k of n and where its k and n lie. `count(series, tallies) -> Counts` (k and n of every series).
budget       `limit(series, alarms_per_year) -> float`: the evidence A at which a series pages.
evidence     State: evidence of every series at the end of a day. `State.start(reference)`, `.encode()`, `State.decode(reference, bytes)`.
             `fold_day(reference, state, day, counts, matured) -> State`:
               day      days since 1970-01-01 (UTC) of the day that is being folded, later than `state.day`;
               counts   cell -> tally of that day so far (inputs, scores);
               matured  cell -> tally of the day `plan.label_maturity_days` earlier, or {} (label series).
             Either mapping may lack cells: a series without observations keeps its evidence. Within a day call it again
             from the state at the end of the day before, with what has been tallied by then; store it when the day is over.
             `evidence(reference, state) -> float array`: evidence over its limit for every series of `reference.series`; 1 or more pages.
power        `detectable(reference, daily) -> float array [series, side]`: smallest odds ratio that is expected to page within two weeks.
             `silence(reference, state) -> float array`: the same for every source of `reference.sources.series`: that it has stopped.
incident     `judge(reference, state, recent={}) -> tuple[Incident, ...]`: at most one incident a family group ("inputs", "truth", "silence").
             recent: day -> cell -> tally of the last days (as many as are at hand); lets an incident of inputs name the subgroup.
             Incident: family, kind, cell, since (day), evidence, carriers (largest first), `.summary`.
             `persists(reference, state, family, since) -> bool`: an open alarm of this family group, begun then, is not yet over.
arrays       Arrays, `reference_of(arrays)`, `window_of(reference, arrays)`: the short way of a notebook, as above.
measurement  Measurement, Interval, Verdict: what the detectors below return.

`DETECTORS` lists every measurement detector: (reference, window: cell -> Tally) -> Sequence[Measurement].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from detectors.auprc import auprc
from detectors.auroc import auroc
from detectors.brier import brier
from detectors.calibration_line import calibration_line
from detectors.decision_costs import decision_costs
from detectors.decision_rates import decision_rates
from detectors.embedding_drift import embedding_drift
from detectors.estimate_error import estimate_error
from detectors.estimated_performance import estimated_performance
from detectors.feature_drift import feature_drift
from detectors.flag_rate import flag_rate
from detectors.measurement import Measurement
from detectors.missing_share import missing_share
from detectors.observed_prevalence import observed_prevalence
from detectors.out_of_distribution_share import out_of_distribution_share
from detectors.out_of_range_share import out_of_range_share
from detectors.prevalence_estimate import prevalence_estimate
from detectors.quality_flag_rate import quality_flag_rate
from detectors.reader_kappa import reader_kappa
from detectors.reference import Reference
from detectors.score_drift import score_drift
from detectors.smooth_calibration_error import smooth_calibration_error
from detectors.spiegelhalter import spiegelhalter
from detectors.subgroup_gaps import subgroup_gaps
from detectors.tally import Tally
from detectors.unseen_share import unseen_share
from detectors.vanished_share import vanished_share

Detector = Callable[[Reference, Mapping[str, Tally]], Sequence[Measurement]]

OF_INPUTS_AND_SCORES: tuple[Detector, ...] = (
    feature_drift,
    missing_share,
    unseen_share,
    vanished_share,
    out_of_range_share,
    quality_flag_rate,
    embedding_drift,
    out_of_distribution_share,
    score_drift,
    flag_rate,
    prevalence_estimate,
)
"""What needs no label, and so can be read within the day."""

OF_LABELS: tuple[Detector, ...] = (
    observed_prevalence,
    calibration_line,
    spiegelhalter,
    brier,
    smooth_calibration_error,
    decision_rates,
    decision_costs,
    auroc,
    auprc,
    estimate_error,
    reader_kappa,
    subgroup_gaps,
)
"""What rests on labels: asked of windows whose films are old enough to have them (`Plan.label_maturity_days`)."""

DETECTORS: tuple[Detector, ...] = (*OF_INPUTS_AND_SCORES, estimated_performance, *OF_LABELS)

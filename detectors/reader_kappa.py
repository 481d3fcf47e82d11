"""Reader kappa: how far readers of the same film agree, beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Interval, Measurement
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

NAME = "reader_kappa"
BOTH, ONE, NONE = range(3)


def reader_kappa(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure kappa over pairs of readers of one film, for every finding and cell; only a fall breaches. Less agreement is less truth.

    kappa = 1 - d / (2 q (1 - q)), with d the share of pairs that differ and q the share of votes that saw the finding; 1 is full agreement,
    0 what chance gives. n: pairs. Interval and limit are those of d (Wilson; rates.py) at the window's q. Pairs of one film are not
    independent, so with many readers a film the interval is somewhat narrow.

    Source:
        Scott 1955, Public Opinion Quarterly 19:321; Fleiss 1971, Psychological Bulletin 76:378, for pooled pairs.
    """
    where = [(finding, cell) for finding in reference.schema.findings for cell in reference.cells]
    pairs = [tally_of(reference.schema, window, cell).pairs(finding) for finding, cell in where]
    usual = [reference.tallies[cell].pairs(finding) for finding, cell in where]
    rates = [
        Rate(
            k=int(now[ONE]),
            n=int(now.sum()),
            k_reference=int(then[ONE]),
            n_reference=int(then.sum()),
            dispersion=1.0,
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
            cell=cell,
            finding=finding,
        )
        for (finding, cell), now, then in zip(where, pairs, usual, strict=True)
    ]
    return [_kappa(one, now) for one, now in zip(measure_rates(NAME, rates, "high"), pairs, strict=True)]


def _kappa(differ: Measurement, pairs: NDArray[np.int64]) -> Measurement:
    """Turn the share of pairs that differ into kappa."""
    seen = float(2 * pairs[BOTH] + pairs[ONE]) / max(float(2 * pairs.sum()), 1.0)
    chance = 2 * seen * (1 - seen)
    if differ.value is None or differ.interval is None:
        return replace(differ, reason=differ.reason if pairs.any() else "no film was read by several readers")
    if not chance:
        return Measurement.insufficient(
            NAME, differ.n, "the readers saw the finding always or never", cell=differ.cell, finding=differ.finding
        )
    return replace(
        differ,
        value=1 - differ.value / chance,
        interval=Interval(1 - differ.interval.high / chance, 1 - differ.interval.low / chance),
        limit=None if differ.limit is None else 1 - differ.limit / chance,
    )

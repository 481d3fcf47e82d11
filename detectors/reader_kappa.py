"""Reader kappa: how far readers of the same film agree, beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Measurement
from detectors.rates import SHOWN, rates_of
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

NAME = "reader_kappa"
BOTH, ONE, NONE = range(3)
NOBODY, ALIKE = "no film was read by several readers", "the readers saw the finding always or never"


def reader_kappa(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure kappa over pairs of readers of one film, for every finding and cell; only a fall breaches. Less agreement is less truth.

    kappa = 1 - d / (2 q (1 - q)), with d the share of pairs that differ and q the share of votes that saw the finding; 1 is full agreement,
    0 what chance gives. n: pairs. Interval and limit are those of d (Wilson; rates.py) at the window's q. Pairs of one film are not
    independent, so with many readers a film the interval is somewhat narrow.

    Source:
        Scott 1955, Public Opinion Quarterly 19:321; Fleiss 1971, Psychological Bulletin 76:378, for pooled pairs.
    """
    now, then = (_pairs(reference, tallies) for tallies in (window, reference.tallies))
    counts = np.stack([now[:, ONE], now.sum(axis=1), then[:, ONE], then.sum(axis=1), np.ones(len(now))], axis=1)
    where = [(cell, finding, "") for finding in reference.schema.findings for cell in reference.cells]
    seen = (2 * now[:, BOTH] + now[:, ONE]) / np.maximum(2 * now.sum(axis=1), 1.0)
    chance = 2 * seen * (1 - seen)
    known = now.sum(axis=1) > 0
    alike = (now.sum(axis=1) >= SHOWN) & (chance == 0)
    differ = rates_of(NAME, counts, "high", reference.plan.minimum_odds_ratio, where, without=_without(known, alike))
    low, high, value, limit = (
        1 - one / np.where(chance > 0, chance, np.nan) for one in (differ.high, differ.low, differ.value, differ.limit)
    )
    return replace(differ, value=value, low=low, high=high, limit=limit)


def _without(known: NDArray[np.bool_], alike: NDArray[np.bool_]) -> list[str]:
    """Why there is no kappa of a place; empty where there may be one."""
    return [NOBODY if not some else ALIKE if same else "" for some, same in zip(known.tolist(), alike.tolist(), strict=True)]


def _pairs(reference: Reference, window: Mapping[str, Tally]) -> NDArray[np.float64]:
    """Pairs of readers in every place, finding by finding [places, 3]."""
    tallies = [tally_of(reference.schema, window, cell) for cell in reference.cells]
    counted = [one.pairs(finding) for finding in reference.schema.findings for one in tallies]
    return np.array(counted, dtype=np.float64).reshape(-1, 3)

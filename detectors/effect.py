"""Effect: whether what a series shows since its change began is large enough to wake somebody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from detectors.ratios import OUTWARDS
from detectors.reference import Reference

LEAST, MOST = -10.0, 5.0
"""Standard errors that count."""
SMALLEST = 1e-12

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def beyond(reference: Reference, side: Ints, k: Ints, n: Ints, expected: Floats) -> Floats:
    """How far the rate since the onset lies beyond the edge of the band [series]: 1 at the edge, e times more for each standard error.

    The change of the log odds is taken from k of n against the expected hits. Where score groups share a series, their pooled odds move
    less than each group's: by the ratio of the mean p (1 - p) within the groups to that of the pooled rate, in the reference.

    Args:
        reference: Bands.
        side: On which side each series has moved, 0 or 1 [series].
        k: Hits since the onset on that side [series].
        n: Observations since then [series]; 0 where there is no onset.
        expected: Hits that the reference leads to expect of them [series].
    """
    known, gather, rates = reference.estimates, reference.gather, reference.rates
    within = gather.by_series(known.trials * known.rates * (1 - known.rates)) / np.maximum(reference.trials, 1)
    diluted = np.where(np.diff(gather.first, append=gather.rows) > 1, within / np.maximum(rates * (1 - rates), SMALLEST), 1.0)
    rate = (k + 0.5) / (n + 1)
    moved = (logit(rate) - logit((np.maximum(expected, 0.0) + 0.5) / (n + 1))) / np.maximum(diluted, SMALLEST)
    error = np.sqrt(known.clumps / ((n + 1) * rate * (1 - rate))) / np.maximum(diluted, SMALLEST)
    excess = (OUTWARDS[side] * moved - known.edges[np.arange(len(side)), side]) / error
    return np.asarray(np.exp(np.clip(np.where(n > 0, excess, LEAST), LEAST, MOST)))
